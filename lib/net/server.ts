import { EventEmitter } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type tls from 'node:tls'
import { QbpError } from '../base/errors.ts'
import { milliseconds } from '../base/options.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { QbpReadable } from '../streams/readable.ts'
import type { QbpWritable } from '../streams/writable.ts'
import { Admission } from './admission.ts'
import { QbpConnection } from './connection.ts'
import { reportRefused } from './diagnostics.ts'
import { withBacklog } from './listen.ts'
import { type CloseOptions, type ConnectionOptions, ConnectionSettings } from './settings.ts'
import { addCounts, type ConnectionStats, Counts } from './stats.ts'
import { timer } from './timer.ts'
import { acceptor } from './tls.ts'

/** What a server may be told: what each of its connections may, and how many there may be. */
export interface ServerOptions extends Omit<ConnectionOptions, 'role'> {
  /** Options of node:tls, to serve TLS from the first byte. */
  tls?: tls.TlsOptions
  /**
   * Sockets beyond it are reset at once, those in a TLS handshake counted. Default: 10,000: an idle connection takes some 7 KB,
   * and most systems allow a process fewer files than it would like.
   */
  maxConnections?: number
  /**
   * Sockets of one IP address beyond it are reset at once, so that one machine cannot take all. Default: 1,000, which an office
   * behind one address stays below; for loopback addresses Infinity, as a proxy on this machine speaks for many.
   */
  maxConnectionsPerAddress?: number
}

/**
 * Serves one connection. Its closure is the connection's state.
 *
 * When it returns, what was written is sent and the connection ended; when it throws, the connection is aborted and the
 * server told by `clientError`.
 */
export type Handler<P extends Protocol = Protocol> = (
  reader: QbpReadable<P, 'server'>,
  writer: QbpWritable<P, 'server'>,
  connection: QbpConnection<P, 'server'>,
) => unknown

/** What went over a server's connections, the closed ones included. */
export interface ServerStats extends ConnectionStats {
  /** Connections that are open, and all that were ever accepted. */
  connections: number
  accepted: number
}

interface ServerEvents<P extends Protocol> {
  connection: [connection: QbpConnection<P, 'server'>]
  clientError: [error: Error, connection: QbpConnection<P, 'server'> | null]
  listening: []
  close: []
  error: [error: Error]
}

/** Accepts connections and runs the handler on each. Made by `createServer`. */
export class QbpServer<P extends Protocol = Protocol> extends EventEmitter<ServerEvents<P>> implements AsyncDisposable {
  /** The connections that are open. */
  readonly connections: Set<QbpConnection<P, 'server'>> = new Set()
  readonly #protocol: P
  /** Those of every connection, checked once. */
  readonly #settings: ConnectionSettings
  readonly #handler: Handler<P>
  readonly #server: net.Server
  readonly #doorkeeper: Admission
  /** Hands a socket to TLS, or null without TLS. */
  readonly #secure: ((socket: net.Socket) => void) | null
  /** Handlers that have not returned. */
  #running = 0
  /** Called when the last connection and the last handler are gone, while the server closes. */
  #emptied: (() => void) | null = null
  /** Of the connections that have closed, and the faults of those that never were. */
  readonly #past = new Counts()
  #accepted = 0
  #closing: Promise<void> | null = null

