import { QbpError } from '../base/errors.ts'
import { afterInput, Interval } from '../event-loop/timers.ts'
import type { ReaderPort } from '../streams/ports.ts'
import type { Sending } from './sending.ts'
import type { TimeLimits } from './time-limits.ts'

/** What the deadlines of a connection watch. */
export interface Watched {
  readonly plumbing: {
    /** Paused, this side pushes back: bytes that come are not seen then. */
    readonly duplex: { isPaused(): boolean }
    /** Bytes of ours that the peer has taken, as far as can be seen here; and whether some wait. */
    readonly sending: Sending
  }
  /** Sends the heartbeat's message. @returns false where there is no room for it. */
  beat(): boolean
  /** The peer is late. */
  destroy(fault: QbpError): void
}

/** A frame's time, and that of bytes that wait for the peer, is measured in so many steps: in each is looked for progress. */
const STEPS = 8

/**
 * The deadlines of one connection. They run between `start` and `stop`; from `stopHearing` on only the one of bytes that wait
 * for the peer does.
 *
 * A peer is late only if it was silent while we listened: bytes that wait in the kernel, bytes of ours that it is still taking
 * and a stall of our own event loop are no silence. So whatever has expired is looked at once more, after the kernel's bytes
 * have been read.
 */
export class Deadlines {
  /** Whether somebody here waits for bytes, and for which frame. */
  readonly #intake: Pick<ReaderPort, 'waiting' | 'frames'>
  readonly #watched: Watched
  readonly #limits: TimeLimits
  #phase: 'stopped' | 'running' | 'deaf' = 'stopped'
  /** Chunks that have come: a second look sees by it whether anything has. */
  #chunks = 0
  #idle: Interval | undefined
  #heartbeat: Interval | undefined
  /** What the heartbeat waits for: silence, to ask; an answer; or room for the question. */
  #awaits: 'silence' | 'answer' | 'room' = 'silence'
  /** Runs while a frame has begun and is not whole. */
  #frame: Interval | undefined
  /** The frame that is watched, what had come of it, and how many steps somebody has waited for more since. */
  #index = 0
  #pending = 0
  #waited = 0
  /** Runs while bytes wait for the peer. */
  #sending: Interval | undefined
  /** What the peer had taken at the last look, and how many looks ago that was another figure. */
  #taken = 0
  #stalled = 0

  constructor(intake: Pick<ReaderPort, 'waiting' | 'frames'>, watched: Watched, limits: TimeLimits) {
    this.#intake = intake
    this.#watched = watched
    this.#limits = limits
  }

