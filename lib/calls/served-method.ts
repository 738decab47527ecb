import type { MethodType } from '../protocol/method.ts'
import type { Metadata } from './call-error.ts'
import type { Interceptor } from './interceptor.ts'

/** What a handler gets beside the request. */
export interface CallContext {
  readonly path: string
  /** What came with the request. */
  readonly metadata: Metadata
  /** Aborted when the caller has given up (CANCELLED), it is late (DEADLINE_EXCEEDED), or the connection is gone (UNAVAILABLE). */
  readonly signal: AbortSignal
  /** Milliseconds until the caller's deadline; Infinity without one. */
  readonly timeLeftMs: number
  /** The connection that it came on. */
  readonly connection: object
  /** What travels with the end of the answer: a handler may add to it. */
  readonly answerMetadata: Metadata
}

/** A handler of any kind of method. */
export type AnyHandler = (request: never, context: CallContext) => unknown

/** A method as it is served. */
export interface ServedMethod {
  readonly type: MethodType
  readonly service: string
  readonly handler: AnyHandler
  readonly interceptors: readonly Interceptor[]
}
