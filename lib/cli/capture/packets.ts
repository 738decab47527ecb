// The packets of a capture file: pcap (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html) and pcapng
// (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html), of either byte order.

import { Fault } from '../command/fault.ts'

/** A packet as it was on the link. */
export interface Packet {
  /** Milliseconds since 1970. */
  at: number
  linkType: number
  bytes: Buffer
}

/** The longest packet or block that is read: none is so long unless the file is none. */
const MAX_BYTES = 64 * 2 ** 20

/** Takes bytes off a stream of chunks, so many at a time. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** Null at the end: a capture that was stopped may end anywhere. */
  async take(count: number): Promise<Buffer | null> {
    if (count > MAX_BYTES) throw new Fault(`a packet of ${count} bytes is announced: the capture file is damaged.`)
    const parts = [this.#rest]
    for (let length = this.#rest.length; length < count; ) {
      const { value, done } = await this.#chunks.next()
      if (done) return null
      length += value.length
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.length))
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts)
    this.#rest = all.subarray(count)
    return all.subarray(0, count)
  }
}

const reader = (little: boolean) => ({
  u16: (bytes: Buffer, at: number): number => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
  u32: (bytes: Buffer, at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
})

/** The packets of a pcap file. */
export async function* pcapPackets(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  const source = new Source(chunks)
  const head = await source.take(24)
  if (head === null) return
  const little = head[0] === 0xd4 || head[0] === 0x4d
  const { u32 } = reader(little)
  const perSecond = u32(head, 0) === 0xa1b23c4d ? 1e9 : 1e6
  const linkType = u32(head, 20) & 0xffff
  for (;;) {
    const record = await source.take(16)
    const bytes = record && (await source.take(u32(record, 8)))
    if (record === null || bytes === null) return
    yield { at: u32(record, 0) * 1000 + (u32(record, 4) / perSecond) * 1000, linkType, bytes }
  }
}

const SECTION = 0x0a0d0d0a
const INTERFACE = 1
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6

/** The packets of a pcapng file. */
export async function* pcapngPackets(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Packet> {
  const source = new Source(chunks)
  let { u16, u32 } = reader(true)
  let interfaces: { linkType: number; perSecond: number }[] = []
  for (;;) {
    let head = await source.take(8)
    if (head === null) return
    if (head.readUInt32BE(0) === SECTION) {
      const order = await source.take(4)
      if (order === null) return
      ;({ u16, u32 } = reader(order.readUInt32LE(0) === 0x1a2b3c4d))
      head = Buffer.concat([head, order])
      interfaces = []
    }
    const size = u32(head, 4)
    if (size < 12 || size % 4 !== 0) throw new Fault(`a block of ${size} bytes: the capture file is damaged.`)
    const block = await source.take(size - head.length)
    if (block === null) return
    const type = u32(head, 0)
    if (type === INTERFACE) interfaces.push({ linkType: u16(block, 0), perSecond: resolution(block, u16) })
    const { linkType, perSecond } = interfaces[type === ENHANCED_PACKET ? u32(block, 0) : 0] ?? {
      linkType: 1,
      perSecond: 1e6,
    }
    if (type === ENHANCED_PACKET) {
      const ticks = u32(block, 4) * 2 ** 32 + u32(block, 8)
      yield { at: (ticks / perSecond) * 1000, linkType, bytes: block.subarray(20, 20 + u32(block, 12)) }
    } else if (type === SIMPLE_PACKET) yield { at: 0, linkType, bytes: block.subarray(4, block.length - 4) }
  }
}

/** Ticks of an interface's clock in a second: its option if_tsresol, or microseconds. */
function resolution(block: Buffer, u16: (bytes: Buffer, at: number) => number): number {
  for (let at = 8; at + 4 <= block.length - 4; ) {
    const [code, length] = [u16(block, at), u16(block, at + 2)]
    if (code === 0) break
    const value = block[at + 4] ?? 6
    if (code === 9) return value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
  return 1e6
}
