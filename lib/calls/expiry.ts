/** The clock of a connection, and its one alarm. */
export interface AlarmClock {
  /** In ms since some moment. */
  readonly now: number
  /** Has `rang` called in so many milliseconds; an earlier alarm goes. */
  alarm(ms: number): void
}

/** One alarm for all deadlines of a connection: a timer for each call would cost more than the call. */
export class Expiry {
  readonly #clock: AlarmClock
  readonly #expire: (now: number) => number
  /** When the alarm rings. */
  #rings = Number.POSITIVE_INFINITY

  /** @param expire ends what is due at `now`, and returns when the next is. */
  constructor(clock: AlarmClock, expire: (now: number) => number) {
    this.#clock = clock
    this.#expire = expire
  }

  /** Something is due then. */
  at(due: number): void {
    if (due >= this.#rings) return
    this.#rings = due
    this.#clock.alarm(Math.max(0, due - this.#clock.now))
  }

  /**
   * The alarm has rung; most often what it was set for is long done. That is due, whatever the clock says, which stands still where a
   * test has mocked the timers alone.
   */
  rang(): void {
    const due = Math.max(this.#rings, this.#clock.now + CLOSE_MS)
    this.#rings = Number.POSITIVE_INFINITY
    this.at(this.#expire(due))
  }
}

/** What is due so soon ends along: a timer has whole milliseconds. */
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
