import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { QbpError } from '../base/errors.ts'
import { knownOptions, type OptionNames } from '../base/options.ts'
import type { QbpConnection } from '../net/connection.ts'
import type { Handler } from '../net/handlers.ts'
import { createServer, type QbpServer } from '../net/server.ts'
import { SERVER_OPTIONS, type ServerOptions } from '../net/server-options.ts'
import type { CloseOptions } from '../net/settings.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type Origins, originRefusal } from './origin.ts'

/** The options of a server: those of `createServer`, and which pages may come. TLS is the HTTP server's. */
export interface WebSocketServerOptions extends Omit<ServerOptions, 'tls'> {
  /** The HTTP or HTTPS server whose upgrades are taken; without one `listen` makes one that does nothing else. */
  server?: UpgradingServer
  /** Upgrades of this path alone are taken; others are left to those who listen, too. Default: all. */
  path?: string
  /**
   * Which pages may connect: 'same', those of the host that they connect to; a list such as `['https://example.org']`; or 'any'. A browser sends the
   * cookies of this host along, whichever page connects. Clients that are no browsers send no origin, and are let in. Default: 'same'.
   */
  origins?: Origins
}

/** What is used of an HTTP server. */
export interface UpgradingServer {
  /** Listens to upgrades. */
  on(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown
  /** Listens no more. */
  off(event: 'upgrade', listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown
}

const { tls: _, ...OWN_SERVER_OPTIONS } = SERVER_OPTIONS
const OPTIONS: OptionNames<WebSocketServerOptions> = { ...OWN_SERVER_OPTIONS, server: true, path: true, origins: true }

/** What a message of a WebSocket may take beside one body: a batch, and its headers. */
const BATCH_ROOM_BYTES = 2 ** 18

const requests = new WeakMap<object, IncomingMessage>()

/** The request by which a WebSocket's connection was opened: its cookies, its address. Undefined for one that came otherwise. */
export const requestOf = (connection: QbpConnection<never, never>): IncomingMessage | undefined =>
  requests.get(connection.socket)

/** Serves a protocol to WebSockets: a server of the main entry, to which each is attached. */
export class QbpWebSocketServer<P extends Protocol = Protocol> implements AsyncDisposable {
  /** Its connections, its events, its counts. It listens to no port of its own. */
  readonly connections: QbpServer<P>
  readonly #sockets: WebSocketServer
  readonly #http: UpgradingServer
  readonly #own: Server | null
  readonly #path: string | undefined
  readonly #origins: Origins
  readonly #upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#take(request, socket, head)
  }

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options: WebSocketServerOptions, handler: Handler<P>) {
    knownOptions('createWebSocketServer()', options, OPTIONS)
    const { server, path, origins = 'same', ...rest } = options
    originRefusal(origins, undefined, undefined) // Checks the option.
    this.#path = path
    this.#origins = origins
    this.connections = createServer(protocol, rest, handler)
    const { maxBodyBytes = 2 ** 20 } = rest
    const maxPayload = Number.isFinite(maxBodyBytes) ? maxBodyBytes + BATCH_ROOM_BYTES : 0 // 0 is no limit to ws.
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false })
    this.#own = server === undefined ? createHttpServer((_request, response) => upgradeRequired(response)) : null
    this.#http = server ?? (this.#own as Server)
    this.#http.on('upgrade', this.#upgrade)
  }

  /**
   * Listens on a port; only where no `server` was given.
   *
   * @throws {QbpError} ERR_QBP_BAD_OPTION where one was; the socket's own error.
   */
  async listen(port: number, host?: string): Promise<AddressInfo> {
    const http = this.#own
    if (http === null)
      throw new QbpError('ERR_QBP_BAD_OPTION', 'The HTTP server was given: it is that which listens.', {
        option: 'server',
      })
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject)
      http.listen(port, host, () => {
        http.off('error', reject)
        resolve()
      })
    })
    return http.address() as AddressInfo
  }

  /** Takes no more WebSockets, and closes its connections as a server does. An HTTP server that was given goes on. */
  async close(options?: CloseOptions): Promise<void> {
    this.#http.off('upgrade', this.#upgrade)
    this.#own?.close()
    await this.connections.close(options)
    this.#sockets.close()
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [path] = (request.url ?? '/').split('?')
    if (this.#path !== undefined && path !== this.#path) {
      if (this.#own !== null) refuse(socket, '404 Not Found', `WebSockets are served at ${this.#path}.`)
      return
    }
    const refusal = originRefusal(this.#origins, request.headers.origin, request.headers.host)
    if (refusal !== null) {
      this.connections.emit('clientError', refusal, null)
      refuse(socket, '403 Forbidden', refusal.message)
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const duplex = createWebSocketStream(webSocket)
      const { remoteAddress, remotePort } = request.socket
      Object.assign(duplex, { remoteAddress, remotePort })
      requests.set(duplex, request)
      const connection = this.connections.attach(duplex)
      // A WebSocket has no half-close: a peer that has ended hears no answer, and a handler that writes one is to hear of that.
      connection.once('ended', () => connection.closing || connection.writer.end())
    })
  }
}

const upgradeRequired = (response: ServerResponse): ServerResponse =>
  response.writeHead(426, { connection: 'Upgrade', upgrade: 'websocket' }).end('WebSocket only\n')

function refuse(socket: Duplex, status: string, text: string): void {
  socket.on('error', () => {}) // It may be gone already.
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
}

/**
 * Makes a server for WebSockets, with the handler, the limits and the deadlines of `createServer`. Needs the package `ws`.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function createWebSocketServer<P extends Protocol>(protocol: P, handler: Handler<P>): QbpWebSocketServer<P>
export function createWebSocketServer<P extends Protocol>(
  protocol: P,
  options: WebSocketServerOptions,
  handler: Handler<P>,
): QbpWebSocketServer<P>
export function createWebSocketServer<P extends Protocol>(
  protocol: P,
  ...rest: [Handler<P>] | [WebSocketServerOptions, Handler<P>]
): QbpWebSocketServer<P> {
  const [options, handler] = rest.length === 1 ? [{}, rest[0]] : rest
  return new QbpWebSocketServer(protocol, options, handler)
}
