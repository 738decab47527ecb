import type { Service } from '../protocol/service.ts'
import { CallError } from './call-error.ts'
import type { CallSettings } from './call-settings.ts'
import type { ClientOptions } from './client.ts'
import type { AnyClient } from './typed.ts'

/** One of the connections that come one after another. */
export interface OneConnection {
  readonly closing: boolean
  readonly ended: Promise<unknown>
  readonly writer: { end(): unknown }
  client(service: string, options?: ClientOptions): AnyClient
  client(service: Service, options?: ClientOptions): object
}

/** The time by which calls wait for a connection. */
export interface WaitClock {
  /** In ms since some moment. */
  now(): number
  /** Calls back after so many milliseconds, for which the process waits. @returns what takes that back. */
  alarm(ms: number, rang: () => void): () => void
}

type Waiter = { resolve(connection: OneConnection): void; reject(reason: unknown): void }

/** Which connection stands, of those that come one after another; calls wait here for the next. */
export class Standing {
  #current: OneConnection | null = null
  /** Why no other comes, once the loop is over. */
  #end: { readonly reason: unknown } | null = null
  readonly #waiters = new Set<Waiter>()
  readonly clock: WaitClock

  constructor(clock: WaitClock) {
    this.clock = clock
  }

  up(connection: OneConnection): void {
    this.#current = connection
    for (const waiter of this.#waiters) waiter.resolve(connection)
    this.#waiters.clear()
  }

  down(): void {
    this.#current = null
  }

  /** The loop was left, or failed: calls that wait fail with this as their cause. */
  end(reason: unknown): void {
    this.#end ??= { reason }
    this.#current = null
    for (const waiter of this.#waiters) waiter.reject(this.#over())
    this.#waiters.clear()
  }

  #over(): CallError {
    const facts = { sent: false, ...(this.#end?.reason !== undefined && { cause: this.#end.reason }) }
    return new CallError('UNAVAILABLE', 'No connection stands, and no other comes: the loop over them has ended', facts)
  }

  /**
   * The connection that stands, or the next.
   *
   * @param previous one that was lost, though that may not be known here yet.
   * @throws {CallError} DEADLINE_EXCEEDED or CANCELLED, as the call that waits; UNAVAILABLE if none comes any more.
   */
  next(previous: object | null, { timeoutMs, signal }: CallSettings): Promise<OneConnection> {
    const current = this.#current
    if (current !== null && current !== previous && !current.closing) return Promise.resolve(current)
    if (this.#end !== null) return Promise.reject(this.#over())
    if (current !== null && current === previous) void leaveOnceEnded(current)
    return new Promise((resolve, reject) => {
      const done = () => {
        takeBack?.()
        signal?.removeEventListener('abort', abort)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        resolve: (connection) => {
          done()
          resolve(connection)
        },
        reject: (reason) => {
          done()
          reject(reason)
        },
      }
      const abort = () =>
        waiter.reject(
          new CallError('CANCELLED', 'It was given up by its signal, before a connection stood', {
            cause: signal?.reason,
            sent: false,
          }),
        )
      const late = () =>
        waiter.reject(new CallError('DEADLINE_EXCEEDED', `No connection stood within ${timeoutMs} ms`, { sent: false }))
      const takeBack = timeoutMs === undefined ? undefined : this.clock.alarm(timeoutMs, late)
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted) abort()
    })
  }
}

/**
 * Ends this side of a connection whose peer has ended: no call can be answered there any more, and a loop that waits for it to be
 * closed would wait for ever. What came before the end can still be read.
 */
async function leaveOnceEnded(connection: OneConnection): Promise<void> {
  await connection.ended
  if (!connection.closing) connection.writer.end()
}
