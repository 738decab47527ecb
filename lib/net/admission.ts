import type { Socket } from 'node:net'
import { QbpError } from '../base/errors.ts'
import { countLimit } from '../base/options.ts'

/** How many sockets a server may have open; see ServerOptions. */
export interface DoorOptions {
  maxConnections?: number
  maxConnectionsPerAddress?: number
}

/** Where a socket keeps the address that it was counted by: once it is closed it may not tell. */
const counted = Symbol('qbp.counted')
type Counted = Socket & { [counted]?: string | undefined }

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/

/** Counts a server's sockets, all of them and by address, from the moment they are accepted until they are closed. */
export class Admission {
  readonly #most: number
  readonly #mostOfOne: number
  readonly #mostOfLoopback: number
  readonly #byAddress = new Map<string, number>()
  /** Sockets whose TLS handshake is not done. */
  readonly #shaking = new Set<Socket>()
  #open = 0
  /** One listener for all sockets, which is told of each as its `this`. */
  readonly #onClose: (this: Counted) => void

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor({ maxConnections, maxConnectionsPerAddress }: DoorOptions) {
    this.#most = countLimit('maxConnections', maxConnections, 10_000)
    this.#mostOfOne = countLimit('maxConnectionsPerAddress', maxConnectionsPerAddress, 1_000)
    this.#mostOfLoopback = maxConnectionsPerAddress ?? Number.POSITIVE_INFINITY
    const gone = (socket: Counted) => this.#gone(socket)
    this.#onClose = function () {
      gone(this)
    }
  }

  /** Counts a socket, or says why not. */
  admit(socket: Counted): QbpError | null {
    const address = socket.remoteAddress // None on a Unix socket.
    if (this.#open >= this.#most) return refusal(`${this.#open} connections are`, 'maxConnections', this.#most)
    if (address !== undefined) {
      const already = this.#byAddress.get(address) ?? 0
      const limit = LOOPBACK.test(address) ? this.#mostOfLoopback : this.#mostOfOne
      if (already >= limit)
        return refusal(`${already} connections of ${address} are`, 'maxConnectionsPerAddress', limit)
      this.#byAddress.set(address, already + 1)
    }
    this.#open++
    socket[counted] = address
    socket.on('close', this.#onClose)
    return null
  }

  shaking(socket: Socket): void {
    this.#shaking.add(socket)
  }

  shaken(socket: Socket): void {
    this.#shaking.delete(socket)
  }

  /** Nobody waits for the handshakes that are under way. */
  dismiss(): void {
    for (const socket of this.#shaking) socket.destroy()
  }

  #gone(socket: Counted): void {
    const address = socket[counted]
    this.#open--
    this.#shaking.delete(socket)
    if (address === undefined) return
    const left = (this.#byAddress.get(address) ?? 1) - 1
    if (left > 0) this.#byAddress.set(address, left)
    else this.#byAddress.delete(address)
  }
}

function refusal(found: string, option: string, limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_TOO_MANY_CONNECTIONS',
    `${found} open, and ${option} is ${limit}: another was refused.`,
    { limit },
  )
}
