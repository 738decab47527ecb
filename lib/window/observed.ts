/** What a window shows. */
export interface ObservedEvent {
  /** Milliseconds since 1970, with fractions: when the bytes came in, before they were decoded. */
  at: number
  /** Counted from 1, in the order in which they were accepted. */
  connection: number
  /** Who sent it, or opened or closed it. */
  direction: 'client' | 'server'
  /**
   * - `open`: the client was accepted; the server answered. `peer` is its address.
   * - `frame`: a whole frame; `error` says why it does not decode, if so.
   * - `fault`: from here on this direction passes undecoded (a framing fault, with `bytes` as far as they had come), or the
   *   server could not be reached. What follows on the wire is still passed on, and seen by the event 'bytes' alone.
   * - `close`: this direction has ended: its half of the connection is closed. `error` is there if by a reset or a fault.
   */
  kind: 'open' | 'frame' | 'fault' | 'close'
  /** The whole frame, header and body: a copy, the receiver's to keep. */
  bytes?: Uint8Array
  /** Where it begins in the bytes of this direction. */
  offset?: number
  error?: string
  peer?: string
  /** It did not come from that side: the tap's window sent it, in its name. */
  sentHere?: boolean
}

/** What one side of a connection has sent so far. */
export interface SentSums {
  frames: number
  bytes: number
  faults: number
  ended: boolean
  peer: string
}

/** A connection's sums. They hold whatever a ring drops. */
export interface ConnectionSums {
  connection: number
  /** Milliseconds since 1970; `closed` is 0 while it is open. */
  opened: number
  closed: number
  client: SentSums
  server: SentSums
}

const none = (): SentSums => ({ frames: 0, bytes: 0, faults: 0, ended: false, peer: '' })

/** Counts what passes, by connection. Of closed connections only the newest are kept. */
export class Sums {
  readonly #maxConnections: number
  readonly #connections = new Map<number, { sums: ConnectionSums; version: number }>()
  #version = 0

  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections
  }

  /** Grows with every event. */
  get version(): number {
    return this.#version
  }

  add({ at, connection, direction, kind, bytes, error, peer }: ObservedEvent): void {
    const known = this.#connections.get(connection)
    const sums = known?.sums ?? { connection, opened: at, closed: 0, client: none(), server: none() }
    const sent = sums[direction]
    if (peer !== undefined) sent.peer = peer
    if (kind === 'frame') {
      sent.frames++
      sent.bytes += bytes?.length ?? 0
    }
    if (kind === 'close') sent.ended = true
    if (kind === 'fault' || (kind === 'frame' && error !== undefined)) sent.faults++
    if (sums.client.ended && sums.server.ended && sums.closed === 0) sums.closed = at
    const version = ++this.#version
    if (known !== undefined) known.version = version
    else {
      this.#connections.set(connection, { sums, version })
      if (this.#connections.size > this.#maxConnections) this.#forget()
    }
  }

  /** The connections of which something was counted since the version. */
  since(version: number): ConnectionSums[] {
    return [...this.#connections.values()].flatMap((each) => (each.version > version ? [each.sums] : []))
  }

  /** A tenth of the closed connections gives way at a time: the search is not made for each. */
  #forget(): void {
    let excess = Math.ceil(this.#maxConnections / 10)
    for (const [connection, { sums }] of this.#connections) {
      if (sums.closed === 0) continue
      this.#connections.delete(connection)
      if (--excess === 0) return
    }
  }
}
