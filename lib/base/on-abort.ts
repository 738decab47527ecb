import { callEach } from './call-each.ts'

/** What is called when a signal aborts, by signal. */
const watched = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when a signal aborts, once. There is one listener for all who wait for a signal: Node takes the eleventh for a leak, and says so.
 *
 * @param act a function of its own for each call.
 * @returns takes it back.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const acts = watched.get(signal) ?? new Set()
  if (acts.size === 0) {
    watched.set(signal, acts)
    signal.addEventListener('abort', aborted)
  }
  acts.add(act)
  return () => {
    if (acts.delete(act) && acts.size === 0) signal.removeEventListener('abort', aborted)
  }
}

function aborted(this: AbortSignal): void {
  callEach(watched.get(this) ?? [])
}
