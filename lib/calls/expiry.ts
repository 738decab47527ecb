/** One alarm for all deadlines of a connection: a timer for each call would cost more than the call. */
export class Expiry {
  readonly #alarm: (ms: number) => void
  readonly #expire: (now: number) => number
  /** When the alarm rings, of `performance.now()`. */
  #rings = Number.POSITIVE_INFINITY

  /**
   * @param alarm has `rang` called in so many milliseconds; an earlier alarm goes.
   * @param expire ends what is due at `now`, and returns when the next is.
   */
  constructor(alarm: (ms: number) => void, expire: (now: number) => number) {
    this.#alarm = alarm
    this.#expire = expire
  }

  /** Something is due then. */
  at(due: number): void {
    if (due >= this.#rings) return
    this.#rings = due
    this.#alarm(Math.max(0, due - performance.now()))
  }

  /** The alarm has rung. Most often what it was set for is long done. */
  rang(): void {
    this.#rings = Number.POSITIVE_INFINITY
    this.at(this.#expire(performance.now() + CLOSE_MS))
  }
}

/** A timer may ring so much early: its clock has whole milliseconds. */
const CLOSE_MS = 1

/** Ends those that are late, in the order in which they were due. @returns when the next is. */
export function endLate<C extends { readonly due: number }>(
  calls: Iterable<C>,
  now: number,
  end: (call: C) => void,
): number {
  let next = Number.POSITIVE_INFINITY
  const late: C[] = []
  for (const call of calls) {
    if (call.due <= now) late.push(call)
    else if (call.due < next) next = call.due
  }
  for (const call of late.sort((a, b) => a.due - b.due)) end(call)
  return next
}
