import { EventEmitter } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { Protocol, Role } from '../../index.ts'
import { errorText, Fault } from '../command/fault.ts'
import { Direction } from './direction.ts'
import type { TapBytes, TapEvent } from './events.ts'
import { LayoutSearch } from './layout-search.ts'
import { now, Passage } from './passage.ts'

/** How a tap reaches its target and how much it decodes. */
export interface TapOptions {
  /** Opens the connection to the target, half-open allowed; it need not stand yet. Called once for each client. */
  connect: () => net.Socket
  /** Speak TLS to clients, with this certificate. */
  tls?: tls.TlsOptions
  /** The longest body that is decoded, in bytes; after a longer one a direction passes undecoded. Default: 64 MiB. */
  maxBodyBytes?: number
}

interface TapEvents {
  event: [event: TapEvent]
  bytes: [bytes: TapBytes]
  listening: []
  error: [error: Error]
}

/**
 * A proxy that shows what passes.
 *
 * Bytes are passed on first, as they came, and looked at afterwards; no fault of the looking stops them. Ends are passed on
 * as ends, resets as resets, and back-pressure as back-pressure.
 */
export class Tap extends EventEmitter<TapEvents> {
  readonly #protocol: Protocol | LayoutSearch
  readonly #options: TapOptions
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  /** By connection and direction, while they are open. */
  readonly #passages = new Map<string, Passage>()
  #connections = 0

  /** @param protocol or a search for it, of which nothing is known. */
  constructor(protocol: Protocol | LayoutSearch, options: TapOptions) {
    super()
    this.#protocol = protocol
    this.#options = options
    const accept = (client: net.Socket) => this.#accept(client)
    const socketOptions = { allowHalfOpen: true, noDelay: true }
    this.#server =
      options.tls === undefined
        ? net.createServer({ ...socketOptions, pauseOnConnect: true }, accept)
        : tls.createServer({ ...options.tls, ...socketOptions }, (client) => accept(client.pause()))
    // A client that does not like the certificate, or speaks no TLS: nothing was passed on.
    this.#server.on('tlsClientError', (error: Error, client: tls.TLSSocket) => {
      const event = { at: now(), connection: ++this.#connections, direction: 'client' } as const
      this.#report({ ...event, kind: 'open', peer: addressOf(client) })
      this.#report({ ...event, kind: 'fault', error: `The client and the tap found no TLS: ${withCode(error)}` })
      for (const direction of ['client', 'server'] as const) this.#report({ ...event, direction, kind: 'close' })
    })
    this.#server.on('listening', () => this.emit('listening'))
    this.#server.on('error', (error) => this.emit('error', error))
  }

  /** As net.Server's. */
  listen(options: net.ListenOptions): this {
    this.#server.listen(options)
    return this
  }

  address(): net.AddressInfo | string | null {
    return this.#server.address()
  }

  /** Stops accepting and destroys what is open. Resolves once every connection has reported its `close`. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    const sockets = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all([closed, ...sockets])
    if (this.#protocol instanceof LayoutSearch) await this.#protocol.close()
  }

  #accept(client: net.Socket): void {
    const connection = ++this.#connections
    this.#report({ at: now(), connection, direction: 'client', kind: 'open', peer: addressOf(client) })
    const server = this.#options.connect()
    server.setNoDelay?.(true)
    this.#watch(client)
    this.#watch(server)
    let reached = false
    server.once(server instanceof net.Socket && 'encrypted' in server ? 'secureConnect' : 'connect', () => {
      reached = true
      this.#report({ at: now(), connection, direction: 'server', kind: 'open', peer: addressOf(server) })
      client.resume()
    })
    server.once('error', (error) => {
      if (!reached) {
        const text = `The target was not reached: ${withCode(error)}`
        this.#report({ at: now(), connection, direction: 'server', kind: 'fault', error: text })
      }
    })
    this.#pass(connection, 'client', client, server)
    this.#pass(connection, 'server', server, client)
  }

  #watch(socket: net.Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }

  /** Passes on what `from` sends, and reports it. */
  #pass(connection: number, direction: Role, from: net.Socket, to: net.Socket): void {
    const place = { connection, direction }
    const { maxBodyBytes = 64 * 2 ** 20 } = this.#options
    const report = (event: TapEvent) => this.#report(event)
    const passing =
      this.#protocol instanceof LayoutSearch
        ? this.#protocol.side(place, maxBodyBytes, report)
        : new Direction(this.#protocol, place, maxBodyBytes, report)
    const passage = new Passage(from, to, passing, {
      bytes: (at, bytes) => void this.emit('bytes', { at, ...place, bytes }),
      fault: (at, error) => this.#report({ at, ...place, kind: 'fault', error: withCode(error) }),
    })
    const key = `${connection} ${direction}`
    this.#passages.set(key, passage)
    const close = (error?: Error) => {
      this.#passages.delete(key)
      passing.close(now(), error && withCode(error))
    }
    from.on('end', () => {
      to.end()
      close()
    })
    from.on('error', (error) => {
      close(error)
      abort(to)
    })
    from.on('close', () => {
      if (passing.closed) return
      close(new Error('closed before its end'))
      abort(to)
    })
  }

  /** Sends whole frames in a side's name, between two of its own. @throws {Fault} where that cannot be. */
  send(connection: number, direction: Role, bytes: Uint8Array): void {
    const passage = this.#passages.get(`${connection} ${direction}`)
    if (passage === undefined) throw new Fault(`connection ${connection} is not open, or its ${direction} has ended.`)
    passage.send(bytes)
  }

  #report(event: TapEvent): void {
    try {
      this.emit('event', event)
    } catch (error) {
      process.nextTick(() => this.emit('error', error as Error))
    }
  }
}

/** Passes a reset on: what it takes along is what a reset takes along. */
function abort(socket: net.Socket): void {
  if (socket.destroyed) return
  const { remoteFamily } = socket
  if (remoteFamily !== undefined && remoteFamily !== 'Unix' && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}

const withCode = (error: Error): string => {
  const { code } = error as NodeJS.ErrnoException
  const text = errorText(error)
  return code === undefined || text.includes(code) ? text : `${text} (${code})`
}

/** The address of the peer: `127.0.0.1:7000`, or empty for a Unix socket. */
function addressOf({ remoteAddress, remotePort, remoteFamily }: net.Socket): string {
  if (remoteAddress === undefined) return ''
  return `${remoteFamily === 'IPv6' ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`
}
