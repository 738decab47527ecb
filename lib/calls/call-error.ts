import { factOf, reasonOf } from '../base/shown.ts'
import { isA } from '../base/thrown.ts'
/** How a call ended: gRPC's codes, https://grpc.github.io/grpc/core/md_doc_statuscodes.html, OK left out. */
export const CALL_CODES = {
  /** The caller gave up. */
  CANCELLED: 1,
  /** Nobody knows: the connection ended after the request was sent, or another system said so. */
  UNKNOWN: 2,
  /** The request is wrong, whatever the state of the callee. */
  INVALID_ARGUMENT: 3,
  /** It took too long. The callee may have carried it out all the same. */
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  /** The caller is known and may not do this. */
  PERMISSION_DENIED: 7,
  /** Too many calls, too much metadata, a quota. */
  RESOURCE_EXHAUSTED: 8,
  /** The callee's state forbids it; calling again does not help until that is changed. */
  FAILED_PRECONDITION: 9,
  /** Another was faster. Begin again with reading. */
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  /** Nobody here serves this method. */
  UNIMPLEMENTED: 12,
  /** A bug: the handler threw what is no CallError, or a body did not decode. */
  INTERNAL: 13,
  /** The request was not sent, or the callee takes none: calling again, elsewhere or later, is safe. */
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  /** The caller has not said who it is. */
  UNAUTHENTICATED: 16,
} as const

/** The name of one of the sixteen codes that a call can end with, as gRPC has them. */
export type CallCode = keyof typeof CALL_CODES

const names = new Map<number, CallCode>(Object.entries(CALL_CODES).map(([name, number]) => [number, name as CallCode]))

/** The name of a code on the wire. An unknown number is UNKNOWN, as in gRPC. */
export const codeName = (number: number): CallCode => names.get(number) ?? 'UNKNOWN'

/** Metadata of a call or of its answer, such as `traceparent`. */
export type Metadata = Record<string, string>

/** A message of any type, as `google.protobuf.Any` has it: `protocol.encode` makes its value, `protocol.decode` reads it. */
export interface CallDetail {
  readonly typeUrl: string
  readonly value: Uint8Array
}

/** What is known of a failed call beside its code and its text. */
export interface CallErrorFacts {
  cause?: unknown
  details?: readonly CallDetail[]
  metadata?: Metadata
  sent?: boolean
  lost?: boolean
}

/** How a call failed. A handler throws one to answer with its code; a caller gets one, whatever went wrong. */
export class CallError extends Error {
  readonly code: CallCode
  readonly details: readonly CallDetail[]
  /** What the callee sent along. */
  readonly metadata: Metadata
  /**
   * Whether the request may have reached the callee, and may have been carried out. False: it has not left, and calling
   * again is safe.
   */
  readonly sent: boolean
  /** The connection ended, or there was none: it is no answer of the callee's. */
  readonly lost: boolean

  constructor(code: CallCode, message = '', facts: CallErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    if (!Object.hasOwn(CALL_CODES, code))
      throw new TypeError(
        `A CallError has the code '${String(code)}'; it may be ${Object.keys(CALL_CODES).join(', ')}.`,
      )
    this.code = code
    this.details = facts.details ?? []
    this.metadata = facts.metadata ?? {}
    this.sent = facts.sent ?? true
    this.lost = facts.lost ?? false
  }

  static {
    Object.defineProperty(CallError.prototype, 'name', { value: 'CallError', configurable: true, writable: true })
  }
}

/** Why a request could not be sent, as a call fails. An iterable of them, and an interceptor, may throw anything. */
export function requestError(cause: unknown, sent: boolean, otherwise: CallCode = 'INVALID_ARGUMENT'): CallError {
  if (isA(cause, CallError)) return cause
  const isFull = ['ERR_QBP_QUEUE_FULL', 'ERR_QBP_TOO_LONG'].includes(factOf(cause, 'code') as string)
  return new CallError(isFull ? 'RESOURCE_EXHAUSTED' : otherwise, reasonOf(cause), { cause, sent })
}
