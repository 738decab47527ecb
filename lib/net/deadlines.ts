import type { QbpError } from '../base/errors.ts'
import type { ReaderPort } from '../streams/ports.ts'
import { FrameWatch } from './frame-watch.ts'
import { SilenceWatch } from './silence-watch.ts'
import { StallWatch } from './stall-watch.ts'
import type { TimeLimits } from './time-limits.ts'
import type { Watched, WatchUser } from './watched.ts'

/**
 * The deadlines of one connection. They run until `stop`, and from `start` on again, which those of a peer's silence need to begin;
 * from `stopHearing` on only the one of bytes that wait for the peer does. Each is a watch of its own, made when there is something
 * to watch.
 *
 * A peer is late only if it was silent while we listened: bytes that wait in the kernel, bytes of ours that it is still taking
 * and a stall of our own event loop are no silence. So whatever has expired is looked at once more, after the kernel's bytes
 * have been read.
 */
export class Deadlines implements WatchUser {
  readonly intake: Pick<ReaderPort, 'waiting' | 'frames'>
  readonly watched: Watched
  readonly limits: TimeLimits
  #phase: 'stopped' | 'running' | 'deaf' = 'running'
  /** There while there is a limit to the peer's silence. */
  #silence: SilenceWatch | null = null
  /** There while a frame has begun and is not whole. */
  #frame: FrameWatch | null = null
  /** There while bytes wait for the peer. */
  #stall: StallWatch | null = null

  constructor(intake: Pick<ReaderPort, 'waiting' | 'frames'>, watched: Watched, limits: TimeLimits) {
    this.intake = intake
    this.watched = watched
    this.limits = limits
  }

  start(): void {
    this.#phase = 'running'
    if (SilenceWatch.isLimited(this.limits)) this.#silence = new SilenceWatch(this)
    if (this.watched.plumbing.sending.waits) this.blocked()
  }

  /** Bytes have come and have been fed to the reader. */
  heard(): void {
    if (this.#phase !== 'running') return
    this.#silence?.heard()
    if (this.#frame !== null || this.intake.frames.pending === 0) return
    if (this.limits.frameTimeoutMs !== Number.POSITIVE_INFINITY) this.#frame = new FrameWatch(this)
  }

  /** Bytes wait for the peer. */
  blocked(): void {
    if (this.#phase === 'stopped' || this.#stall !== null) return
    if (this.limits.shortestMs !== Number.POSITIVE_INFINITY) this.#stall = new StallWatch(this)
  }

  /** Nothing more is to come from the peer; what was written is still to be taken. */
  stopHearing(): void {
    if (this.#phase === 'running') this.#phase = 'deaf'
    this.#silence?.cancel()
    this.#silence = null
    this.frameWhole()
  }

  stop(): void {
    this.stopHearing()
    this.#phase = 'stopped'
    this.allTaken()
  }

  // ---- for the watches

  frameWhole(): void {
    this.#frame?.cancel()
    this.#frame = null
  }

  someTaken(): void {
    this.#silence?.putOff()
  }

  allTaken(): void {
    this.#stall?.cancel()
    this.#stall = null
  }

  miss(fault: QbpError): void {
    this.stop()
    this.watched.destroy(fault)
  }
}
