import type { OptionNames } from '../base/options.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { ConnectionStats } from '../stats/counts.ts'
import type { ServerConnection } from './handlers.ts'
import { LISTENER_OPTIONS, type ListenerOptions } from './listener.ts'
import { type AnyProtocol, CONNECTION_OPTIONS, type ConnectionOptions } from './settings.ts'

/** The options of a server: those of each of its connections, and how sockets are let in. */
export interface ServerOptions<P extends Protocol = AnyProtocol, D = unknown>
  extends Omit<ConnectionOptions<'server', P, D>, 'role'>,
    ListenerOptions {}

const { role: _, ...ROLELESS_OPTIONS } = CONNECTION_OPTIONS

/** The names of ServerOptions. */
export const SERVER_OPTIONS: OptionNames<ServerOptions> = { ...ROLELESS_OPTIONS, ...LISTENER_OPTIONS }

/** For one attached duplex. */
export interface AttachOptions {
  /** False: the duplex is secure already, though it is no TLSSocket (a WebSocket's over HTTPS), and needs no TLS of the server's. */
  tls?: false | undefined
}

/** What went over a server's connections, the closed ones included. */
export interface ServerStats extends ConnectionStats {
  /** Connections that are open, and all that were ever accepted. */
  connections: number
  accepted: number
}

/** What a server emits. */
export interface ServerEvents<P extends Protocol, D> {
  connection: [connection: ServerConnection<P, D>]
  clientError: [error: Error, connection: ServerConnection<P, D> | null]
  listening: []
  close: []
  error: [error: Error]
}
