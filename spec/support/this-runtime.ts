import type { ChildProcess } from 'node:child_process'

/** What starts this runtime at a shell, with a program to run after it. Deno lets no program do anything by itself. */
export const THIS_RUNTIME = 'deno' in process.versions ? `${process.execPath} run -A` : process.execPath

/**
 * Sends a signal that may not end a child. By its id: `child.kill()` of Deno sends one signal and no second, and takes a child that has handled
 * one for ended by it.
 */
export function sendSignal(child: ChildProcess, signal: NodeJS.Signals): void {
  const isThere = child.pid !== undefined && child.exitCode === null && child.signalCode === null
  if (isThere) process.kill(child.pid as number, signal)
}
