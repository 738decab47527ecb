import { type LastingClientOptions, lastingClient } from '../calls/lasting-client.ts'
import { type OneConnection, Standing, type WaitClock } from '../calls/standing.ts'
import type { AnyClient, Client } from '../calls/typed.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { Service } from '../protocol/service.ts'
import { findService } from '../protocol/services.ts'
import { support } from './codec-support.ts'
import type { WebConnection } from './connection.ts'
import { timer } from './timer.ts'

/** Connections that come one after another, and clients on whichever stands. Made by `withClients`. */
export interface ConnectionsWithClients<P extends SchemaProtocol>
  extends AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined> {
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

const CLOCK: WaitClock = {
  now: () => performance.now(),
  alarm(ms, rang) {
    const waiting = timer(ms, rang)
    ;(waiting as { ref?(): void } | undefined)?.ref?.() // In Node.
    return () => clearTimeout(waiting)
  },
}

/**
 * What `connections` gives, with `client(service)` as on the main entry's:
 *
 *     const loop = withClients(protocol, connections(protocol, 'wss://…'))
 *     const accounts = loop.client(Accounts)
 *     for await (const connection of loop) await connection.closed
 */
export function withClients<P extends SchemaProtocol>(
  protocol: P,
  loop: AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined>,
): ConnectionsWithClients<P> {
  const standing = new Standing(CLOCK)
  const client = (service: string | Service, options?: LastingClientOptions) =>
    lastingClient(standing, service, findService(protocol.types, service, support), options)
  return Object.assign(over(loop, standing), { client }) as ConnectionsWithClients<P>
}

/** The same loop, whose connections and whose end are heard by the calls that wait. */
async function* over<P extends SchemaProtocol>(
  loop: AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined>,
  standing: Standing,
): AsyncGenerator<WebConnection<P, 'client'>, undefined, undefined> {
  let reason: unknown
  try {
    for await (const connection of loop) {
      standing.up(connection as unknown as OneConnection)
      try {
        yield connection
        await connection.ended
      } finally {
        standing.down()
      }
    }
  } catch (error) {
    reason = error
    throw error
  } finally {
    standing.end(reason)
  }
}
