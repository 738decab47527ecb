import { expect } from 'chai'
import { FrameParser } from '../../lib/framing/frame-parser.ts'
import { Header } from '../../lib/framing/header.ts'
import { Protocol, QbpReadable } from '../../lib/index.ts'
import { readerPort } from '../../lib/streams/ports.ts'

const HEADER = new Header('type:u16 length:u32')

function frame(type: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(6)
  head.writeUInt16BE(type)
  head.writeUInt32BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** Bytes of a stream as chunks of one size, each an array of its own. */
const chunksOf = (stream: Uint8Array, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
    Buffer.from(stream.subarray(i * size, (i + 1) * size)),
  )

/** How many bytes are set into arrays while something is done. */
function copiedBy(act: () => void): number {
  let copied = 0
  const { set } = Uint8Array.prototype
  Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
    copied += source.length
    return set.call(this, source, at)
  }
  try {
    act()
  } finally {
    Uint8Array.prototype.set = set
  }
  return copied
}

describe('a frame that straddles chunks', () => {
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i * 7))
  const stream = Buffer.concat([frame(1, Buffer.alloc(10)), frame(2, body), frame(3, Buffer.alloc(5))])

  it('is the same whether chunks are kept or copied, however they are cut', () => {
    for (const isOwn of [false, true]) {
      for (const size of [1000, 8191, 8192, 65_536, 299_999, stream.length]) {
        const frames = new FrameParser(HEADER, 2 ** 20)
        const found: string[] = []
        for (const chunk of chunksOf(stream, size)) {
          frames.feed(chunk, isOwn)
          while (frames.next())
            found.push(
              `${frames.type}:${Buffer.from(frames.buffer.subarray(frames.start, frames.end)).toString('hex')}`,
            )
        }
        const expected = [
          [1, Buffer.alloc(10)],
          [2, body],
          [3, Buffer.alloc(5)],
        ].map(([type, bytes]) => `${type}:${(bytes as Buffer).toString('hex')}`)
        expect(found, `${size} ${isOwn}`).to.deep.equal(expected)
        expect(frames.pending).to.equal(0)
        frames.finish()
      }
    }
  })

  it("is copied once where its chunks are nobody else's", () => {
    const frames = new FrameParser(HEADER, 2 ** 20)
    const chunks = chunksOf(frame(2, body), 65_536) // Cut before anything is counted: Buffer.from() copies by `set` on Deno.
    const copied = copiedBy(() => {
      for (const chunk of chunks) {
        frames.feed(chunk, true)
        frames.next()
      }
    })
    expect(frames.size).to.equal(body.length + 6)
    expect(copied / body.length).to.be.lessThan(1.01)
  })

  it('is copied once if it is a long one, too, and is the same however it is cut', () => {
    const long = Buffer.from(Array.from({ length: 2 ** 21 + 5 }, (_, i) => i * 11))
    const whole = frame(2, long)
    for (const size of [65_536, 700_000, 2 ** 20 + 9, whole.length - 1]) {
      const frames = new FrameParser(HEADER, 2 ** 22)
      const chunks = chunksOf(whole, size)
      const copied = copiedBy(() => {
        for (const chunk of chunks) {
          frames.feed(chunk, true)
          frames.next()
        }
      })
      expect(long.equals(frames.buffer.subarray(frames.start, frames.end)), String(size)).to.equal(true)
      expect(copied / long.length, String(size)).to.be.lessThan(1.01)
    }
  })

  it('gives back all of what has come of it', () => {
    const frames = new FrameParser(HEADER, 2 ** 20)
    for (const chunk of chunksOf(stream, 65_536).slice(0, 3)) {
      frames.feed(chunk, true)
      while (frames.next());
    }
    const rest = frames.rest()
    expect(Buffer.from(rest).equals(stream.subarray(16, 3 * 65_536))).to.equal(true)
  })

  it('holds no more than has come, whatever length is announced', () => {
    const frames = new FrameParser(HEADER, Number.POSITIVE_INFINITY)
    const before = process.memoryUsage().arrayBuffers
    frames.feed(Buffer.concat([Buffer.from('000140000000', 'hex'), Buffer.alloc(20_000)]), true)
    expect(frames.next()).to.equal(false)
    for (let i = 0; i < 5; i++) {
      frames.feed(Buffer.alloc(20_000), true)
      expect(frames.next()).to.equal(false)
    }
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(400_000)
    expect(frames.pending).to.equal(120_006)
  })
})

describe('long bytes of a frame that straddles chunks', () => {
  let protocol: Protocol
  before(async () => {
    protocol = await Protocol.load('spec/protos/blob.proto', { types: { Blob: 1, Tunnel: { type: 2, body: 'raw' } } })
  })

  /** Bytes of a body with the one field `content`. */
  const blob = (content: Uint8Array) => protocol.encode('Blob', { content })

  async function read(stream: Uint8Array): Promise<Uint8Array[]> {
    const reader = new QbpReadable(protocol)
    const port = reader[readerPort]
    port.own({ connection: {}, givesChunks: true, more() {}, readerClosed() {}, listenerThrew() {} })
    for (const chunk of chunksOf(stream, 65_536)) port.arrive(chunk)
    port.end()
    const messages = []
    for await (const message of reader)
      messages.push(
        (message as { content?: Uint8Array; body?: Uint8Array }).content ??
          (message as unknown as { body: Uint8Array }).body,
      )
    return messages
  }

  it('begin where numbers of eight bytes may, as copies do, whatever stands before them', async () => {
    const contents = [100_000, 100_000, 70_000, 9_000, 3_000_00, 200_001].map((length) => Buffer.alloc(length, length))
    const stream = Buffer.concat(contents.flatMap((content) => [frame(1, blob(content)), frame(2, content)]))
    const read1 = await read(stream)
    expect(read1).to.have.length(2 * contents.length)
    for (const [i, bytes] of read1.entries()) {
      expect(Buffer.compare(bytes, contents[i >> 1] as Buffer), String(i)).to.equal(0)
      expect(bytes.byteOffset % 8, String(i)).to.equal(0)
    }
  })

  it('are not copied again, but for the first', async () => {
    const content = Buffer.alloc(200_000, 1)
    const stream = Buffer.concat(Array.from({ length: 10 }, () => frame(1, blob(content))))
    let messages: Uint8Array[] = []
    const { set } = Uint8Array.prototype
    let copied = 0
    Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
      copied += source.length
      return set.call(this, source, at)
    }
    try {
      messages = await read(stream)
    } finally {
      Uint8Array.prototype.set = set
    }
    expect(messages).to.have.length(10)
    expect(copied / stream.length).to.be.lessThan(1.2)
  })

  it('hold on to nothing but themselves, nearly, and to no other message', async () => {
    const [first, second] = (await read(
      Buffer.concat([frame(1, blob(Buffer.alloc(100_000))), frame(1, blob(Buffer.alloc(90_000)))]),
    )) as [Uint8Array, Uint8Array]
    expect(first.buffer).to.not.equal(second.buffer)
    for (const bytes of [first, second]) expect(bytes.buffer.byteLength).to.be.lessThan(bytes.length * 2)
  })
})
