import { EventEmitter } from 'node:events'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { knownOptions } from '../base/options.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { isTls } from './closer.ts'
import { QbpConnection } from './connection.ts'
import { Departure, lateFault } from './departure.ts'
import { reportRefused, warnOf } from './diagnostics.ts'
import { givenDuplex } from './given-duplex.ts'
import { givenHandler, type Handler, Handlers, type ServerConnection } from './handlers.ts'
import { Listener, type ListenerOptions } from './listener.ts'
import { ServerConnections } from './server-connections.ts'
import {
  type AttachOptions,
  SERVER_OPTIONS,
  type ServerEvents,
  type ServerOptions,
  type ServerStats,
} from './server-options.ts'
import { type CloseOptions, ConnectionSettings, graceOf } from './settings.ts'
import type { TlsOptions } from './tls.ts'

/** Accepts connections and runs the handler on each. Made by `createServer`. */
export class QbpServer<P extends Protocol = Protocol, D = unknown>
  extends EventEmitter<ServerEvents<P, D>>
  implements AsyncDisposable
{
  readonly #connections: ServerConnections<P, D> = new ServerConnections()
  /** The connections that are open. */
  readonly connections: Set<ServerConnection<P, D>> = this.#connections.open
  readonly #protocol: P
  /** Those of every connection, checked once. */
  readonly #settings: ConnectionSettings
  readonly #handlers: Handlers<P, D>
  readonly #listener: Listener
  /** What attached duplexes speak TLS with, where the server does. */
  readonly #tls: ListenerOptions['tls']
  /** Attached connections whose TLS handshake is under way. */
  readonly #handshakes = new Set<ServerConnection<P, D>>()
  /** Waits for connections and handlers to be gone, once the server closes. */
  #departure: Departure | null = null

  /** @throws {QbpError} ERR_QBP_BAD_OPTION; what node:tls throws for its options. */
  constructor(protocol: P, options: ServerOptions<P, D>, handler: Handler<P, D>) {
    super()
    givenProtocol(protocol, 'createServer(protocol, options?, handler)')
    givenHandler(handler)
    knownOptions('createServer()', options as ServerOptions, SERVER_OPTIONS)
    this.#protocol = protocol
    this.#handlers = new Handlers(handler, {
      began: (connection) => this.emit('connection', connection),
      left: () => this.#check(),
      threw: (error, connection) => this.emit('clientError', error, connection),
    })
    this.#settings = new ConnectionSettings(
      protocol,
      { ...(options as ServerOptions), role: 'server' },
      {
        closed: (connection) => this.#left(connection as ServerConnection<P, D>),
        threw: (error, connection) => {
          if (!this.emit('clientError', error, connection as ServerConnection<P, D>))
            warnOf(error, 'A listener threw, and its server has no listener for clientError')
        },
      },
    )
    this.#tls = options.tls
    this.#listener = new Listener(options, this.#settings.handshakeTimeoutMs, {
      accepted: (socket) => this.#serve(this.#connection(socket)),
      refused: (fault) => this.#refuse(fault, null),
      listening: () => this.emit('listening'),
      failed: (error) => this.emit('error', error),
    })
  }

  /**
   * As net.Server's: a port and host, a Unix socket's path, or options, whose `signal` closes the server. The backlog is 4,096 where none is given.
   *
   * @throws {QbpError} ERR_QBP_CLOSED once `close` was called.
   */
  listen(port?: number, host?: string, backlog?: number, listening?: () => void): this
  listen(port?: number, host?: string, listening?: () => void): this
  listen(port?: number, listening?: () => void): this
  listen(path: string, listening?: () => void): this
  listen(options: net.ListenOptions, listening?: () => void): this
  listen(...args: unknown[]): this {
    if (this.#departure !== null) throw new QbpError('ERR_QBP_CLOSED', 'The server was closed; make another.')
    this.#listener.listen(args)
    const [options] = args as [net.ListenOptions?]
    const { signal } = options ?? {}
    if (signal !== undefined) this.#heed(signal)
    return this
  }

  /** As net.Server's. */
  get listening(): boolean {
    return this.#listener.isListening
  }

  /** As net.Server's. */
  address(): net.AddressInfo | string | null {
    return this.#listener.address()
  }

  /**
   * Serves any duplex as if it had been accepted: an in-memory pair, a WebSocket's or HTTP/2 stream, standard input and output.
   *
   * The server's limits and its `tls` hold for it, too: one that is no TLSSocket first goes through the handshake, after which
   * `connection` is emitted and the handler runs. One beyond a limit is destroyed, `clientError` emitted, and the connection
   * returned is closed.
   */
  attach<S extends Duplex>(duplex: S, options: AttachOptions = {}): QbpConnection<P, 'server', D, S> {
    givenDuplex(duplex, 'attach(duplex, options?)')
    knownOptions('attach()', options, { tls: true })
    const { admission } = this.#listener
    const refusal = admission.admit(duplex)
    const connection = this.#connection(duplex)
    const attached = connection as unknown as QbpConnection<P, 'server', D, S>
    if (refusal !== null) {
      connection.destroy(refusal)
      this.#refuse(refusal, connection)
      return attached
    }
    // Not every duplex emits `close`. One that was detached is not closed yet.
    void connection.closed.then(() => duplex.destroyed && admission.release(duplex))
    if (this.#tls === undefined || options.tls === false || isTls(duplex)) this.#serve(connection)
    else if (this.#departure === null) void this.#secure(connection, this.#tls)
    else connection.destroy()
    return attached
  }

  /**
   * Stops accepting; readers end after what has come; handlers finish; each connection is flushed and ended; what remains
   * after `graceMs` is destroyed. Always resolves. A second call waits for the same, with the shorter `graceMs`.
   *
   * A handler that calls it is not waited for: it goes on when all others are gone.
   */
  close(options: CloseOptions = {}): Promise<void> {
    const grace = graceOf(options)
    const departure = this.#departure ?? this.#close()
    departure.within(grace, () => {
      for (const connection of this.connections) connection.destroy(lateFault(grace))
    })
    return this.#handlers.isCaller ? departure.ofOthers() : departure.ofAll
  }

  /**
   * Names a connection: a player, a device, whose name came in a message. A name is any value that a Map takes as a key; a connection has one
   * at most, and keeps it until it has closed, over `goOn` and `startTls` too.
   *
   *     server.name(connection, message.device)?.destroy() // Who comes back takes the place of its old connection.
   *
   * @returns the other connection that had the name until now; undefined where none had. One that has closed gets no name.
   */
  name(connection: QbpConnection<P, 'server', D>, name: unknown): ServerConnection<P, D> | undefined {
    return this.#connections.name(connection as ServerConnection<P, D>, name)
  }

  /** The connection that has a name; undefined where none that is open has. */
  named(name: unknown): ServerConnection<P, D> | undefined {
    return this.#connections.named(name)
  }

  /** What went over its connections so far, the closed ones included. */
  stats(): ServerStats {
    return this.#connections.stats()
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #heed(signal: AbortSignal): void {
    const abort = () => void this.close()
    if (signal.aborted)
      process.nextTick(abort) // Its user may await `close` first.
    else signal.addEventListener('abort', abort, { once: true })
    this.once('close', () => signal.removeEventListener('abort', abort))
  }

  /** Reports a connection that is not served; null for one that never was. */
  #refuse(fault: Error, connection: ServerConnection<P, D> | null): void {
    if (connection === null) this.#connections.refused(fault)
    reportRefused(this, fault)
    this.emit('clientError', fault, connection)
  }

  #connection(duplex: Duplex): ServerConnection<P, D> {
    const connection = new QbpConnection(this.#protocol, duplex, this.#settings) as unknown as ServerConnection<P, D>
    this.connections.add(connection)
    return connection
  }

  async #secure(connection: ServerConnection<P, D>, tls: TlsOptions): Promise<void> {
    this.#handshakes.add(connection)
    const fault = await connection.startTls(tls).then(
      () => null,
      (error: Error) => error,
    )
    this.#handshakes.delete(connection)
    if (fault === null) this.#serve(connection)
    else this.#refuse(fault, connection)
  }

  #serve(connection: ServerConnection<P, D>): void {
    this.#connections.accepted()
    this.#handlers.run(connection)
    if (this.#departure !== null) connection.conclude()
  }

  /** A connection has closed. */
  #left(connection: ServerConnection<P, D>): void {
    this.#connections.left(connection)
    this.#check()
  }

  #check(): void {
    this.#departure?.check(this.connections.size, this.#handlers.running)
  }

  #close(): Departure {
    const departure = new Departure(async () => {
      await Promise.all([...this.connections].map(({ closed }) => closed))
      this.emit('close')
    })
    this.#departure = departure
    this.#listener.close()
    for (const connection of this.#handshakes) connection.destroy()
    for (const connection of this.connections) connection.conclude()
    this.#check()
    return departure
  }
}

/**
 * Makes a server whose handler gets a ready reader and writer for each connection.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function createServer<P extends Protocol>(protocol: P, handler: Handler<P>): QbpServer<P>
export function createServer<P extends Protocol, D = unknown>(
  protocol: P,
  options: ServerOptions<P, D>,
  handler: Handler<P, D>,
): QbpServer<P, D>
export function createServer<P extends Protocol, D = unknown>(
  protocol: P,
  options: ServerOptions<P, D> | Handler<P, D>,
  handler?: Handler<P, D>,
): QbpServer<P, D> {
  return typeof options === 'function'
    ? new QbpServer(protocol, {}, options)
    : new QbpServer(protocol, options, handler as Handler<P, D>)
}
