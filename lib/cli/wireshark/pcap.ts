// A recording of `qbp tap` as a capture file: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html. Its bytes are
// put into TCP segments between two addresses of the loopback, as they could have travelled.

import type { Captured } from '../capture/captured.ts'

const MAGIC_NANOSECONDS = 0xa1b23c4d
/** Packets begin with their IP header. */
const LINKTYPE_RAW = 101
const [FIN, SYN, RST, PSH, ACK] = [1, 2, 4, 8, 16]
const SEGMENT_BYTES = 65_000
const FIRST_CLIENT_PORT = 40_000

interface Side {
  port: number
  address: number
  next: number
}

/** The file, piece by piece. */
export async function* pcapOf(recording: AsyncIterable<Captured>, serverPort: number): AsyncGenerator<Buffer> {
  const head = Buffer.alloc(24)
  head.writeUInt32BE(MAGIC_NANOSECONDS, 0)
  head.writeUInt16BE(2, 4)
  head.writeUInt16BE(4, 6)
  head.writeUInt32BE(262_144, 16)
  head.writeUInt32BE(LINKTYPE_RAW, 20)
  yield head
  const connections = new Map<number, { client: Side; server: Side }>()
  for await (const { at, connection, direction, kind, bytes, error } of recording) {
    let sides = connections.get(connection)
    if (sides === undefined) {
      const client = { port: FIRST_CLIENT_PORT + (connection % 20_000), address: 0x7f000001, next: 1 }
      sides = { client, server: { port: serverPort, address: 0x7f000002, next: 1 } }
      connections.set(connection, sides)
      const { server } = sides
      yield packet(at, { ...client, next: 0 }, { ...server, next: 0 }, SYN)
      yield packet(at, { ...server, next: 0 }, client, SYN | ACK)
      yield packet(at, client, server, ACK)
    }
    const [from, to] = direction === 'client' ? [sides.client, sides.server] : [sides.server, sides.client]
    if (kind === 'bytes' && bytes !== undefined) {
      const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      for (let start = 0; start < content.length; start += SEGMENT_BYTES) {
        const segment = content.subarray(start, start + SEGMENT_BYTES)
        yield packet(at, from, to, PSH | ACK, segment)
        from.next = (from.next + segment.length) % 2 ** 32
      }
    } else if (kind === 'close') {
      yield packet(at, from, to, (error === undefined ? FIN : RST) | ACK)
      from.next = (from.next + 1) % 2 ** 32
    }
  }
}

/** A packet with what stands before it in the file. Checksums are left out, which Wireshark takes for offloaded. */
function packet(at: number, from: Side, to: Side, flags: number, content: Uint8Array = Buffer.alloc(0)): Buffer {
  const size = 40 + content.length
  const bytes = Buffer.alloc(16 + 40)
  const seconds = Math.floor(at / 1000)
  bytes.writeUInt32BE(seconds, 0)
  bytes.writeUInt32BE(Math.floor((at - seconds * 1000) * 1e6), 4)
  bytes.writeUInt32BE(size, 8)
  bytes.writeUInt32BE(size, 12)
  const ip = bytes.subarray(16)
  ip[0] = 0x45
  ip.writeUInt16BE(size, 2)
  ip[8] = 64
  ip[9] = 6
  ip.writeUInt32BE(from.address, 12)
  ip.writeUInt32BE(to.address, 16)
  ip.writeUInt16BE(from.port, 20)
  ip.writeUInt16BE(to.port, 22)
  ip.writeUInt32BE(from.next, 24)
  ip.writeUInt32BE(flags & ACK ? to.next : 0, 28)
  ip[32] = 0x50
  ip[33] = flags
  ip.writeUInt16BE(65_535, 34)
  return Buffer.concat([bytes, content])
}
