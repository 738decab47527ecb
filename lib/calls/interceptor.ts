import { CallError, type Metadata } from './call-error.ts'

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
 * CallError. What an interceptor throws is how the call ends; without `next()` it is not carried out, and twice it never is.
 *
 *     const timed: Interceptor = async ({ path }, next) => {
 *       const began = performance.now()
 *       try { await next() } finally { console.log(path, performance.now() - began) }
 *     }
 */
export type Interceptor = (call: InterceptedCall, next: () => Promise<void>) => unknown

/**
 * Runs a call within all of them, the first outermost. One that does not wait for `next()`, or swallows what it rejects with, changes nothing:
 * the call ends as what runs within it does.
 *
 * @param skipped makes the error of one that returns without `next()`.
 */
export function within(
  interceptors: readonly Interceptor[],
  call: InterceptedCall,
  work: () => Promise<void>,
  skipped: () => Error,
): Promise<void> {
  const step = async (i: number): Promise<void> => {
    const interceptor = interceptors[i]
    if (interceptor === undefined) return work()
    let inner: Promise<void> | undefined
    const next = () => {
      const going =
        inner === undefined
          ? step(i + 1)
          : Promise.reject(new CallError('INTERNAL', `An interceptor of ${call.path} called next() twice`))
      going.catch(() => {}) // It need not wait.
      inner ??= going
      return going
    }
    await interceptor(call, next)
    if (inner === undefined) throw skipped()
    await inner
  }
  return step(0)
}
