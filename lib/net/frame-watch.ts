import { QbpError } from '../base/errors.ts'
import { afterInput, Interval } from '../event-loop/timers.ts'
import type { WatchUser } from './watched.ts'

/** A frame's time is measured in so many steps: in each is looked for progress. */
const STEPS = 8

/** Watches a frame that has begun and is not whole: the peer is late if it does not come on for `frameTimeoutMs` while somebody waits. */
export class FrameWatch {
  readonly #user: WatchUser
  readonly #steps: Interval
  /** The frame, what had come of it, and how many steps somebody has waited for more since. */
  #index = 0
  #pending = 0
  #waited = 0
  #isOver = false

  constructor(user: WatchUser) {
    this.#user = user
    this.#begin()
    this.#steps = new Interval(user.limits.frameTimeoutMs / STEPS, () => this.#step())
  }

  cancel(): void {
    this.#isOver = true
    this.#steps.cancel()
  }

  #begin(): void {
    const { index, pending } = this.#user.intake.frames
    this.#index = index
    this.#pending = pending
    this.#waited = 0
  }

  #step(): void {
    const { waiting, frames } = this.#user.intake
    if (frames.pending === 0) this.#user.frameWhole()
    else if (frames.index !== this.#index) this.#begin()
    else if (waiting && ++this.#waited >= STEPS) {
      if (this.#comesOn()) this.#begin()
      else afterInput(() => this.#expired())
    }
  }

  /** Whether the frame has come on fast enough since it is watched. */
  #comesOn(): boolean {
    const { frameTimeoutMs, minFrameBytesPerSecond } = this.#user.limits
    const came = this.#user.intake.frames.pending - this.#pending
    return came >= (minFrameBytesPerSecond * frameTimeoutMs) / 1_000
  }

  #expired(): void {
    const { frames } = this.#user.intake
    if (this.#isOver || frames.pending === 0) return
    if (frames.index !== this.#index || this.#comesOn()) return
    const { frameTimeoutMs, minFrameBytesPerSecond } = this.#user.limits
    const came = frames.pending - this.#pending
    this.#user.miss(
      new QbpError(
        'ERR_QBP_FRAME_TIMEOUT',
        `Frame ${frames.index} is not whole; ${frames.pending} bytes of it came, and ${came} of them in the last ${frameTimeoutMs} ms, ` +
          `which is frameTimeoutMs; longer than that it may take only at minFrameBytesPerSecond, ${minFrameBytesPerSecond}.`,
        { frame: frames.index, size: frames.pending, limit: frameTimeoutMs },
      ),
    )
  }
}
