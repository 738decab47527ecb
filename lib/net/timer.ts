/** The longest time that Node's timers take, in milliseconds: 24 days. A longer one is never. */
const LONGEST_MS = 2 ** 31 - 1

/** `setTimeout` that keeps no process alive; Infinity, like all above 24 days, is never. */
export function timer(ms: number, expired: () => void): NodeJS.Timeout | undefined {
  return ms <= LONGEST_MS ? setTimeout(expired, ms).unref() : undefined
}

/**
 * Calls back after what waits in the kernel has been read: an expired timer runs before it. A peer that was silent by the clock alone,
 * while this process was busy, has been heard by then.
 */
export function afterInput(look: () => void): void {
  setImmediate(look)
}

/** A time is measured in so many steps, of which a stall of the event loop can swallow one. */
const STEPS = 8

/**
 * A time limit of several round trips. It counts the time in which the event loop ran: a stall of our own costs the peer an
 * eighth of it at most.
 */
export class Countdown {
  readonly #expired: () => void
  #timer: NodeJS.Timeout | undefined
  #left = STEPS

  constructor(ms: number, expired: () => void) {
    this.#expired = expired
    this.#timer = timer(ms / STEPS, () => this.#step())
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #step(): void {
    if (--this.#left > 0) this.#timer?.refresh()
    else afterInput(() => this.#timer !== undefined && this.#expired())
  }
}
