import { type DeadlineOptions, TimeLimits } from './deadline.ts'
import { QbpError } from './errors.ts'
import { milliseconds } from './limits.ts'
import { type WriterPort, writerPort } from './ports.ts'
import type { Protocol } from './protocol.ts'
import { QbpReadable, type ReadableOptions } from './readable.ts'
import type { Role } from './table.ts'
import { HANDSHAKE_TIMEOUT_MS } from './tls.ts'
import { QbpWritable, type WritableOptions } from './writable.ts'

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

/** A connection's options, checked. What its reader and writer are told they check themselves. */
export class ConnectionLimits extends TimeLimits {
  readonly lingerMs: number
  readonly handshakeTimeoutMs: number

  constructor(options: ConnectionOptions) {
    super(options)
    this.lingerMs = milliseconds('lingerMs', options.lingerMs, 2_000)
    this.handshakeTimeoutMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
  }
}

/**
 * Checks options as a connection would, for who makes connections later.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION, also for a heartbeat whose message this role cannot send.
 */
export function checkOptions(protocol: Protocol, options: ConnectionOptions): void {
  new ConnectionLimits(options)
  new QbpReadable(protocol, options)
  pingOf(new QbpWritable(protocol, options)[writerPort], options)
}

/** The frame of the heartbeat's message. */
export function pingOf(writer: WriterPort, { heartbeat }: ConnectionOptions): Uint8Array | null {
  if (heartbeat === undefined) return null
  try {
    return writer.encode(heartbeat.message)
  } catch (cause) {
    throw new QbpError('ERR_QBP_BAD_OPTION', `heartbeat.message cannot be sent: ${(cause as Error).message}`, { cause })
  }
}
