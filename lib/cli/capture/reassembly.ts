// TCP segments put together to the two byte streams of each connection: in order, each byte once, whatever was sent again,
// came too early or overlaps.

import { other } from '../../base/role.ts'
import type { Role } from '../../index.ts'
import type { Captured } from './captured.ts'
import type { Segment } from './segment.ts'

/** What may wait in one direction for a segment that is missing: after that it is missing from the capture. */
const MAX_WAITING_BYTES = 16 * 2 ** 20

/** One direction of a connection. */
interface Flow {
  /** The sequence number of the next byte; undefined before the first segment. */
  next: number | undefined
  /** Segments that came too early. */
  waiting: { seq: number; bytes: Buffer }[]
  waitingBytes: number
  /** The sequence number after the last byte, once it is known. */
  fin: number | undefined
  closed: boolean
}

interface Connection {
  id: number
  client: string
  flows: Record<Role, Flow>
}

const newFlow = (): Flow => ({ next: undefined, waiting: [], waitingBytes: 0, fin: undefined, closed: false })

/** How far `a` is after `b`, in the circle of sequence numbers. */
const distance = (a: number, b: number): number => (a - b) | 0

/** All connections of a capture. */
export class Reassembly {
  readonly #ports: ReadonlySet<number>
  readonly #connections = new Map<string, Connection>()
  #count = 0

  /** @param ports of servers: only their connections are put together. None: all are. */
  constructor(ports: readonly number[] = []) {
    this.#ports = new Set(ports)
  }

  /** What a segment brings. */
  *add(segment: Segment): Generator<Captured> {
    const { from, to, fromPort, toPort, syn, ack } = segment
    if (this.#ports.size > 0 && !this.#ports.has(fromPort) && !this.#ports.has(toPort)) return
    const key = from < to ? `${from} ${to}` : `${to} ${from}`
    let connection = this.#connections.get(key)
    // The same ports again, after the connection before has ended: another one.
    if (connection !== undefined && syn && !ack && isOver(connection)) connection = undefined
    if (connection === undefined) {
      if (segment.rst || (segment.bytes.length === 0 && !syn)) return
      connection = {
        id: ++this.#count,
        client: this.#clientOf(segment),
        flows: { client: newFlow(), server: newFlow() },
      }
      this.#connections.set(key, connection)
      const { id, client } = connection
      yield { at: segment.at, connection: id, direction: 'client', kind: 'open', peer: client }
      yield { at: segment.at, connection: id, direction: 'server', kind: 'open', peer: client === from ? to : from }
    }
    yield* this.#take(connection, from === connection.client ? 'client' : 'server', segment)
  }

  /** What the end of the capture leaves open: bytes that wait for ones that never came. */
  *finish(at: number): Generator<Captured> {
    for (const { id, flows } of this.#connections.values()) {
      for (const direction of ['client', 'server'] as const) {
        if (!flows[direction].closed && flows[direction].waiting.length > 0)
          yield missing(id, direction, flows[direction], at)
      }
    }
  }

  #clientOf({ from, to, fromPort, toPort, syn, ack }: Segment): string {
    if (syn) return ack ? to : from
    if (this.#ports.has(toPort) !== this.#ports.has(fromPort)) return this.#ports.has(toPort) ? from : to
    return fromPort < toPort ? to : from // Servers have the lower ports.
  }

  *#take({ id, flows }: Connection, direction: Role, { at, seq, syn, fin, rst, bytes }: Segment): Generator<Captured> {
    const flow = flows[direction]
    const event = { at, connection: id, direction }
    if (rst) {
      for (const role of [direction, other(direction)]) {
        if (!flows[role].closed) yield { ...event, direction: role, kind: 'close', error: 'reset' }
        flows[role].closed = true
      }
      return
    }
    if (flow.closed) return
    const first = syn ? (seq + 1) >>> 0 : seq
    flow.next ??= first
    if (fin) flow.fin = (first + bytes.length) >>> 0
    if (bytes.length > 0) {
      flow.waiting.push({ seq: first, bytes })
      flow.waitingBytes += bytes.length
      const { next } = flow
      if (flow.waiting.length > 1) flow.waiting.sort((a, b) => distance(a.seq, next) - distance(b.seq, next))
    }
    yield* drain(flow, event)
    if (flow.fin === flow.next) {
      flow.closed = true
      yield { ...event, kind: 'close' }
    } else if (flow.waitingBytes > MAX_WAITING_BYTES) yield missing(id, direction, flow, at)
  }
}

/** The bytes that are next, as far as they have come. */
function* drain(flow: Flow, event: Pick<Captured, 'at' | 'connection' | 'direction'>): Generator<Captured> {
  for (let head = flow.waiting[0]; head !== undefined; head = flow.waiting[0]) {
    const next = flow.next ?? head.seq
    const early = distance(head.seq, next)
    if (early > 0) return
    flow.waiting.shift()
    flow.waitingBytes -= head.bytes.length
    const bytes = head.bytes.subarray(-early)
    if (bytes.length === 0) continue // Sent again.
    flow.next = (next + bytes.length) >>> 0
    yield { ...event, kind: 'bytes', bytes }
  }
}

function missing(connection: number, direction: Role, flow: Flow, at: number): Captured {
  const count = distance(flow.waiting[0]?.seq ?? 0, flow.next ?? 0)
  flow.closed = true
  flow.waiting = []
  return { at, connection, direction, kind: 'close', error: `${count} bytes are missing from the capture here` }
}

const isOver = ({ flows: { client, server } }: Connection): boolean =>
  client.closed || server.closed || client.fin !== undefined
