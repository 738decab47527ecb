import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Lifecycle } from './lifecycle.ts'
import type { Plumbing } from './plumbing.ts'
import { sendingOf } from './sending.ts'

/** How long a server that closes waits for the end of a peer from which nothing came since. */
const QUIET_LINGER_MS = 200
/** How long a duplex may take to emit `close` once it is destroyed. */
const CLOSE_MS = 2_000
/** How long a write over TLS may not come on, with nothing in its way. */
const STUCK_MS = 1_000
/** How often a duplex that emits no `close` is looked at; and how long one has to destroy itself once both sides have ended. */
const LOOK_MS = 20

/** Sees a connection's duplex to its close, of whatever kind it is: also one that emits no `close`, or does not end by itself. */
export class Closer {
  readonly #life: Lifecycle
  readonly #plumbing: Plumbing
  readonly #lingerMs: number
  #quietLingerMs: number

  constructor(life: Lifecycle, plumbing: Plumbing, lingerMs: number) {
    this.#life = life
    this.#plumbing = plumbing
    this.#lingerMs = this.#quietLingerMs = lingerMs
  }

  /** The peer need not be waited for so long, unless it still sends. */
  hurry(): void {
    this.#quietLingerMs = Math.min(QUIET_LINGER_MS, this.#lingerMs)
  }

  /** All is sent, and the peer may still send: what comes is dropped, for so long. */
  linger(): void {
    this.#life.later(this.#plumbing.hasDropped ? this.#lingerMs : this.#quietLingerMs, () => this.destroy())
  }

  /** One side has ended. A duplex whose other has, too, most often destroys itself then. */
  settle(): void {
    const { duplex, isPeerEnded, isMoving } = this.#plumbing
    if (isPeerEnded && duplex.writableFinished && !isMoving) this.#life.later(LOOK_MS, () => this.destroy())
  }

  /**
   * The peer has ended its side. Node's TLS may then never call back for a write under way, if the peer has gone altogether:
   * that is seen by a write that does not come on though no byte waits in the socket beneath.
   */
  watchTls(stuck: () => void): void {
    if (!isTls(this.#plumbing.duplex)) return
    const { taken } = this.#plumbing.sending
    const look = () => {
      const { sending } = this.#plumbing
      if (sending.waits && sending.taken === taken && sending.waitsBeneath === 0) stuck()
      else this.watchTls(stuck)
    }
    this.#life.later(STUCK_MS, look)?.unref()
  }

  destroy(): void {
    this.#plumbing.duplex.destroy()
    this.expect()
  }

  /** As `destroy`, and a TCP peer sees a reset: an end it would take for an end, and wait for what this side has to say. */
  abort(): void {
    const { duplex } = this.#plumbing
    if (!duplex.destroyed) tcpOf(duplex)?.resetAndDestroy()
    duplex.destroy()
    this.expect()
  }

  /** The duplex is destroyed, and closes, whether or not it emits that. */
  expect(): void {
    this.#life.later(CLOSE_MS, () => this.#plumbing.duplexClosed())
  }

  /** For a duplex that emits no `close`: its user may destroy it. */
  look(): void {
    const look = () => (this.#plumbing.duplex.destroyed ? this.#plumbing.duplexClosed() : this.look())
    this.#life.later(LOOK_MS, look)?.unref()
  }
}

/** Whether a duplex emits `close`: sockets and HTTP/2's streams do, though they say that they do not. */
export function emitsClose(duplex: Duplex): boolean {
  const states = duplex as unknown as Record<'_readableState' | '_writableState', { emitClose?: boolean } | undefined>
  return (
    states._readableState?.emitClose === true ||
    states._writableState?.emitClose === true ||
    '_handle' in duplex ||
    'session' in duplex
  )
}

/** The TCP socket that a duplex is, or speaks TLS on, if it can be reset now. */
function tcpOf(duplex: Duplex & { readonly _parent?: Duplex | null }): Socket | null {
  const { writableEnded, writableFinished, writableLength } = duplex
  // While a FIN is under way libuv refuses a reset (EINVAL), and Node then never closes the socket.
  if (writableEnded && !writableFinished && writableLength === 0) return null
  // With a write of TLS under way Node 20 dies of a reset (SIGSEGV).
  if (isTls(duplex) && (writableEnded || !sendingOf(duplex, 0).isIdle)) return null
  const socket = (isTls(duplex) ? duplex._parent : duplex) as Partial<Socket> | null | undefined
  return typeof socket?.resetAndDestroy === 'function' && socket.remoteFamily !== undefined ? (socket as Socket) : null
}

/** Whether a duplex speaks TLS. */
export function isTls(duplex: Duplex): boolean {
  return (duplex as Partial<TLSSocket>).encrypted === true
}
