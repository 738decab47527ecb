import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs a function outside every AsyncLocalStorage context: in the one in which the library was loaded.
 *
 * What many share (a bus with its connection, timers and queues, a batch that several callers have filled, a turn of the event
 * loop) would else run on in the context of whoever happened to make, fill or schedule it, and show its store to the callbacks
 * of the others.
 */
export const inRootContext: <A extends unknown[], T>(run: (...args: A) => T, ...args: A) => T =
  AsyncLocalStorage.snapshot()
