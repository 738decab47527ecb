// Whether a machine gives a process the time that its clocks count. A time-out of a process that had no core says nothing of
// what it waits for; one of a process that was busy itself does.

const TICK_MS = 100
/** What is kept of the past, for `within`. */
const KEPT_MS = 60_000

/** Watches the event loop of this process. */
export class Starvation {
  /** Milliseconds, in all, that the loop came late without the process having worked. */
  total = 0
  /** The most at a time. */
  longest = 0
  readonly #past: { at: number; starved: number }[] = []
  #timer: NodeJS.Timeout | undefined
  /** The last look, while it watches. */
  #last: { at: number; worked: number } | undefined

  watch(): this {
    this.#look()
    this.#timer = setInterval(() => this.#look(), TICK_MS).unref()
    return this
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /**
   * Counts one round of the loop, whose timer was to come after TICK_MS.
   *
   * @param now when it came, in milliseconds.
   * @param gap milliseconds since the last one.
   * @param worked milliseconds of processor time that the process had meanwhile: a loop that blocks itself is not starved.
   */
  tick(now: number, gap: number, worked: number): void {
    const starved = Math.max(0, gap - TICK_MS - worked)
    this.total += starved
    this.longest = Math.max(this.longest, starved)
    this.#past.push({ at: now, starved })
    while ((this.#past[0]?.at ?? now) < now - KEPT_MS) this.#past.shift()
  }

  /** Milliseconds of the last `ms` in which the process was starved; a minute at the most is remembered. */
  within(ms: number): number {
    if (this.#last !== undefined) this.#look() // Behind a stall another timer may come before this one's.
    const last = this.#past.at(-1)?.at ?? 0
    return this.#past.filter(({ at }) => at > last - ms).reduce((sum, { starved }) => sum + starved, 0)
  }

  #look(): void {
    const { user, system } = process.cpuUsage()
    const now = { at: performance.now(), worked: (user + system) / 1000 }
    if (this.#last !== undefined) this.tick(now.at, now.at - this.#last.at, now.worked - this.#last.worked)
    this.#last = now
  }
}
