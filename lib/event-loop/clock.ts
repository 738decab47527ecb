// One clock for all that waits: it and the timers of `timers` go by the same time, also where a test has mocked that
// (`mock.timers` of node:test, Sinon, Jest, Vitest). What takes turns within milliseconds, such as fairness between
// connections, looks at the processor's time, and at performance.now().

/** Those of Node itself: null where the library was loaded under mocks, and whatever there is then is one. */
const realDate = isNative(Date) ? Date : null
const realSetTimeout = realDate === null ? null : setTimeout

let seenDate: DateConstructor | null = null
/** What to add to a mocked Date's time: it begins with that of `performance.now()` when it is first seen. */
let offset = 0

/**
 * Now, in ms since some moment: that of `performance.now()`, which no step of the system's clock moves. Where timers and Date are both
 * mocked it is the mocked time, which goes on from there, in whole ms. (A Date mocked alone most often stands still while timers go
 * on.)
 */
export function now(): number {
  if (Date === realDate || hasRealTimers()) return performance.now()
  if (Date !== seenDate) {
    seenDate = Date
    offset = Math.ceil(performance.now() - Date.now())
  }
  return Date.now() + offset
}

/** Whether `setTimeout` is Node's own. */
export function hasRealTimers(): boolean {
  return setTimeout === realSetTimeout
}

function isNative(date: DateConstructor): boolean {
  return /\[native code\]/.test(Function.prototype.toString.call(date))
}
