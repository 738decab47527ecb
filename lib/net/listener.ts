import net from 'node:net'
import type tls from 'node:tls'
import type { OptionNames } from '../base/options.ts'
import { Countdown } from '../event-loop/timers.ts'
import { Admission, type AdmissionOptions } from './admission.ts'
import { acceptor, handshakeTimeout } from './tls.ts'

/** How sockets are let in. */
export interface ListenerOptions extends AdmissionOptions {
  /** Options of node:tls, to serve TLS from the first byte. */
  tls?: tls.TlsOptions | undefined
}

/** The names of ListenerOptions. */
export const LISTENER_OPTIONS: OptionNames<ListenerOptions> = {
  maxConnections: true,
  maxConnectionsPerAddress: true,
  tls: true,
}

/**
 * How many connections may wait to be accepted; the system may allow fewer. Node's own 511 is too few where a thousand clients
 * come back at once: up to Node 20 libuv accepts one in each turn of the event loop, the system drops the others' requests,
 * and they try again after 1, 3 and 7 s.
 */
const BACKLOG = 4_096

/** What a listener reports to: the server. */
export interface ListenerUser {
  /** A socket is ready to be served, its TLS handshake done. */
  accepted(socket: net.Socket): void
  /** One was turned away. */
  refused(fault: Error): void
  listening(): void
  failed(error: Error): void
}

/** Accepts sockets, counts them, and has each go through its TLS handshake, where there is one. */
export class Listener {
  readonly admission: Admission
  readonly #server: net.Server
  readonly #user: ListenerUser
  /** Hands a socket to TLS, or null without TLS. */
  readonly #secure: ((socket: net.Socket) => void) | null
  /** Sockets whose handshake is under way, and how long it still may be. */
  readonly #handshakes = new Map<net.Socket, Countdown>()
  #isClosed = false

  /** @throws {QbpError} ERR_QBP_BAD_OPTION; what node:tls throws for its options. */
  constructor(options: ListenerOptions, handshakeTimeoutMs: number, user: ListenerUser) {
    this.#user = user
    this.admission = new Admission(options)
    this.#secure = options.tls === undefined ? null : this.#acceptor(options.tls, handshakeTimeoutMs)
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    )
    this.#server.on('listening', () => user.listening())
    this.#server.on('error', (error) => user.failed(error))
  }

  /** As net.Server's, with a backlog of our own. */
  listen(args: readonly unknown[]): void {
    this.#server.listen(...withBacklog(args))
  }

  get isListening(): boolean {
    return this.#server.listening
  }

  address(): net.AddressInfo | string | null {
    return this.#server.address()
  }

  /** Accepts no more, and ends the handshakes that are under way. */
  close(): void {
    this.#isClosed = true
    // Its own event waits for every socket, also for one that a handler has detached and that is no longer ours.
    this.#server.close()
    for (const socket of this.#handshakes.keys()) socket.destroy()
  }

  #accept(socket: net.Socket): void {
    const refusal = this.admission.admit(socket)
    if (refusal !== null) {
      if (socket.remoteFamily === undefined) socket.destroy()
      else socket.resetAndDestroy() // A FIN would leave a flood's sockets in TIME_WAIT.
      this.#user.refused(refusal)
    } else if (this.#secure === null) this.#user.accepted(socket)
    else if (this.#isClosed) socket.destroy()
    else this.#secure(socket)
  }

  #acceptor(options: tls.TlsOptions, handshakeTimeoutMs: number): (socket: net.Socket) => void {
    /** Those that were destroyed, and reported, for it: that their handshake has failed is nothing new. */
    const late = new WeakSet<net.Socket>()
    const accept = acceptor<net.Socket>(
      options,
      (secure, socket) => {
        this.#shaken(socket)
        this.#user.accepted(secure)
      },
      (fault, socket) => {
        this.#shaken(socket)
        if (!late.has(socket)) this.#user.refused(fault)
      },
    )
    return (socket) => {
      const expired = () => {
        late.add(socket)
        this.#shaken(socket)
        socket.destroy()
        this.#user.refused(handshakeTimeout(handshakeTimeoutMs))
      }
      this.#handshakes.set(socket, new Countdown(handshakeTimeoutMs, expired))
      socket.on('close', () => this.#shaken(socket))
      accept(socket)
    }
  }

  /** A handshake is over. */
  #shaken(socket: net.Socket): void {
    this.#handshakes.get(socket)?.cancel()
    this.#handshakes.delete(socket)
  }
}

/** The arguments of net.Server's `listen`, with a backlog where they have none. */
export function withBacklog(args: readonly unknown[]): [options: net.ListenOptions, listening?: () => void] {
  const listening = args.find((each) => typeof each === 'function') as (() => void) | undefined
  const [where, ...others] = args
  const rest: [listening?: () => void] = listening === undefined ? [] : [listening]
  if (typeof where === 'object' && where !== null) return [{ backlog: BACKLOG, ...where }, ...rest]
  const host = others.find((each) => typeof each === 'string') as string | undefined
  const backlog = (others.find((each) => typeof each === 'number') as number | undefined) ?? BACKLOG
  if (typeof where === 'string' && Number.isNaN(Number(where))) return [{ path: where, backlog }, ...rest]
  const port = typeof where === 'function' ? 0 : Number(where ?? 0)
  return [{ port, backlog, ...(host === undefined ? {} : { host }) }, ...rest]
}
