import { QbpError } from '../base/errors.ts'
import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { SchemaProtocol } from '../protocol/schema-protocol.ts'
import type { CallSupport } from './calls.ts'
import type { Carrier } from './carrier.ts'
import { WebConnection } from './connection.ts'
import { CONNECTION_OPTIONS, type ConnectionOptions, ConnectionSettings } from './options.ts'
import { StreamCarrier, type StreamPair } from './stream-carrier.ts'
import { waitFor } from './waiting.ts'
import { type AnyWebSocket, WebSocketCarrier } from './web-socket-carrier.ts'

/** A runtime's own. */
declare const WebSocket: new (address: string | URL, protocols?: string | readonly string[]) => AnyWebSocket

/** What carries a connection: a WebSocket's address, a WebSocket, or a pair of streams such as WebTransport's. */
export type Target = string | URL | AnyWebSocket | StreamPair

/** How to connect, beside the options of every connection. */
export interface ConnectOptions<R extends Role = Role> extends ConnectionOptions {
  role?: R
  /** Subprotocols of the WebSocket that is opened. */
  protocols?: string | readonly string[]
  /** Ends the attempt with its reason; once connected it has no effect. */
  signal?: AbortSignal
  /** How long the connection may take to stand, in milliseconds. Default: 10 s. */
  connectTimeoutMs?: number
}

export const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  ...CONNECTION_OPTIONS,
  protocols: true,
  signal: true,
  connectTimeoutMs: true,
}

/**
 * Connects to a server, or takes what is connected already.
 *
 * @throws {QbpError} ERR_QBP_CONNECT_TIMEOUT, ERR_QBP_CLOSED where the WebSocket does not open (a browser does not say why),
 * ERR_QBP_BAD_OPTION; what `new WebSocket` throws for an address that is none; or the signal's reason.
 */
export async function connect<P extends SchemaProtocol, R extends Role = 'client'>(
  protocol: P,
  target: Target,
  options: ConnectOptions<R> = {},
): Promise<WebConnection<P, R>> {
  knownOptions('connect()', options, CONNECT_OPTIONS)
  const settings = new ConnectionSettings(protocol, options)
  const openCalls = (protocol as CallingProtocol).callSupport?.prepare(protocol, options) ?? null
  options.signal?.throwIfAborted()
  return new WebConnection<P, R>(await carrierOf(target, options), settings, openCalls)
}

/** With the code for calls, where it carries some. */
type CallingProtocol = SchemaProtocol & { readonly callSupport?: CallSupport | null }

async function carrierOf(target: Target, options: ConnectOptions): Promise<Carrier> {
  const isAddress = typeof target === 'string' || target instanceof URL
  if (!isAddress && 'readable' in target) return new StreamCarrier(target)
  if (!isAddress && typeof target?.send !== 'function') throw refusal()
  const socket = isAddress ? new WebSocket(target, options.protocols) : (target as AnyWebSocket)
  const carrier = new WebSocketCarrier(socket)
  if (socket.readyState === 0) await opened(socket, isAddress ? String(target) : 'The WebSocket', options)
  return carrier
}

const refusal = (): QbpError =>
  new QbpError(
    'ERR_QBP_BAD_OPTION',
    `connect() takes an address such as 'wss://…', a WebSocket, or { readable, writable } of bytes.`,
  )

function opened(socket: AnyWebSocket, where: string, { signal, connectTimeoutMs }: ConnectOptions): Promise<void> {
  const limit = milliseconds('connectTimeoutMs', connectTimeoutMs, 10_000)
  const text = `${where} did not answer within ${limit} ms, which is connectTimeoutMs.`
  return waitFor<void>({
    begin(resolve, reject) {
      socket.addEventListener('error', () => {}) // A close follows.
      socket.addEventListener('open', () => resolve())
      socket.addEventListener('close', () => reject(new QbpError('ERR_QBP_CLOSED', `${where} did not open.`)))
    },
    stop: () => socket.close(),
    late: { code: 'ERR_QBP_CONNECT_TIMEOUT', text },
    ...{ limit, signal },
  })
}
