import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs a function outside every AsyncLocalStorage context: in the one in which the library was loaded.
 *
 * What many connections share, a batch that several callers have filled or a turn of the event loop, would else run on in the
 * context of the one that happened to schedule it, and show its store to the callbacks of the others.
 */
export const inRootContext: <A extends unknown[]>(run: (...args: A) => void, ...args: A) => void =
  AsyncLocalStorage.snapshot()
