// The options of connections, and the same checked; see streams/settings.

import { QbpError } from '../base/errors.ts'
import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { shown } from '../base/shown.ts'
import { CALL_OPTIONS, CallLimits, type CallOptions } from '../calls/limits.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import {
  type PreambleFor,
  READABLE_OPTIONS,
  type ReadableOptions,
  ReaderSettings,
  WRITABLE_OPTIONS,
  type WritableOptions,
  WriterSettings,
} from '../streams/settings.ts'
import { Beat } from './beat.ts'
import { DEADLINE_OPTIONS, type DeadlineOptions, type Heartbeat, TimeLimits } from './time-limits.ts'
import { HANDSHAKE_TIMEOUT_MS } from './tls.ts'

// biome-ignore lint/suspicious/noExplicitAny: options that name no protocol are for any.
export type AnyProtocol = any

/** What a heartbeat may send; anything where the protocol is not known. */
type Beating<P, R extends Role> = 0 extends 1 & P ? AnyProtocol : Outgoing<P, R>

/** The options of a connection: those of its reader and its writer, and how long things may take. */
export interface ConnectionOptions<R extends Role = Role, P extends Protocol = AnyProtocol, D = unknown>
  extends ReadableOptions<R>,
    WritableOptions<R, P>,
    DeadlineOptions<Beating<P, R>>,
    CallOptions {
  /** Makes what `connection.data` is, a state of one's own, when that is first asked for. Default: it is undefined. */
  data?: (() => D) | undefined
  /**
   * After a close, how long bytes of a peer that does not end are read and dropped; after a fault of the reader, how long
   * this side may say what was wrong before it is destroyed. In milliseconds. Default: 2 s, a few round trips of a slow line.
   */
  lingerMs?: number | undefined
  /** How long a TLS handshake may take, in milliseconds. Default: 10 s. */
  handshakeTimeoutMs?: number | undefined
}

/** The names of ConnectionOptions. */
export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
  ...READABLE_OPTIONS,
  ...WRITABLE_OPTIONS,
  ...DEADLINE_OPTIONS,
  ...CALL_OPTIONS,
  data: true,
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
  graceMs?: number | undefined
}

/** For another protocol on a connection: what of its options names messages or fields of the protocol. */
export interface GoOnOptions<P extends Protocol = AnyProtocol, R extends Role = Role> {
  /** Default: the one there is, whose message must then be one of this protocol too. Null: none. */
  heartbeat?: Heartbeat<Beating<P, R>> | null | undefined
  /** As of a writer. */
  preamble?: PreambleFor<P, R> | undefined
}

/** The names of GoOnOptions. */
export const GO_ON_OPTIONS: OptionNames<GoOnOptions> = { heartbeat: true, preamble: true }

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
  readonly data: (() => unknown) | undefined
  readonly #options: ConnectionOptions
  /** The same for other protocols. */
  readonly #others = new WeakMap<Protocol, ConnectionSettings>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION, also for a heartbeat whose message this role cannot send. */
  constructor(protocol: Protocol, options: ConnectionOptions, owner?: ConnectionOwner) {
    super(options)
    this.#options = options
    this.owner = owner
    this.data = callback('data', options.data)
    this.role = options.role
    this.reader = new ReaderSettings(protocol, options)
    this.writer = new WriterSettings(protocol, { ...options, slow: options.slow ?? 'destroy' })
    this.beat = Beat.of(this.writer.framer, options)
    const limits = new CallLimits(options)
    this.calls = protocol.calls === null ? null : { protocol, limits }
    this.lingerMs = milliseconds('lingerMs', options.lingerMs, 2_000)
    this.handshakeTimeoutMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
  }

  /** The same limits for another protocol. @throws {QbpError} ERR_QBP_BAD_OPTION */
  for(protocol: Protocol, { heartbeat, preamble }: GoOnOptions): ConnectionSettings {
    const isAlike = heartbeat === undefined && preamble === undefined
    const known = isAlike ? this.#others.get(protocol) : undefined
    if (known !== undefined) return known
    const beat = heartbeat === undefined ? this.#options.heartbeat : (heartbeat ?? undefined)
    const options = { ...this.#options, heartbeat: beat, preamble }
    const settings = new ConnectionSettings(protocol, options, this.owner)
    if (isAlike) this.#others.set(protocol, settings)
    return settings
  }
}

/** A callback, checked. @throws {QbpError} ERR_QBP_BAD_OPTION */
function callback<F>(name: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw new QbpError('ERR_QBP_BAD_OPTION', `${name} is ${shown(value)}; it may be a function.`, { option: name })
}
