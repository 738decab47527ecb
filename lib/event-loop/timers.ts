import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { hasRealTimers } from './clock.ts'

/** Node's own: a turn of the event loop, or a tick, is no time, and passes under mocked timers, too. */
export const immediate = setImmediate
export const { nextTick } = process
const realTimeout = setTimeout

/** `setTimeout` that keeps no process alive; Infinity, like all above 24 days, is never. */
export function timer(ms: number, expired: () => void): NodeJS.Timeout | undefined {
  return ms <= LONGEST_TIMER_MS ? setTimeout(expired, ms).unref() : undefined
}

/** Resolves after so long, or at once when the signal aborts. The process waits for it. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(waiting)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const waiting = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS))
    signal?.addEventListener('abort', done)
    if (signal?.aborted) done()
  })
}

/** Resolves after so long of real time, for another look at how far the operating system has come. */
export function look(ms: number): Promise<void> {
  return new Promise((resolve) => realTimeout(resolve, ms))
}

/**
 * Calls back after what waits in the kernel has been read: an expired timer runs before it. A peer that was silent by the clock alone,
 * while this process was busy, has been heard by then.
 */
export function afterInput(act: () => void): void {
  immediate(act)
}

/** Calls back each time that so long has passed since the last time, or since it was put off. It keeps no process alive. */
export class Interval {
  readonly #ms: number
  readonly #passed: () => void
  #timer: NodeJS.Timeout | undefined
  /** Mocked timers have a `refresh` that does nothing. */
  readonly #isReal = hasRealTimers()

  /** @param ms above 24 days, Infinity too: never. */
  constructor(ms: number, passed: () => void) {
    this.#ms = ms
    this.#passed = () => this.#timer !== undefined && passed()
    this.#set()
  }

  /** Begins it anew. */
  putOff(): void {
    if (this.#timer === undefined) return
    if (this.#isReal) {
      this.#timer.refresh()
      return
    }
    clearInterval(this.#timer)
    this.#set()
  }

  cancel(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #set(): void {
    this.#timer = this.#ms <= LONGEST_TIMER_MS ? setInterval(this.#passed, this.#ms).unref() : undefined
  }
}

/** A time is measured in so many steps, of which a stall of the event loop can swallow one. */
const STEPS = 8

/**
 * A time limit of several round trips. It counts the time in which the event loop ran: a stall of our own costs the peer an
 * eighth of it at most.
 */
export class Countdown {
  readonly #steps: Interval
  /** Null once it was cancelled. */
  #expired: (() => void) | null
  #left = STEPS

  constructor(ms: number, expired: () => void) {
    this.#expired = expired
    this.#steps = new Interval(ms / STEPS, () => this.#step())
  }

  cancel(): void {
    this.#steps.cancel()
    this.#expired = null
  }

  #step(): void {
    if (--this.#left > 0) return
    this.#steps.cancel()
    afterInput(() => this.#expired?.())
  }
}
