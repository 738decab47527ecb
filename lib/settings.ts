// What readers, writers and connections may be told, and the same checked: once, in a constructor. Who makes many of a kind, as
// a server does, checks once for all of them, and they share what was checked.

import { type DeadlineOptions, TimeLimits } from './deadline.ts'
import { QbpError } from './errors.ts'
import { Framer } from './framer.ts'
import type { InboxSettings } from './inbox.ts'
import { byteLimit, countLimit, milliseconds } from './limits.ts'
import type { Protocol } from './protocol.ts'
import type { Entry, Role, Table } from './table.ts'
import { HANDSHAKE_TIMEOUT_MS } from './tls.ts'

/** What a reader may be told; all of it is checked once, when it is made. */
export interface ReadableOptions<R extends Role = Role> {
  /** Which end this is: the reader hands out what the other role sends. Needed only where the roles send different messages. */
  role?: R
  /**
   * The longest body that is taken, in bytes; a longer one is refused on its header alone. A message takes up to 30 times its
   * body's bytes in memory. Default: 1 MiB. Infinity: no limit.
   */
  maxBodyBytes?: number
  /** Let `bytes` fields be views of the received chunk, which they then keep alive, instead of copies. Default: false. */
  shareBytes?: boolean
  /** How many decoded messages may wait for a slow `data`, `readable` or `pipe` consumer. Default: 16. */
  readableHighWaterMark?: number
  /**
   * Frames without a body that may come in a row within a second: they cost their sender a header and the handler a call.
   * Default: 100,000, which is a tenth of what a process can read.
   */
  maxConsecutiveEmptyFrames?: number
  /**
   * Frames that a policy `skip` may drop in a row within a second; nobody else would ever hear of them. Default: 1,000, more
   * than a newer peer has reason to send.
   */
  maxConsecutiveSkippedFrames?: number
}

/** What a writer may be told; all of it is checked once, when it is made. */
export interface WritableOptions<R extends Role = Role> {
  /** Which end this is: the writer takes what this role sends. Needed only where the roles send different messages. */
  role?: R
  /** The longest body that is written, in bytes. Default: 1 MiB. Infinity: no limit. */
  maxBodyBytes?: number
  /** Encoded bytes that may wait before `write()` returns false. Default: 64 KiB. */
  highWaterMarkBytes?: number
  /** Encoded bytes that may wait at all: a message beyond them is refused. Default: 16 MiB, or twice maxBodyBytes where that is more. */
  maxQueuedBytes?: number
}

/** What a connection may be told: what its reader and writer may, and how long things may take. */
export interface ConnectionOptions<R extends Role = Role>
  extends ReadableOptions<R>,
    WritableOptions<R>,
    DeadlineOptions {
  /**
   * After a close, how long bytes of a peer that does not end are read and dropped; after a fault of the reader, how long
   * this side may say what was wrong before it is destroyed. In milliseconds. Default: 2 s, a few round trips of a slow line.
   */
  lingerMs?: number
  /** How long a TLS handshake may take, in milliseconds. Default: 10 s. */
  handshakeTimeoutMs?: number
}

/** For a close. */
export interface CloseOptions {
  /** How long what was written may take to leave, in milliseconds; what remains then is lost, and said so. Default: 10 s. */
  graceMs?: number
}

const MAX_BODY_BYTES = 2 ** 20

/** A reader's options, checked. */
export class ReaderSettings implements InboxSettings {
  readonly protocol: Protocol
  readonly table: Table
  readonly maxBodyBytes: number
  readonly shareBytes: boolean
  readonly readableHighWaterMark: number
  readonly maxConsecutiveEmptyFrames: number
  readonly maxConsecutiveSkippedFrames: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: Protocol, options: ReadableOptions) {
    const { role, shareBytes = false, readableHighWaterMark = 16 } = options
    if (!Number.isSafeInteger(readableHighWaterMark) || readableHighWaterMark < 0) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `readableHighWaterMark is ${String(readableHighWaterMark)}; it may be an integer of messages from 0.`,
      )
    }
    const count = (name: 'maxConsecutiveEmptyFrames' | 'maxConsecutiveSkippedFrames', initial: number) =>
      countLimit(name, options[name], initial)
    this.protocol = protocol
    this.table = protocol.table(role, 'incoming')
    this.maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, MAX_BODY_BYTES)
    this.shareBytes = shareBytes
    this.readableHighWaterMark = readableHighWaterMark
    this.maxConsecutiveEmptyFrames = count('maxConsecutiveEmptyFrames', 100_000)
    this.maxConsecutiveSkippedFrames = count('maxConsecutiveSkippedFrames', 1_000)
  }
}

/** A writer's options, checked. */
export class WriterSettings {
  readonly framer: Framer
  readonly highWaterMarkBytes: number
  readonly maxQueuedBytes: number

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: Protocol, options: WritableOptions) {
    const maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, MAX_BODY_BYTES)
    this.framer = new Framer(protocol, protocol.table(options.role, 'outgoing'), maxBodyBytes)
    this.highWaterMarkBytes = byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 65_536)
    this.maxQueuedBytes = byteLimit('maxQueuedBytes', options.maxQueuedBytes, Math.max(2 ** 24, 2 * maxBodyBytes))
  }
}

/** The message of a heartbeat, and its frame, made once. */
interface Beat {
  readonly message: object
  readonly entry: Entry | undefined
  readonly frame: Uint8Array
}

/** A connection's options, checked, those of its reader and its writer among them. */
export class ConnectionSettings extends TimeLimits {
  readonly role: Role | undefined
  readonly reader: ReaderSettings
  readonly writer: WriterSettings
  readonly beat: Beat | null
  readonly lingerMs: number
  readonly handshakeTimeoutMs: number
  /** Is told of each connection that has closed. */
  readonly over: ((connection: object) => void) | undefined

  /** @throws {QbpError} ERR_QBP_BAD_OPTION, also for a heartbeat whose message this role cannot send. */
  constructor(protocol: Protocol, options: ConnectionOptions, over?: (connection: object) => void) {
    super(options)
    this.over = over
    this.role = options.role
    this.reader = new ReaderSettings(protocol, options)
    this.writer = new WriterSettings(protocol, options)
    this.beat = beatOf(this.writer.framer, options)
    this.lingerMs = milliseconds('lingerMs', options.lingerMs, 2_000)
    this.handshakeTimeoutMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
  }
}

function beatOf(framer: Framer, { heartbeat }: ConnectionOptions): Beat | null {
  if (heartbeat === undefined) return null
  const { message } = heartbeat
  try {
    return { frame: framer.frame(message), entry: framer.table.entryOf(message), message }
  } catch (cause) {
    throw new QbpError('ERR_QBP_BAD_OPTION', `heartbeat.message cannot be sent: ${(cause as Error).message}`, { cause })
  }
}
