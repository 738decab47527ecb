// The options of connections, and the same checked; see streams/settings.

import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { CALL_OPTIONS, CallLimits, type CallOptions } from '../calls/limits.ts'
import type { Protocol } from '../protocol/protocol.ts'
import {
  READABLE_OPTIONS,
  type ReadableOptions,
  ReaderSettings,
  WRITABLE_OPTIONS,
  type WritableOptions,
  WriterSettings,
} from '../streams/settings.ts'
import { Beat } from './beat.ts'
import { DEADLINE_OPTIONS, type DeadlineOptions, TimeLimits } from './time-limits.ts'
import { HANDSHAKE_TIMEOUT_MS } from './tls.ts'

/** The options of a connection: those of its reader and its writer, and how long things may take. */
export interface ConnectionOptions<R extends Role = Role>
  extends ReadableOptions<R>,
    WritableOptions<R>,
    DeadlineOptions,
    CallOptions {
  /**
   * After a close, how long bytes of a peer that does not end are read and dropped; after a fault of the reader, how long
   * this side may say what was wrong before it is destroyed. In milliseconds. Default: 2 s, a few round trips of a slow line.
   */
  lingerMs?: number
  /** How long a TLS handshake may take, in milliseconds. Default: 10 s. */
  handshakeTimeoutMs?: number
}

/** The names of ConnectionOptions. */
export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
  ...READABLE_OPTIONS,
  ...WRITABLE_OPTIONS,
  ...DEADLINE_OPTIONS,
  ...CALL_OPTIONS,
  lingerMs: true,
  handshakeTimeoutMs: true,
}

/** How long a close may take where nobody says otherwise. */
export const GRACE_MS = 10_000

/** For a close. */
export interface CloseOptions {
  /**
   * How long all of it may take, in milliseconds: handlers, what was written, the wait for the peer's end. What is not done by
   * then is destroyed. Default: 10 s.
   */
  graceMs?: number
}

/** A `graceMs`, checked. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function graceOf(options: CloseOptions): number {
  knownOptions('close()', options, { graceMs: true })
  return milliseconds('graceMs', options.graceMs, GRACE_MS)
}

/** What a connection reports to beside its user: its server. */
export interface ConnectionOwner {
  /** It has closed. */
  closed(connection: object): void
  /** A listener of its user threw. */
  threw(error: Error, connection: object): void
}

/** A connection's options, checked, those of its reader and its writer among them. */
export class ConnectionSettings extends TimeLimits {
  readonly role: Role | undefined
  readonly reader: ReaderSettings
  readonly writer: WriterSettings
  readonly beat: Beat | null
  /** What calls may cost, and the protocol with its services; null where it carries no calls. */
  readonly calls: { readonly protocol: Protocol; readonly limits: CallLimits } | null
  readonly lingerMs: number
  readonly handshakeTimeoutMs: number
  readonly owner: ConnectionOwner | undefined

  /** @throws {QbpError} ERR_QBP_BAD_OPTION, also for a heartbeat whose message this role cannot send. */
  constructor(protocol: Protocol, options: ConnectionOptions, owner?: ConnectionOwner) {
    super(options)
    this.owner = owner
    this.role = options.role
    this.reader = new ReaderSettings(protocol, options)
    this.writer = new WriterSettings(protocol, { ...options, slow: options.slow ?? 'destroy' })
    this.beat = Beat.of(this.writer.framer, options)
    const limits = new CallLimits(options)
    this.calls = protocol.calls === null ? null : { protocol, limits }
    this.lingerMs = milliseconds('lingerMs', options.lingerMs, 2_000)
    this.handshakeTimeoutMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
  }
}
