import { QbpError } from '../base/errors.ts'
import { afterInput, Interval } from '../event-loop/timers.ts'
import type { TimeLimits } from './time-limits.ts'
import type { WatchUser } from './watched.ts'

/** Watches for a peer that says nothing: it is asked by a heartbeat, and is late if it does not answer, or after `idleTimeoutMs`. */
export class SilenceWatch {
  readonly #user: WatchUser
  readonly #idle: Interval | null
  #heartbeat: Interval | null
  /** What the heartbeat waits for: silence, to ask; an answer; or room for the question. Nothing is waited for once it is over. */
  #awaits: 'silence' | 'answer' | 'room' | 'nothing' = 'silence'
  /** Chunks that have come: a second look sees by it whether anything has. */
  #chunks = 0

  /** Whether there is a limit to silence at all. */
  static isLimited({ idleTimeoutMs, beatAfterMs }: TimeLimits): boolean {
    return Math.min(idleTimeoutMs, beatAfterMs) !== Number.POSITIVE_INFINITY
  }

  constructor(user: WatchUser) {
    this.#user = user
    const { idleTimeoutMs, beatAfterMs } = user.limits
    this.#idle = interval(idleTimeoutMs, () => this.#idleExpired())
    this.#heartbeat = interval(beatAfterMs, () => this.#heartbeatExpired())
  }

  /** Bytes have come. */
  heard(): void {
    this.#chunks++
    this.#idle?.putOff()
    if (this.#awaits === 'silence') this.#heartbeat?.putOff()
    else this.#await('silence')
  }

  /** The peer takes what was sent: that is no silence. */
  putOff(): void {
    this.#idle?.putOff()
    this.#heartbeat?.putOff()
  }

  cancel(): void {
    this.#awaits = 'nothing'
    this.#idle?.cancel()
    this.#heartbeat?.cancel()
  }

  #idleExpired(): void {
    if (this.#user.watched.plumbing.duplex.isPaused()) return
    const { idleTimeoutMs } = this.#user.limits
    this.#giveUp(
      () =>
        new QbpError('ERR_QBP_IDLE_TIMEOUT', `No byte came for ${idleTimeoutMs} ms, which is idleTimeoutMs.`, {
          limit: idleTimeoutMs,
        }),
    )
  }

  /** No byte for a while: time to ask, or, after that, to give up. */
  #heartbeatExpired(): void {
    const { watched } = this.#user
    if (watched.plumbing.duplex.isPaused()) return
    if (this.#awaits !== 'answer' && watched.beat()) this.#await('answer')
    else if (this.#awaits === 'silence') this.#await('room')
    else this.#giveUp(() => this.#dead())
  }

  #dead(): QbpError {
    const { deadAfterMs } = this.#user.limits
    const found =
      this.#awaits === 'answer'
        ? `The peer did not answer the heartbeat within ${deadAfterMs} ms`
        : `The peer took none of the bytes that wait for it, so that no heartbeat could be sent, for ${deadAfterMs} ms`
    return new QbpError('ERR_QBP_HEARTBEAT_TIMEOUT', `${found}, which is its timeoutMs.`, { limit: deadAfterMs })
  }

  #await(what: 'silence' | 'answer' | 'room'): void {
    this.#heartbeat?.cancel()
    this.#awaits = what
    const { beatAfterMs, deadAfterMs } = this.#user.limits
    this.#heartbeat = interval(what === 'silence' ? beatAfterMs : deadAfterMs, () => this.#heartbeatExpired())
  }

  /** Gives up unless something has come, or was taken, by the time that the kernel's bytes have been read. */
  #giveUp(fault: () => QbpError): void {
    const { plumbing } = this.#user.watched
    const { taken } = plumbing.sending
    const before = this.#chunks
    afterInput(() => {
      if (this.#awaits === 'nothing' || this.#chunks !== before || plumbing.sending.taken !== taken) return
      this.#user.miss(fault())
    })
  }
}

/** Infinity, which is the most frequent, makes none. */
function interval(ms: number, passed: () => void): Interval | null {
  return ms === Number.POSITIVE_INFINITY ? null : new Interval(ms, passed)
}
