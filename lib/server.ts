import { EventEmitter } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import {
  addCounts,
  type CloseOptions,
  type ConnectionOptions,
  type ConnectionStats,
  Counts,
  QbpConnection,
} from './connection.ts'
import { milliseconds, timer } from './deadline.ts'
import { refused } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import type { Protocol } from './protocol.ts'
import type { QbpReadable } from './readable.ts'
import { HANDSHAKE_TIMEOUT_MS, handshakeTimeout } from './tls.ts'
import type { QbpWritable } from './writable.ts'

/** What a server may be told: what each of its connections may, and how many there may be. */
export interface ServerOptions extends Omit<ConnectionOptions, 'role'> {
  /** Options of node:tls, to serve TLS from the first byte. */
  tls?: tls.TlsOptions
  /** Connections beyond it are closed at once. Default: Infinity. */
  maxConnections?: number
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
  readonly #options: ServerOptions
  readonly #handler: Handler<P>
  readonly #server: net.Server
  readonly #handlers = new Set<Promise<void>>()
  /** Of the connections that have closed, and the faults of those that never were. */
  readonly #past = new Counts()
  #accepted = 0
  #closing: Promise<void> | null = null

  constructor(protocol: P, options: ServerOptions, handler: Handler<P>) {
    super()
    if (typeof handler !== 'function')
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        'A server needs a handler: createServer(protocol, options?, (reader, writer, connection) => …).',
      )
    this.#protocol = protocol
    this.#options = options
    this.#handler = handler
    const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true }
    if (options.tls === undefined) this.#server = net.createServer(socketOptions, (socket) => this.#accept(socket))
    else {
      const handshakeMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
      const server = tls.createServer(
        { ...options.tls, ...socketOptions, handshakeTimeout: Math.min(handshakeMs, 2 ** 31 - 1) },
        (socket) => this.#accept(socket),
      )
      server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
        this.#refuse(error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT' ? handshakeTimeout(handshakeMs) : error)
      })
      this.#server = server
    }
    this.#server.on('listening', () => this.emit('listening'))
    this.#server.on('error', (error) => this.emit('error', error))
    // A protocol that needs roles gets them here; a wrong option is told now, not with the first connection.
    new QbpConnection(protocol, new net.Socket().destroy(), { ...options, role: 'server' }).destroy()
  }

  /** As net.Server's: a port and host, a Unix socket's path, or options with a `signal`. */
  listen(
    ...args:
      | Parameters<net.Server['listen']>
      | [options: net.ListenOptions, listening?: () => void]
      | [port?: number, listening?: () => void]
      | [port?: number, host?: string, listening?: () => void]
      | [path: string, listening?: () => void]
  ): this {
    this.#server.listen(...(args as [net.ListenOptions]))
    return this
  }

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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #accept(socket: net.Socket): void {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#options
    if (this.connections.size >= maxConnections) {
      socket.destroy()
      this.#refuse(
        new QbpError(
          'ERR_QBP_TOO_MANY_CONNECTIONS',
          `${this.connections.size} connections are open, and maxConnections is ${maxConnections}: another was refused.`,
          { limit: maxConnections },
        ),
      )
      return
    }
    this.#serve(socket)
  }

  /** Tells of a connection that never was. */
  #refuse(fault: Error): void {
    this.#past.faults.count(fault)
    refused(this, fault)
    this.emit('clientError', fault, null)
  }

  #serve(duplex: Duplex): QbpConnection<P, 'server'> {
    const connection = new QbpConnection(this.#protocol, duplex, { ...this.#options, role: 'server' as const })
    this.connections.add(connection)
    this.#accepted++
    void connection.closed.then(() => {
      this.connections.delete(connection)
      connection[addCounts](this.#past)
      this.#past.queuedBytes = 0 // Nothing waits for a peer that has gone.
    })
    const run = this.#run(connection)
    this.#handlers.add(run)
    void run.then(() => this.#handlers.delete(run))
    if (this.#closing !== null) connection.conclude()
    return connection
  }

  async #run(connection: QbpConnection<P, 'server'>): Promise<void> {
    try {
      this.emit('connection', connection)
      await this.#handler(connection.reader, connection.writer, connection)
      void connection.close()
    } catch (error) {
      connection.destroy(error as Error)
      this.emit('clientError', error as Error, connection)
    }
  }

  async #close(graceMs: number): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    for (const connection of this.connections) connection.conclude()
    const abort = timer(graceMs, () => {
      const late = new QbpError(
        'ERR_QBP_CLOSED',
        `The server closed, and the connection was not done after ${graceMs} ms, which is graceMs.`,
        { limit: graceMs },
      )
      for (const connection of this.connections) connection.destroy(late)
    })
    abort?.ref()
    while (this.connections.size > 0) await Promise.all([...this.connections].map(({ closed }) => closed))
    await stopped
    clearTimeout(abort)
    this.emit('close')
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
