import type { Socket } from 'node:net'
import { Backoff } from '../base/backoff.ts'
import { given } from '../base/given.ts'
import { knownOptions, type OptionNames } from '../base/options.ts'
import { type LastingClientOptions, lastingClient } from '../calls/lasting-client.ts'
import { type OneConnection, Standing, type WaitClock } from '../calls/standing.ts'
import type { AnyClient, Client } from '../calls/typed.ts'
import { now } from '../event-loop/clock.ts'
import { pause, timer } from '../event-loop/timers.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { Service } from '../protocol/service.ts'
import { CONNECT_OPTIONS, type ConnectOptions, connect } from './client.ts'
import type { QbpConnection } from './connection.ts'
import type { AnyProtocol } from './settings.ts'

/** How to connect, and how to connect again. */
export interface ReconnectOptions<P extends Protocol = AnyProtocol, D = unknown> extends ConnectOptions<P, D> {
  /** Ends the loop with its reason, and closes the connection there is; also while it waits. */
  signal?: AbortSignal | undefined
  /** The first wait before another attempt, in milliseconds; each further failure doubles it. Default: 100. */
  minDelayMs?: number | undefined
  /** The longest wait, in milliseconds. Default: 30 s: a server that comes back is found within it. */
  maxDelayMs?: number | undefined
  /** After so many attempts in a row that failed, the loop ends with the last one's error. Default: Infinity. */
  maxAttempts?: number | undefined
}

const RECONNECT_OPTIONS: OptionNames<ReconnectOptions> = {
  ...CONNECT_OPTIONS,
  minDelayMs: true,
  maxDelayMs: true,
  maxAttempts: true,
}

const CLOCK: WaitClock = {
  now,
  alarm(ms, rang) {
    const waiting = timer(ms, rang)?.ref()
    return () => clearTimeout(waiting)
  },
}

/** Connections to one server, one after another. Made by `connections`. */
export interface Connections<P extends Protocol, D = unknown>
  extends AsyncIterableIterator<QbpConnection<P, 'client', D, Socket>, undefined> {
  /** Why the last connection ended, or the last attempt failed: null after a clean end, undefined before the first. */
  readonly lastEnd: Error | null | undefined
  /** Attempts since a connection last stood. */
  readonly attempts: number
  /**
   * Calls a service on whichever connection stands, as long as somebody goes through the loop. A call waits for one; where it
   * is lost with its connection it is made again on the next, if its request was not sent, or if its method is idempotent by
   * `option idempotency_level` of the .proto. `timeoutMs` bounds all of it. A stream is of one connection, and not repeated.
   *
   * @throws {QbpError} ERR_QBP_BAD_SCHEMA for a service that is none, ERR_QBP_BAD_OPTION.
   */
  client<S extends Service>(service: S, options?: LastingClientOptions): Client<S>
  /** The same for a service by its name, untyped. */
  client(service: string, options?: LastingClientOptions): AnyClient
}

/**
 * A new connection each time the last one has ended:
 *
 *   for await (const connection of connections(protocol, { port: 7000, signal })) {
 *     for await (const message of connection.reader) …
 *   }
 *
 * The body may return early or throw away the connection's faults: the next round closes what is left of it, or waits for its
 * end where the peer has not ended. Leaving the loop closes the connection. The waits grow from minDelayMs to maxDelayMs, and
 * each is a random part of its length, so that a thousand clients do not come back at once; they begin anew once a
 * connection has stood for as long as the last wait.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION at once; in the loop the signal's reason, or after maxAttempts the last error.
 */
export function connections<P extends Protocol, D = unknown>(
  protocol: P,
  options: ReconnectOptions<P, D>,
): Connections<P, D> {
  givenProtocol(protocol, 'connections(protocol, options)')
  given(
    options !== undefined,
    options,
    'an object with a port, or the path of a Unix socket,',
    'connections(protocol, options)',
  )
  knownOptions('connections()', options as ReconnectOptions, RECONNECT_OPTIONS)
  const { signal, minDelayMs, maxDelayMs, maxAttempts, ...target } = options
  const backoff = new Backoff({ minDelayMs, maxDelayMs, maxAttempts })
  let lastEnd: Error | null | undefined
  const standing = new Standing(CLOCK)

  async function* run(): AsyncGenerator<QbpConnection<P, 'client', D, Socket>, undefined, undefined> {
    for (;;) {
      let stoodMs = 0
      try {
        const connection = await connect<P, D>(protocol, { ...target, signal } as ConnectOptions<P, D>)
        const since = now()
        backoff.succeeded()
        const abort = () => void connection.close()
        signal?.addEventListener('abort', abort, { once: true })
        try {
          standing.up(connection as unknown as OneConnection)
          yield connection
          await ended(connection)
        } finally {
          standing.down()
          lastEnd = await connection.close()
          signal?.removeEventListener('abort', abort)
        }
        stoodMs = now() - since
      } catch (error) {
        signal?.throwIfAborted()
        lastEnd = error as Error
        backoff.failed(error)
      }
      signal?.throwIfAborted()
      // Unreferenced it would let a process end that has nothing to do but to come back.
      await pause(backoff.nextMs(stoodMs), signal)
      signal?.throwIfAborted()
    }
  }

  const loop = over(run(), standing)
  return Object.defineProperties(loop, {
    client: {
      value: (service: string | Service, own?: LastingClientOptions) =>
        lastingClient(standing, service, protocol.service(service), own),
    },
    lastEnd: { get: () => lastEnd },
    attempts: { get: () => backoff.failures },
  }) as unknown as Connections<P, D>
}

/** The same loop, whose end the calls hear that wait for a connection. */
async function* over<T>(
  loop: AsyncGenerator<T, undefined>,
  standing: Standing,
): AsyncGenerator<T, undefined, undefined> {
  let reason: unknown
  try {
    yield* loop
  } catch (error) {
    reason = error
    throw error
  } finally {
    standing.end(reason)
  }
}

/** Until the connection is closed, or the peer has ended and somebody here has read as far. */
async function ended({ reader, closed }: QbpConnection): Promise<void> {
  if (reader.readableEnded || reader.destroyed) return
  let isEnd = () => {}
  const end = new Promise<void>((resolve) => {
    isEnd = resolve
    reader.once('end', resolve)
    reader.once('close', resolve)
  })
  await Promise.race([closed, end])
  reader.off('end', isEnd).off('close', isEnd)
}
