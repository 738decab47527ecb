/**
 * Every code a {@link QbpError} can carry. docs/errors.md says of each what it means and what to do.
 *
 * A code is stable; a message may be reworded.
 */
export type ErrorCode =
  // What was given is refused at once, before any byte travels.
  | 'ERR_QBP_BAD_LAYOUT'
  | 'ERR_QBP_BAD_OPTION'
  | 'ERR_QBP_BAD_SCHEMA'
  | 'ERR_QBP_BAD_TABLE'
  | 'ERR_QBP_NO_CODEGEN'
  | 'ERR_QBP_NOT_BYTES'
  // What a peer sent.
  | 'ERR_QBP_BAD_CALL'
  | 'ERR_QBP_BAD_CHECKSUM'
  | 'ERR_QBP_BAD_CONSTANT'
  | 'ERR_QBP_BAD_LENGTH'
  | 'ERR_QBP_BAD_VARINT'
  | 'ERR_QBP_FLOOD'
  | 'ERR_QBP_INVALID_BODY'
  | 'ERR_QBP_TOO_LONG'
  | 'ERR_QBP_TRUNCATED'
  | 'ERR_QBP_UNKNOWN_TYPE'
  // What this side asked for.
  | 'ERR_QBP_BUSY'
  | 'ERR_QBP_CLOSED'
  | 'ERR_QBP_FIELD_OVERFLOW'
  | 'ERR_QBP_INVALID_MESSAGE'
  | 'ERR_QBP_QUEUE_FULL'
  // What did not happen in time, or was one too many.
  | 'ERR_QBP_CONNECT_TIMEOUT'
  | 'ERR_QBP_FRAME_TIMEOUT'
  | 'ERR_QBP_HANDSHAKE_TIMEOUT'
  | 'ERR_QBP_HEARTBEAT_TIMEOUT'
  | 'ERR_QBP_IDLE_TIMEOUT'
  | 'ERR_QBP_READ_TIMEOUT'
  | 'ERR_QBP_STALL_TIMEOUT'
  | 'ERR_QBP_TLS'
  | 'ERR_QBP_TOO_MANY_CONNECTIONS'
  // What the bus could not do.
  | 'ERR_QBP_BAD_NAME'
  | 'ERR_QBP_BUS_CLOSED'
  | 'ERR_QBP_BUS_DOWN'
  | 'ERR_QBP_BUS_REFUSED'
  | 'ERR_QBP_BUS_TIMEOUT'
  | 'ERR_QBP_GAP'
  | 'ERR_QBP_NO_NODE'
  | 'ERR_QBP_SESSION_MOVED'
  | 'ERR_QBP_STALE_REVISION'

/** What is known about a fault beside its message. Only what applies is set. */
export interface ErrorFacts {
  /** The error underneath: protobufjs's, the socket's, the handler's. */
  cause?: unknown
  /** Type of the frame or message in question. */
  type?: number | string
  /** Name of the message in question, relative to the protocol's package. */
  messageName?: string
  /** Path of the field in question, such as `rooms[3].name`. */
  field?: string
  /** What was found, in the unit of `limit`. */
  size?: number
  /** What is allowed: bytes, milliseconds or connections, as the message says. */
  limit?: number
  /** Bytes of the stream before the frame in question (reading), or into the text of a layout, counted from 0. */
  offset?: number
  /** How many frames of the stream came before the one in question. */
  frame?: number
  /** The option in question. */
  option?: string
  /** The bus's node in question. */
  node?: string
  /** The bus's channel in question. */
  channel?: string
  /** The place in a log that a client has read up to, as `formatPosition` writes it. */
  position?: string
  /** Why a log does not go on after a place: 'trimmed' or 'lost'. */
  reason?: string
  /** The key of the bus's store in question, and the revision found there: null for none. */
  key?: readonly string[]
  revision?: object | null
}

/** The one error class of Qbp. Its `code` says which error it is, and facts are properties: no program has to parse a message. */
export class QbpError extends Error implements ErrorFacts {
  readonly code: ErrorCode
  declare readonly type?: number | string
  declare readonly messageName?: string
  declare readonly field?: string
  declare readonly size?: number
  declare readonly limit?: number
  declare readonly offset?: number
  declare readonly frame?: number
  declare readonly option?: string
  declare readonly node?: string
  declare readonly channel?: string
  declare readonly position?: string
  declare readonly reason?: string
  declare readonly key?: readonly string[]
  declare readonly revision?: object | null

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    const { cause, ...rest } = facts
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, rest)
  }

  static {
    // On the prototype, as for Node's own errors: a name of its own would be printed as a property.
    Object.defineProperty(QbpError.prototype, 'name', { value: 'QbpError', configurable: true, writable: true })
  }
}

/**
 * The code of a QbpError or of an error of Node's; the class of any other, such as a handler's TypeError. Of a thing that is
 * no Error, or none that can be looked at, its kind.
 */
export function codeOf(fault: unknown): string {
  try {
    if (!(fault instanceof Error)) return typeof fault
    const { code, name } = fault as { code?: unknown; name: unknown }
    return typeof code === 'string' ? code : String(name)
  } catch {
    return typeof fault
  }
}
