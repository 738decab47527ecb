import type { Metadata } from './call-error.ts'

/** A call as an interceptor sees it, on either end. */
export interface InterceptedCall {
  /** Whether this end calls or is called. */
  readonly side: 'caller' | 'callee'
  /** `accounts.Accounts`, `Open`, and both as `accounts.Accounts/Open`. */
  readonly service: string
  readonly method: string
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  /** The request, where it is one: a message, or the plain value that stands for it; null where it is a stream. */
  readonly request: unknown
  /** What travels with the request. A caller's interceptor may add to it before `next()`. */
  readonly metadata: Metadata
  /** Milliseconds until the deadline; Infinity without one. */
  readonly timeLeftMs: number
  /** Aborted when the call is given up, is late, or its connection is gone. */
  readonly signal: AbortSignal
  /** The connection that it travels on. */
  readonly connection: object
}

/**
 * A function around a call, on either end: logging, tracing, authentication.
 *
 * `next()` goes on, and resolves when the call has ended well, the last message of its streams sent or taken; it rejects with a
 * CallError. What an interceptor throws is how the call ends; without `next()` it is not carried out.
 *
 *     const timed: Interceptor = async ({ path }, next) => {
 *       const began = performance.now()
 *       try { await next() } finally { console.log(path, performance.now() - began) }
 *     }
 */
export type Interceptor = (call: InterceptedCall, next: () => Promise<void>) => unknown

/** Runs a call within all of them, the first outermost. */
export async function within(
  interceptors: readonly Interceptor[],
  call: InterceptedCall,
  work: () => Promise<void>,
): Promise<void> {
  const step = async (i: number): Promise<void> => {
    const interceptor = interceptors[i]
    if (interceptor === undefined) return work()
    await interceptor(call, () => step(i + 1))
  }
  await step(0)
}
