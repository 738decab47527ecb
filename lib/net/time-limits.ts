import { QbpError } from '../base/errors.ts'
import { byteLimit, knownOptions, milliseconds, type OptionNames } from '../base/options.ts'

/** How long a peer may take. Milliseconds; Infinity for no limit. */
export interface DeadlineOptions<M = object> {
  /**
   * From the first byte of a frame to its last, unless it comes on at `minFrameBytesPerSecond`; it stands still while nobody
   * here reads. Default: 30 s, in which even a slow line brings a frame of 1 MiB: a peer that takes longer may hold memory on
   * purpose.
   */
  frameTimeoutMs?: number | undefined
  /**
   * A frame that is longer on its way than `frameTimeoutMs` is waited for while in each such time at least so many bytes a
   * second of it come. Default: 1,024, which the slowest modem brings, and a peer that drips single bytes does not. Infinity:
   * `frameTimeoutMs` holds for the whole frame.
   */
  minFrameBytesPerSecond?: number | undefined
  /**
   * Without a byte from the peer, while this side could take one and the peer takes none that waits for it. Default: Infinity,
   * as a client may have nothing to say for hours; a peer that is gone is found by `heartbeat`.
   */
  idleTimeoutMs?: number | undefined
  /**
   * How long bytes may wait for the peer without its taking any of them; it is gone then, though it may still send. Default:
   * Infinity, as `maxQueuedBytes` bounds what it costs.
   */
  stallTimeoutMs?: number | undefined
  /**
   * How long this side stays open once the peer has ended its side: then it closes, after what was written. Default: Infinity,
   * as a handler may have much to answer; for a side that only writes, and so reads no end.
   */
  halfOpenTimeoutMs?: number | undefined
  /** Asks a silent peer whether it is there; a dead one is destroyed. Default: none, as the protocol must have a message for it. */
  heartbeat?: Heartbeat<M> | undefined
}

/** A message that the peer answers, by whatever. */
export interface Heartbeat<M = object> {
  /** What is sent, such as the protocol's own ping. */
  message: M
  /** It is sent after so long without a byte from the peer. */
  intervalMs: number
  /** Without a byte for so long after it, the peer is taken for dead: ERR_QBP_HEARTBEAT_TIMEOUT. Default: intervalMs. */
  timeoutMs?: number | undefined
}

/** The names of DeadlineOptions. */
export const DEADLINE_OPTIONS: OptionNames<DeadlineOptions> = {
  frameTimeoutMs: true,
  minFrameBytesPerSecond: true,
  idleTimeoutMs: true,
  stallTimeoutMs: true,
  halfOpenTimeoutMs: true,
  heartbeat: true,
}
const HEARTBEAT_OPTIONS: OptionNames<Heartbeat> = { message: true, intervalMs: true, timeoutMs: true }

/** The time limits of a connection, checked. */
export class TimeLimits {
  readonly frameTimeoutMs: number
  readonly minFrameBytesPerSecond: number
  readonly idleTimeoutMs: number
  readonly stallTimeoutMs: number
  readonly halfOpenTimeoutMs: number
  readonly beatAfterMs: number
  readonly deadAfterMs: number
  /** The shortest of those that a peer outlives by taking what waits for it. */
  readonly shortestMs: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: DeadlineOptions) {
    const limit = (name: 'idleTimeoutMs' | 'stallTimeoutMs' | 'halfOpenTimeoutMs') =>
      milliseconds(name, options[name], Number.POSITIVE_INFINITY)
    const { heartbeat } = options
    this.frameTimeoutMs = milliseconds('frameTimeoutMs', options.frameTimeoutMs, 30_000)
    this.minFrameBytesPerSecond = byteLimit('minFrameBytesPerSecond', options.minFrameBytesPerSecond, 1_024)
    this.idleTimeoutMs = limit('idleTimeoutMs')
    this.stallTimeoutMs = limit('stallTimeoutMs')
    this.halfOpenTimeoutMs = limit('halfOpenTimeoutMs')
    knownOptions('heartbeat', heartbeat, HEARTBEAT_OPTIONS)
    if (heartbeat !== undefined && !(heartbeat.intervalMs > 0))
      throw new QbpError('ERR_QBP_BAD_OPTION', 'heartbeat needs a message and an intervalMs.')
    this.beatAfterMs = milliseconds('heartbeat.intervalMs', heartbeat?.intervalMs, Number.POSITIVE_INFINITY)
    this.deadAfterMs = milliseconds('heartbeat.timeoutMs', heartbeat?.timeoutMs, this.beatAfterMs)
    this.shortestMs = Math.min(this.idleTimeoutMs, this.stallTimeoutMs, this.beatAfterMs, this.deadAfterMs)
  }
}
