/** What a window shows: the events of a tap, which `TapEvent` of the command fits. */
export interface ObservedEvent {
  /** Milliseconds since 1970, with fractions. */
  at: number
  /** Counted from 1. */
  connection: number
  /** Who sent it, opened it or closed it. */
  direction: 'client' | 'server'
  kind: 'open' | 'frame' | 'fault' | 'close'
  /** The whole frame, header and body; of a fault, as far as its bytes came. Kept: it must not change. */
  bytes?: Uint8Array
  /** Where it begins in the bytes of its direction. */
  offset?: number
  error?: string
  peer?: string
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