  /** @throws {QbpError} ERR_QBP_BAD_OPTION; what node:tls throws for its options. */
  constructor(protocol: P, options: ServerOptions, handler: Handler<P>) {
    super()
    if (typeof handler !== 'function')
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        'A server needs a handler: createServer(protocol, options?, (reader, writer, connection) => …).',
      )
    this.#protocol = protocol
    this.#handler = handler
    this.#settings = new ConnectionSettings(protocol, { ...options, role: 'server' }, (connection) =>
      this.#left(connection as QbpConnection<P, 'server'>),
    )
    this.#doorkeeper = new Admission(options)
    this.#secure = options.tls === undefined ? null : this.#acceptor(options.tls)
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    )
    this.#server.on('listening', () => this.emit('listening'))
    this.#server.on('error', (error) => this.emit('error', error))
  }

  /**
   * As net.Server's: a port and host, a Unix socket's path, or options with a `signal`. The backlog is 4,096 where none is given.
   *
   * @throws {QbpError} ERR_QBP_CLOSED once `close` was called.
   */
  listen(port?: number, host?: string, backlog?: number, listening?: () => void): this
  listen(port?: number, host?: string, listening?: () => void): this
  listen(port?: number, listening?: () => void): this
  listen(path: string, listening?: () => void): this
  listen(options: net.ListenOptions, listening?: () => void): this
  listen(...args: unknown[]): this {
    if (this.#closing !== null) throw new QbpError('ERR_QBP_CLOSED', 'The server was closed; make another.')
    this.#server.listen(...withBacklog(args))
    return this
  }

  /** As net.Server's. */
  get listening(): boolean {
    return this.#server.listening
  }

  /** As net.Server's. */
  address(): net.AddressInfo | string | null {
    return this.#server.address()
  }

  /** Serves any duplex as if it had been accepted: an in-memory pair, a WebSocket's or HTTP/2 stream, standard input and output. */
  attach(duplex: Duplex): QbpConnection<P, 'server'> {
    return this.#serve(duplex)
  }

  /**
   * Stops accepting; readers end after what has come; handlers finish; each connection is flushed and ended; what remains
   * after `graceMs` is destroyed. Always resolves, and a second call waits for the same.
   */
  close({ graceMs }: CloseOptions = {}): Promise<void> {
    const grace = milliseconds('graceMs', graceMs, 10_000)
    this.#closing ??= this.#close(grace)
    return this.#closing
  }

  /** What went over its connections so far, the closed ones included. */
  stats(): ServerStats {
    const sum = new Counts()
    sum.add(this.#past)
    for (const connection of this.connections) connection[addCounts](sum)
    return { ...sum.stats(), connections: this.connections.size, accepted: this.#accepted }
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #acceptor(options: tls.TlsOptions): (socket: net.Socket) => void {
    const accept = acceptor<net.Socket>(
      options,
      this.#settings.handshakeTimeoutMs,
      (socket, wire) => {
        this.#doorkeeper.shaken(wire)
        this.#serve(socket)
      },
      (fault) => this.#refuse(fault),
    )
    return (socket) => {
      this.#doorkeeper.shaking(socket)
      accept(socket)
    }
  }

  #accept(socket: net.Socket): void {
    const refusal = this.#doorkeeper.admit(socket)
    if (refusal !== null) {
      if (socket.remoteFamily === undefined) socket.destroy()
      else socket.resetAndDestroy() // A FIN would leave a flood's sockets in TIME_WAIT.
      this.#refuse(refusal)
    } else if (this.#secure !== null && this.#closing === null) this.#secure(socket)
    else if (this.#secure !== null) socket.destroy()
    else this.#serve(socket)
  }

  /** Tells of a connection that never was. */
  #refuse(fault: Error): void {
    this.#past.faults.count(fault)
    reportRefused(this, fault)
    this.emit('clientError', fault, null)
  }

  #serve(duplex: Duplex): QbpConnection<P, 'server'> {
    const connection = new QbpConnection<P, 'server'>(this.#protocol, duplex, this.#settings)
    this.connections.add(connection)
    this.#accepted++
    this.#running++
    this.#run(connection)
    if (this.#closing !== null) connection.conclude()
    return connection
  }

  // No async function, whose frame would be kept for as long as the handler runs.
  #run(connection: QbpConnection<P, 'server'>): void {
    try {
      this.emit('connection', connection)
      const handled = this.#handler(connection.reader, connection.writer, connection)
      Promise.resolve(handled).then(
        () => this.#handled(connection),
        (thrown) => this.#threw(connection, thrown),
      )
    } catch (thrown) {
      this.#threw(connection, thrown)
    }
  }

  #handled(connection: QbpConnection<P, 'server'>): void {
    this.#running--
    if (!connection.closing) void connection.close() // Of one that the peer has ended, what came may still be read.
    this.#check()
  }

  #threw(connection: QbpConnection<P, 'server'>, thrown: unknown): void {
    this.#running--
    const error =
      thrown instanceof Error ? thrown : new Error(`The handler threw ${String(thrown)}.`, { cause: thrown })
    connection.destroy(error)
    this.#check()
    this.emit('clientError', error, connection)
  }

  /** A connection has closed. */
  #left(connection: QbpConnection<P, 'server'>): void {
    this.connections.delete(connection)
    connection[addCounts](this.#past)
    this.#past.queuedBytes = 0 // Nothing waits for a peer that has gone.
    this.#check()
  }

  /** Tells who waits for it that there is neither connection nor handler any more. */
  #check(): void {
    if (this.connections.size + this.#running === 0) this.#emptied?.()
  }

  async #close(graceMs: number): Promise<void> {
    // Its own event waits for every socket, also for one that a handler has detached and that is no longer ours.
    this.#server.close()
    this.#doorkeeper.dismiss()
    for (const connection of this.connections) connection.conclude()
    await this.#empty(graceMs)
    const late = new QbpError(
      'ERR_QBP_CLOSED',
      `The server closed, and the connection was not done after ${graceMs} ms, which is graceMs.`,
      { limit: graceMs },
    )
    for (const connection of this.connections) connection.destroy(late)
    await Promise.all([...this.connections].map(({ closed }) => closed))
    this.emit('close')
  }

  /** Resolves when there is neither connection nor handler any more, or the time is over. */
  #empty(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const grace = timer(graceMs, resolve)?.ref()
      this.#emptied = () => {
        clearTimeout(grace)
        resolve()
      }
      this.#check()
    })
  }
}

/**
 * Makes a server whose handler gets a ready reader and writer for each connection.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function createServer<P extends Protocol>(protocol: P, handler: Handler<P>): QbpServer<P>
export function createServer<P extends Protocol>(protocol: P, options: ServerOptions, handler: Handler<P>): QbpServer<P>
export function createServer<P extends Protocol>(
  protocol: P,
  options: ServerOptions | Handler<P>,
  handler?: Handler<P>,
): QbpServer<P> {
  return typeof options === 'function'
    ? new QbpServer(protocol, {}, options)
    : new QbpServer(protocol, options, handler as Handler<P>)
}
