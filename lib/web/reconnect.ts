import { Backoff } from '../base/backoff.ts'
import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { knownOptions } from '../base/options.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import { CONNECT_OPTIONS, type ConnectOptions, connect, type Target } from './connect.ts'
import type { WebConnection } from './connection.ts'

/** How to connect again. */
export interface ReconnectOptions extends ConnectOptions<'client'> {
  /** Ends the loop with its reason, and closes the connection there is; also while it waits. */
  signal?: AbortSignal
  /** The first wait before another attempt, in milliseconds; each further failure doubles it. Default: 100. */
  minDelayMs?: number
  /** The longest wait, in milliseconds. Default: 30 s. */
  maxDelayMs?: number
  /** After so many attempts in a row that failed, the loop ends with the last one's error. Default: Infinity. */
  maxAttempts?: number
}

/**
 * A new connection each time the last one has ended, as `connections` of the main entry:
 *
 *   for await (const connection of connections(protocol, 'wss://…')) {
 *     for await (const message of connection.reader) …
 *   }
 *
 * @param target an address, or a function that gives what to connect by.
 * @throws {QbpError} ERR_QBP_BAD_OPTION at once; in the loop the signal's reason, or after maxAttempts the last error.
 */
export function connections<P extends SchemaProtocol>(
  protocol: P,
  target: string | URL | (() => Target | Promise<Target>),
  options: ReconnectOptions = {},
): AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined> {
  knownOptions('connections()', options, { ...CONNECT_OPTIONS, minDelayMs: true, maxDelayMs: true, maxAttempts: true })
  const { signal, minDelayMs, maxDelayMs, maxAttempts, ...own } = options
  const backoff = new Backoff({ minDelayMs, maxDelayMs, maxAttempts })
  const targetNow = async (): Promise<Target> => (typeof target === 'function' ? await target() : target)

  async function* run(): AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined> {
    for (;;) {
      let stoodMs = 0
      try {
        signal?.throwIfAborted()
        const connection = await connect<P, 'client'>(protocol, await targetNow(), {
          ...own,
          ...(signal && { signal }),
        })
        const since = performance.now()
        backoff.succeeded()
        const abort = () => void connection.close()
        signal?.addEventListener('abort', abort)
        try {
          yield connection
          await connection.ended
        } finally {
          await connection.close()
          signal?.removeEventListener('abort', abort)
        }
        stoodMs = performance.now() - since
      } catch (error) {
        signal?.throwIfAborted()
        backoff.failed(error)
      }
      signal?.throwIfAborted()
      await pause(backoff.nextMs(stoodMs), signal)
    }
  }
  return run()
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', aborted)
        resolve()
      },
      Math.min(ms, LONGEST_TIMER_MS),
    )
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
