import { QbpError } from '../base/errors.ts'
import { milliseconds } from '../base/options.ts'
import { timer } from './timer.ts'

/** How long a peer may take. Milliseconds; Infinity for no limit. */
export interface DeadlineOptions<M = object> {
  /**
   * From the first byte of a frame to its last; it stands still while nobody here reads. Default: 30 s, in which even a
   * slow line brings a frame of 1 MiB: who takes longer holds memory on purpose.
   */
  frameTimeoutMs?: number
  /**
   * Without a byte from the peer, while this side could take one. Default: Infinity, as a client may have nothing to say
   * for hours; a peer that is gone is found by `heartbeat`.
   */
  idleTimeoutMs?: number
  /** Asks a peer that is silent whether it is there; a dead one is destroyed. Default: none, as the protocol must have a message for it. */
  heartbeat?: Heartbeat<M>
}

/** A message that the peer answers, by whatever. */
export interface Heartbeat<M = object> {
  /** What is sent, such as the protocol's own ping. */
  message: M
  /** It is sent after so long without a byte from the peer. */
  intervalMs: number
  /** Without a byte for so long after it, the peer is taken for dead: ERR_QBP_HEARTBEAT_TIMEOUT. Default: intervalMs. */
  timeoutMs?: number
}

/** What a deadline watches. */
export interface Watched {
  /** Whether somebody here waits for bytes. */
  readonly waiting: boolean
  /** Whether this side pushes back: bytes that come are not seen then. */
  isPaused(): boolean
  readonly frames: { readonly index: number; readonly pending: number }
  /** To send the heartbeat's message. */
  beat(): void
  missed(fault: QbpError): void
}

/** The time limits of a connection, checked. */
export class TimeLimits {
  readonly frameTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly beatAfterMs: number
  readonly deadAfterMs: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor({ frameTimeoutMs, idleTimeoutMs, heartbeat }: DeadlineOptions) {
    this.frameTimeoutMs = milliseconds('frameTimeoutMs', frameTimeoutMs, 30_000)
    this.idleTimeoutMs = milliseconds('idleTimeoutMs', idleTimeoutMs, Number.POSITIVE_INFINITY)
    if (heartbeat !== undefined && (typeof heartbeat !== 'object' || heartbeat === null || !(heartbeat.intervalMs > 0)))
      throw new QbpError('ERR_QBP_BAD_OPTION', 'heartbeat needs a message and an intervalMs.')
    this.beatAfterMs = milliseconds('heartbeat.intervalMs', heartbeat?.intervalMs, Number.POSITIVE_INFINITY)
    this.deadAfterMs = milliseconds('heartbeat.timeoutMs', heartbeat?.timeoutMs, this.beatAfterMs)
  }
}

/** A frame's time is measured in so many steps, of which only those count in which somebody here waits for it. */
const STEPS = 8

/** The deadlines of one connection. They run between `start` and `stop`. */
export class Deadlines {
  readonly #watched: Watched
  readonly #limits: TimeLimits
  #running = false
  #idle: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined
  /** The heartbeat's message was sent, and nothing has come since. */
  #asked = false
  #frame: NodeJS.Timeout | undefined
  /** The frame that is watched, and how many steps somebody has waited for its end. */
  #index = 0
  #steps = 0

  constructor(watched: Watched, limits: TimeLimits) {
    this.#watched = watched
    this.#limits = limits
  }

  start(): void {
    const { idleTimeoutMs, beatAfterMs } = this.#limits
    this.#running = true
    this.#idle = timer(idleTimeoutMs, () => this.#silent())
    this.#heartbeat = timer(beatAfterMs, () => this.#quiet())
  }

  /** Bytes have come and have been fed to the reader. */
  heard(): void {
    if (!this.#running) return
    this.#idle?.refresh()
    if (this.#asked) this.#await(false)
    else this.#heartbeat?.refresh()
    const { frames } = this.#watched
    if (this.#frame !== undefined || frames.pending === 0) return
    this.#index = frames.index
    this.#steps = 0
    this.#frame = timer(this.#limits.frameTimeoutMs / STEPS, () => this.#step())
  }

  stop(): void {
    this.#running = false
    clearTimeout(this.#idle)
    clearTimeout(this.#heartbeat)
    clearTimeout(this.#frame)
    this.#idle = this.#heartbeat = this.#frame = undefined
    this.#asked = false
  }

  #step(): void {
    const { waiting, frames } = this.#watched
    if (frames.pending === 0) {
      this.#frame = undefined
      return
    }
    if (frames.index !== this.#index) {
      this.#index = frames.index
      this.#steps = 0
    } else if (waiting && ++this.#steps >= STEPS) {
      const { frameTimeoutMs } = this.#limits
      this.#watched.missed(
        new QbpError(
          'ERR_QBP_FRAME_TIMEOUT',
          `Frame ${frames.index} was not whole ${frameTimeoutMs} ms after its first byte, which is frameTimeoutMs; ${frames.pending} bytes of it came.`,
          { frame: frames.index, size: frames.pending, limit: frameTimeoutMs },
        ),
      )
      return
    }
    this.#frame?.refresh()
  }

  #silent(): void {
    const { idleTimeoutMs } = this.#limits
    if (this.#watched.isPaused()) {
      this.#idle?.refresh()
      return
    }
    this.#watched.missed(
      new QbpError('ERR_QBP_IDLE_TIMEOUT', `No byte came for ${idleTimeoutMs} ms, which is idleTimeoutMs.`, {
        limit: idleTimeoutMs,
      }),
    )
  }

  /** No byte for a while: time to ask, or, after that, to give up. */
  #quiet(): void {
    if (this.#watched.isPaused()) {
      this.#heartbeat?.refresh()
      return
    }
    if (!this.#asked) {
      this.#await(true)
      this.#watched.beat()
      return
    }
    const { deadAfterMs } = this.#limits
    this.#watched.missed(
      new QbpError(
        'ERR_QBP_HEARTBEAT_TIMEOUT',
        `The peer did not answer the heartbeat within ${deadAfterMs} ms, which is its timeoutMs.`,
        { limit: deadAfterMs },
      ),
    )
  }

  #await(answer: boolean): void {
    clearTimeout(this.#heartbeat)
    this.#asked = answer
    const { beatAfterMs, deadAfterMs } = this.#limits
    this.#heartbeat = timer(answer ? deadAfterMs : beatAfterMs, () => this.#quiet())
  }
}
