// The options of a connection, and the same checked. Names, units and defaults are those of the main entry.

import { QbpError } from '../base/errors.ts'
import { byteLimit, countLimit, flag, knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { CALL_OPTIONS, type CallOptions } from '../calls/limits.ts'
import { MAX_HEADER_BYTES } from '../framing/frame-parser.ts'
import type { MessageReaderSettings } from '../framing/message-reader.ts'
import { MessageWriter } from '../framing/message-writer.ts'
import type { Tally } from '../framing/traffic.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { ConnectionStats } from '../stats/counts.ts'
import { missing } from './imported.ts'
import type { ResyncSupport } from './resync.ts'

/** A message that the peer answers, by whatever. */
export interface Heartbeat<M = object> {
  message: M
  /** It is sent after so long without a byte from the peer. */
  intervalMs: number
  /** Without a byte for so long after it, the peer is taken for dead: ERR_QBP_HEARTBEAT_TIMEOUT. Default: intervalMs. */
  timeoutMs?: number
}

/** The options of a connection. */
export interface ConnectionOptions extends CallOptions {
  /** Which end this is. Default: 'client'. */
  role?: Role
  /** The longest body that is taken or written, in bytes. Default: 1 MiB. */
  maxBodyBytes?: number
  /** The most bytes of a header's sections and bytes of its own. Default: 64 KiB. */
  maxHeaderBytes?: number
  /** Let `bytes` fields be views of the received chunk. Default: false. */
  shareBytes?: boolean
  /** Frames without a body that may come in a row within a second. Default: 100,000. */
  maxConsecutiveEmptyFrames?: number
  /** Frames that a policy `skip` may drop in a row within a second. Default: 1,000. */
  maxConsecutiveSkippedFrames?: number
  /** Encoded bytes that may wait before `write()` returns false. Default: 64 KiB. */
  highWaterMarkBytes?: number
  /** Encoded bytes that may wait at all, for a peer that does not read: beyond them the connection is destroyed. Default: 16 MiB. */
  maxQueuedBytes?: number
  /**
   * Received bytes that may wait for a reader. Web streams are not read beyond 64 KiB; a WebSocket cannot be held, and is given up with
   * ERR_QBP_QUEUE_FULL. Default: 16 MiB.
   */
  maxUnreadBytes?: number
  /** From the first byte of a frame to its last, unless 1,024 bytes a second of it come. Default: 30 s. */
  frameTimeoutMs?: number
  /** Without a byte from the peer. Default: Infinity. */
  idleTimeoutMs?: number
  /** Asks a silent peer whether it is there; a dead one is destroyed. Default: none. */
  heartbeat?: Heartbeat
  /** `stats()` has it count what goes over it. Default: it does not. */
  stats?: StatsSupport
}

export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
  role: true,
  maxBodyBytes: true,
  maxHeaderBytes: true,
  shareBytes: true,
  maxConsecutiveEmptyFrames: true,
  maxConsecutiveSkippedFrames: true,
  highWaterMarkBytes: true,
  maxQueuedBytes: true,
  maxUnreadBytes: true,
  frameTimeoutMs: true,
  idleTimeoutMs: true,
  heartbeat: true,
  stats: true,
  ...CALL_OPTIONS,
}

/** What writes frames. */
export type Framer = Pick<MessageWriter, 'write' | 'compose'>

/** The code that counts, where `stats()` has brought it. */
export interface StatsSupport {
  /** Begins to count for one connection, which writes by what it returns. */
  readonly begin: (writer: MessageWriter) => Counting
}

/** What counts for one connection. */
export interface Counting extends Framer {
  /** What was read, by name. */
  readonly in: Tally
  /** The heartbeat was sent. */
  beat(frame: Uint8Array): void
  stats(connection: object): ConnectionStats
}

/** The same, checked. */
export class ConnectionSettings {
  readonly reading: MessageReaderSettings
  readonly framer: Framer
  readonly preamble: Uint8Array | null
  readonly highWaterMarkBytes: number
  readonly maxQueuedBytes: number
  readonly maxUnreadBytes: number
  readonly frameTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly beat: Uint8Array | null
  readonly counting: Counting | null
  readonly beatAfterMs: number
  readonly deadAfterMs: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: SchemaProtocol, options: ConnectionOptions) {
    const { role = 'client', heartbeat, stats } = options
    const maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, 2 ** 20)
    const maxHeaderBytes = byteLimit('maxHeaderBytes', options.maxHeaderBytes, MAX_HEADER_BYTES)
    const { headers, sent, body, unknown, invalid } = protocol
    const [from, to] = [protocol.sender(role, 'incoming'), protocol.sender(role, 'outgoing')]
    this.reading = {
      ...{ header: headers[from], table: sent[from], body, unknown, invalid, maxBodyBytes, maxHeaderBytes },
      resync: (protocol as { readonly resyncFrom?: ResyncSupport['from'] | null }).resyncFrom ?? null,
      shareBytes: flag('shareBytes', options.shareBytes, false),
      maxConsecutiveEmptyFrames: countLimit('maxConsecutiveEmptyFrames', options.maxConsecutiveEmptyFrames, 100_000),
      maxConsecutiveSkippedFrames: countLimit(
        'maxConsecutiveSkippedFrames',
        options.maxConsecutiveSkippedFrames,
        1_000,
      ),
    }
    const framer = new MessageWriter(headers[to], sent[to], maxBodyBytes, { maxHeaderBytes, body })
    this.preamble = framer.hasPreamble ? framer.preamble(null) : null
    this.highWaterMarkBytes = byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 65_536)
    this.maxQueuedBytes = byteLimit('maxQueuedBytes', options.maxQueuedBytes, Math.max(2 ** 24, 2 * maxBodyBytes))
    this.maxUnreadBytes = byteLimit('maxUnreadBytes', options.maxUnreadBytes, Math.max(2 ** 24, 2 * maxBodyBytes))
    this.frameTimeoutMs = milliseconds('frameTimeoutMs', options.frameTimeoutMs, 30_000)
    this.idleTimeoutMs = milliseconds('idleTimeoutMs', options.idleTimeoutMs, Number.POSITIVE_INFINITY)
    knownOptions('heartbeat', heartbeat, { message: true, intervalMs: true, timeoutMs: true })
    if (heartbeat !== undefined && !(heartbeat.intervalMs > 0))
      throw new QbpError('ERR_QBP_BAD_OPTION', 'heartbeat needs a message and an intervalMs.')
    this.beat = heartbeat === undefined ? null : beatOf(framer, heartbeat.message)
    this.beatAfterMs = milliseconds('heartbeat.intervalMs', heartbeat?.intervalMs, Number.POSITIVE_INFINITY)
    this.deadAfterMs = milliseconds('heartbeat.timeoutMs', heartbeat?.timeoutMs, this.beatAfterMs)
    if (stats !== undefined && typeof stats?.begin !== 'function') throw missing('stats', 'connect')
    this.counting = stats?.begin(framer) ?? null
    this.framer = this.counting ?? framer
  }
}

function beatOf(framer: MessageWriter, message: object): Uint8Array {
  try {
    return framer.frame(message)
  } catch (cause) {
    throw new QbpError('ERR_QBP_BAD_OPTION', `heartbeat.message cannot be sent: ${(cause as Error).message}`, { cause })
  }
}