  start(): void {
    const { idleTimeoutMs, beatAfterMs } = this.#limits
    this.#phase = 'running'
    this.#idle = interval(idleTimeoutMs, () => this.#idleExpired())
    this.#heartbeat = interval(beatAfterMs, () => this.#heartbeatExpired())
    if (this.#watched.plumbing.sending.waits) this.blocked()
  }

  /** Bytes have come and have been fed to the reader. */
  heard(): void {
    if (this.#phase !== 'running') return
    this.#chunks++
    this.#idle?.putOff()
    if (this.#awaits === 'silence') this.#heartbeat?.putOff()
    else this.#await('silence')
    if (this.#frame !== undefined || this.#intake.frames.pending === 0) return
    this.#watchFrame()
    this.#frame = interval(this.#limits.frameTimeoutMs / STEPS, () => this.#frameStep())
  }

  /** Bytes wait for the peer. */
  blocked(): void {
    if (this.#phase === 'stopped' || this.#sending !== undefined) return
    if (this.#limits.shortestMs === Number.POSITIVE_INFINITY) return
    this.#taken = this.#watched.plumbing.sending.taken
    this.#stalled = 0
    this.#sending = interval(this.#limits.shortestMs / STEPS, () => this.#sendingStep())
  }

  /** Nothing more is to come from the peer; what was written is still to be taken. */
  stopHearing(): void {
    if (this.#phase === 'running') this.#phase = 'deaf'
    this.#idle?.cancel()
    this.#heartbeat?.cancel()
    this.#frame?.cancel()
    this.#idle = this.#heartbeat = this.#frame = undefined
    this.#awaits = 'silence'
  }

  stop(): void {
    this.stopHearing()
    this.#phase = 'stopped'
    this.#sending?.cancel()
    this.#sending = undefined
  }

  /** Gives up unless something has come, or was taken, by the time that the kernel's bytes have been read. */
  #giveUp(fault: () => QbpError): void {
    const { taken } = this.#watched.plumbing.sending
    const before = this.#chunks
    afterInput(() => {
      if (this.#phase !== 'running' || this.#chunks !== before || this.#watched.plumbing.sending.taken !== taken) return
      this.#miss(fault())
    })
  }

  #miss(fault: QbpError): void {
    this.stop()
    this.#watched.destroy(fault)
  }

  // ---- a peer that says nothing

  #idleExpired(): void {
    if (this.#watched.plumbing.duplex.isPaused()) return
    const { idleTimeoutMs } = this.#limits
    this.#giveUp(
      () =>
        new QbpError('ERR_QBP_IDLE_TIMEOUT', `No byte came for ${idleTimeoutMs} ms, which is idleTimeoutMs.`, {
          limit: idleTimeoutMs,
        }),
    )
  }

  /** No byte for a while: time to ask, or, after that, to give up. */
  #heartbeatExpired(): void {
    if (this.#watched.plumbing.duplex.isPaused()) return
    if (this.#awaits !== 'answer' && this.#watched.beat()) this.#await('answer')
    else if (this.#awaits === 'silence') this.#await('room')
    else this.#giveUp(() => this.#dead())
  }

  #dead(): QbpError {
    const { deadAfterMs } = this.#limits
    const found =
      this.#awaits === 'answer'
        ? `The peer did not answer the heartbeat within ${deadAfterMs} ms`
        : `The peer took none of the bytes that wait for it, so that no heartbeat could be sent, for ${deadAfterMs} ms`
    return new QbpError('ERR_QBP_HEARTBEAT_TIMEOUT', `${found}, which is its timeoutMs.`, { limit: deadAfterMs })
  }

  #await(what: 'silence' | 'answer' | 'room'): void {
    this.#heartbeat?.cancel()
    this.#awaits = what
    const { beatAfterMs, deadAfterMs } = this.#limits
    this.#heartbeat = interval(what === 'silence' ? beatAfterMs : deadAfterMs, () => this.#heartbeatExpired())
  }

  // ---- a peer that takes nothing

  #sendingStep(): void {
    const { taken, waits } = this.#watched.plumbing.sending
    if (taken !== this.#taken) {
      this.#taken = taken
      this.#stalled = 0
      this.#idle?.putOff()
      this.#heartbeat?.putOff() // An answer cannot come before the peer has read as far as the question.
    } else this.#stalled++
    if (!waits) {
      this.#sending?.cancel()
      this.#sending = undefined
      return
    }
    const { stallTimeoutMs, shortestMs } = this.#limits
    if ((this.#stalled * shortestMs) / STEPS < stallTimeoutMs) return
    afterInput(() => {
      if (this.#phase === 'stopped' || this.#watched.plumbing.sending.taken !== taken) return
      this.#miss(
        new QbpError(
          'ERR_QBP_STALL_TIMEOUT',
          `The peer took none of the bytes that wait for it for ${stallTimeoutMs} ms, which is stallTimeoutMs.`,
          { limit: stallTimeoutMs },
        ),
      )
    })
  }

  // ---- a frame that does not become whole

  #watchFrame(): void {
    const { index, pending } = this.#intake.frames
    this.#index = index
    this.#pending = pending
    this.#waited = 0
  }

  #frameStep(): void {
    const { waiting, frames } = this.#intake
    if (frames.pending === 0) {
      this.#frame?.cancel()
      this.#frame = undefined
      return
    }
    if (frames.index !== this.#index) this.#watchFrame()
    else if (waiting && ++this.#waited >= STEPS) {
      if (this.#comesOn()) this.#watchFrame()
      else afterInput(() => this.#frameExpired())
    }
  }

  /** Whether the frame has come on fast enough since it is watched. */
  #comesOn(): boolean {
    const { frameTimeoutMs, minFrameBytesPerSecond } = this.#limits
    return this.#intake.frames.pending - this.#pending >= (minFrameBytesPerSecond * frameTimeoutMs) / 1_000
  }

  #frameExpired(): void {
    const { frames } = this.#intake
    if (this.#phase !== 'running' || frames.pending === 0) return
    if (frames.index !== this.#index || this.#comesOn()) return
    const { frameTimeoutMs, minFrameBytesPerSecond } = this.#limits
    const came = frames.pending - this.#pending
    this.#miss(
      new QbpError(
        'ERR_QBP_FRAME_TIMEOUT',
        `Frame ${frames.index} is not whole; ${frames.pending} bytes of it came, and ${came} of them in the last ${frameTimeoutMs} ms, ` +
          `which is frameTimeoutMs; longer than that it may take only at minFrameBytesPerSecond, ${minFrameBytesPerSecond}.`,
        { frame: frames.index, size: frames.pending, limit: frameTimeoutMs },
      ),
    )
  }
}

/** Infinity, which is the most frequent, makes none. */
function interval(ms: number, passed: () => void): Interval | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : new Interval(ms, passed)
}
