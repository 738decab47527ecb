/** The longest time that timers take: a longer one is never. */
export const LONGEST_MS = 2 ** 31 - 1

/** `setTimeout`, which in Node keeps no process alive; Infinity, like all above 24 days, is never. */
export function timer(ms: number, expired: () => void): ReturnType<typeof setTimeout> | undefined {
  if (ms > LONGEST_MS) return undefined
  const set = setTimeout(expired, ms)
  ;(set as { unref?(): void }).unref?.()
  return set
}
