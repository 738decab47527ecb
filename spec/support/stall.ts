/** Keeps the event loop busy: no timer fires meanwhile, and what comes waits in the kernel. */
export function stall(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
