import { AsyncLocalStorage } from 'node:async_hooks'

/**
 * Runs a function outside every AsyncLocalStorage context: in the one in which the library was loaded.
 *
 * A bus is shared: its connection, its timers and its queues would else call everybody's listeners in the context of the one that
 * happened to make or to fill them.
 */
export const inRootContext = AsyncLocalStorage.snapshot()
