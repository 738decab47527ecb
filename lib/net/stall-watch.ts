import { QbpError } from '../base/errors.ts'
import { afterInput, Interval } from '../event-loop/timers.ts'
import type { WatchUser } from './watched.ts'

/** The time of bytes that wait for the peer is measured in so many steps: in each is looked for progress. */
const STEPS = 8

/** Watches bytes that wait for the peer: it is late if it takes none of them for `stallTimeoutMs`, and not silent while it takes some. */
export class StallWatch {
  readonly #user: WatchUser
  readonly #steps: Interval
  /** What the peer had taken at the last look, and how many looks ago that was another figure. */
  #taken: number
  #stalled = 0
  #isOver = false

  constructor(user: WatchUser) {
    this.#user = user
    this.#taken = user.watched.plumbing.sending.taken
    this.#steps = new Interval(user.limits.shortestMs / STEPS, () => this.#step())
  }

  cancel(): void {
    this.#isOver = true
    this.#steps.cancel()
  }

  #step(): void {
    const { plumbing } = this.#user.watched
    const { taken, waits } = plumbing.sending
    if (taken !== this.#taken) {
      this.#taken = taken
      this.#stalled = 0
      this.#user.someTaken()
    } else this.#stalled++
    if (!waits) {
      this.#user.allTaken()
      return
    }
    const { stallTimeoutMs, shortestMs } = this.#user.limits
    if ((this.#stalled * shortestMs) / STEPS < stallTimeoutMs) return
    afterInput(() => {
      if (this.#isOver || plumbing.sending.taken !== taken) return
      this.#user.miss(
        new QbpError(
          'ERR_QBP_STALL_TIMEOUT',
          `The peer took none of the bytes that wait for it for ${stallTimeoutMs} ms, which is stallTimeoutMs.`,
          { limit: stallTimeoutMs },
        ),
      )
    })
  }
}
