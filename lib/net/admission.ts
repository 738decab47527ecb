import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { countLimit } from '../base/options.ts'
import { clientOf, isLoopback } from './address.ts'

/** How many connections a server may have at once. */
export interface AdmissionOptions {
  /**
   * Sockets beyond it are reset at once, those in a TLS handshake counted, and so are duplexes that are attached. Default: 10,000:
   * an idle connection takes some 6 KB, and most systems allow a process fewer files than it would like.
   */
  maxConnections?: number | undefined
  /**
   * Sockets of one IP address beyond it are reset at once, so that one machine cannot take all; of IPv6 a whole /64 counts as
   * one, as it is one customer's. Default: 1,000, which an office behind one address stays below; for loopback addresses
   * Infinity, as a proxy on this machine speaks for many.
   */
  maxConnectionsPerAddress?: number | undefined
}

/** Where a duplex keeps the client that it was counted for (a closed socket has no address); null where it has none. */
const counted = Symbol('qbp.counted')
type Counted = Duplex & { readonly remoteAddress?: string | undefined; [counted]?: string | null }

/** Counts a server's duplexes, all of them and by client, from the moment they are there until they are closed. */
export class Admission {
  readonly #most: number
  readonly #mostOfOne: number
  readonly #mostOfLoopback: number
  readonly #byClient = new Map<string, number>()
  #open = 0
  /** One listener for all of them; each is its `this`. */
  readonly #onClose: (this: Counted) => void

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor({ maxConnections, maxConnectionsPerAddress }: AdmissionOptions) {
    this.#most = countLimit('maxConnections', maxConnections, 10_000)
    this.#mostOfOne = countLimit('maxConnectionsPerAddress', maxConnectionsPerAddress, 1_000)
    this.#mostOfLoopback = maxConnectionsPerAddress ?? Number.POSITIVE_INFINITY
    const release = (duplex: Duplex) => this.release(duplex)
    this.#onClose = function () {
      release(this)
    }
  }

  /** Counts a duplex in. @returns null, or why it may not be served. */
  admit(duplex: Counted): QbpError | null {
    if (this.#open >= this.#most) return refusal(`${this.#open} connections are`, 'maxConnections', this.#most)
    const { remoteAddress } = duplex // None on a Unix socket.
    const client = typeof remoteAddress === 'string' ? clientOf(remoteAddress) : null
    if (client !== null) {
      const already = this.#byClient.get(client) ?? 0
      const limit = isLoopback(client) ? this.#mostOfLoopback : this.#mostOfOne
      if (already >= limit) return refusal(`${already} connections of ${client} are`, 'maxConnectionsPerAddress', limit)
      this.#byClient.set(client, already + 1)
    }
    this.#open++
    duplex[counted] = client
    duplex.on('close', this.#onClose)
    return null
  }

  /** Counts a duplex out, once: by itself when it emits `close`. */
  release(duplex: Counted): void {
    const client = duplex[counted]
    if (client === undefined) return
    delete duplex[counted]
    duplex.off('close', this.#onClose)
    this.#open--
    if (client === null) return
    const left = (this.#byClient.get(client) ?? 1) - 1
    if (left > 0) this.#byClient.set(client, left)
    else this.#byClient.delete(client)
  }
}

function refusal(found: string, option: string, limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_TOO_MANY_CONNECTIONS',
    `${found} open, and ${option} is ${limit}: another was refused.`,
    { limit, option },
  )
}
