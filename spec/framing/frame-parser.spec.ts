import { expect } from 'chai'
import { Room } from '../../lib/codec/body.ts'
import { FrameParser } from '../../lib/framing/frame-parser.ts'
import { Header } from '../../lib/framing/header.ts'
import type { QbpError } from '../../lib/index.ts'
import { cutAtRandom, everySplit, randomNumbers } from '../../lib/testing/splits.ts'

const DEFAULT = new Header('type:u16 length:u32')

interface Frame {
  type: number | string
  body: string
  fields: Record<string, number> | null
  offset: number
  index: number
}

/** Everything that comes of the chunks, asked for as soon as it is there; then the fault, if there is one. */
function all(frames: FrameParser, chunks: readonly Uint8Array[]): { list: Frame[]; fault?: QbpError } {
  const list: Frame[] = []
  try {
    for (const chunk of chunks) {
      frames.feed(chunk)
      while (frames.next()) list.push(current(frames))
    }
    frames.finish()
  } catch (fault) {
    return { list, fault: fault as QbpError }
  }
  return { list }
}

function current({ type, fields, offset, index, length, buffer, start, end }: FrameParser): Frame {
  expect(end - start).to.equal(length)
  return { type, fields, offset, index, body: Buffer.from(buffer.subarray(start, end)).toString('hex') }
}

function frame(header: Header, type: number, body: Uint8Array, fields: Record<string, number> | null = null): Buffer {
  const output = new Room()
  output.grow(0, body.length)
  output.buf.set(body)
  const end = header.writer.wrap(output, 0, body.length, { type, fields, maxHeaderBytes: 0 })
  return Buffer.from(output.buf.subarray(0, end))
}

const bytes = (length: number, seed = 1): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + seed) & 255))

const LAYOUTS = [
  'type:u16 length:u32',
  'length(rest):u32le type:u8',
  '0x00 length:varint type:varint',
  'length:varint',
  'flags:u8 length(frame):u16',
  'length:u32le 0x56543031',
  'type:varint x:zigzag length(rest):varint y:u8 0xcafe',
]

describe('frames', () => {
  for (const layout of LAYOUTS) {
    it(`come out whole and in order however the bytes are cut: ${layout}`, () => {
      const header = new Header(layout)
      const own = header.fieldNames.length > 0
      const random = randomNumbers(3)
      const parts: Buffer[] = []
      const expected: Frame[] = []
      let offset = 0
      for (const [index, length] of [0, 1, 5, 0, 0, 127, 128, 300, 2, 70, 64, 63].entries()) {
        const fields = own
          ? Object.fromEntries(header.fieldNames.map((name) => [name, Math.floor(random() * 200)]))
          : null
        const type = header.hasType ? Math.floor(random() * 256) : 0
        const body = bytes(length, index)
        const part = frame(header, type, body, fields)
        expected.push({ type, fields, offset, index, body: body.toString('hex') })
        offset += part.length
        parts.push(part)
      }
      const stream = Buffer.concat(parts)
      for (const { how, chunks } of everySplit(stream, { random: 200 }))
        expect(all(new FrameParser(header, 1000), chunks), how).to.deep.equal({ list: expected })
      // In three: a straddling frame, then whole ones, then a straddling one in the same chunk.
      for (let seed = 0; seed < 300; seed++) {
        const chunks = cutAtRandom(stream, seed)
        expect(all(new FrameParser(header, Number.POSITIVE_INFINITY), chunks).list, `seed ${seed}`).to.deep.equal(
          expected,
        )
      }
    })
  }

  it('end cleanly only behind a whole frame; a cut anywhere else is told with what is there', () => {
    const stream = Buffer.concat([frame(DEFAULT, 1, bytes(3)), frame(DEFAULT, 2, bytes(4))])
    for (let length = 0; length <= stream.length; length++) {
      for (const { how, chunks } of everySplit(stream.subarray(0, length), { random: 3 })) {
        const { list, fault } = all(new FrameParser(DEFAULT, 100), length === 0 ? [] : chunks)
        expect(list.length, how).to.equal(length >= 19 ? 2 : length >= 9 ? 1 : 0)
        if ([0, 9, 19].includes(length)) expect(fault, how).to.equal(undefined)
        else {
          const offset = length > 9 ? 9 : 0
          expect(fault, how).to.include({
            code: 'ERR_QBP_TRUNCATED',
            offset,
            frame: list.length,
            size: length - offset,
          })
        }
      }
    }
  })

  it('of a length over maxBodyBytes are refused on the header alone, after all before them, again and again', () => {
    const stream = Buffer.concat([frame(DEFAULT, 1, bytes(100)), Buffer.from('0002000000650000', 'hex')])
    for (const { how, chunks } of everySplit(stream, { random: 20 })) {
      const frames = new FrameParser(DEFAULT, 100)
      const { list, fault } = all(frames, chunks.slice(0, -1).concat(chunks.slice(-1)))
      expect(list.length, how).to.equal(1)
      expect(fault, how).to.include({ code: 'ERR_QBP_TOO_LONG', size: 101, limit: 100, offset: 106, frame: 1, type: 2 })
      for (let again = 0; again < 3; again++)
        expect(() => frames.next(), how)
          .to.throw()
          .with.property('message', fault?.message)
    }
    const exact = new FrameParser(DEFAULT, 100)
    exact.feed(Buffer.from('000200000065', 'hex'))
    expect(() => exact.next())
      .to.throw()
      .with.property('code', 'ERR_QBP_TOO_LONG')
  })

  it('that are none are refused at the first wrong byte, after all before them, again and again', () => {
    for (const [layout, hex, code] of [
      ['length:u8 0xcafe', '00cb', 'ERR_QBP_BAD_CONSTANT'],
      ['length:varint', '80808080808080808080', 'ERR_QBP_BAD_VARINT'],
      ['length(rest):u8 type:u8', '0005', 'ERR_QBP_BAD_LENGTH'],
    ] as const) {
      const header = new Header(layout)
      const good = frame(header, 5 * Number(header.hasType), bytes(9))
      for (const { how, chunks } of everySplit(Buffer.concat([good, good, Buffer.from(hex, 'hex')]), { random: 20 })) {
        const frames = new FrameParser(header, 100)
        const { list, fault } = all(frames, chunks)
        expect(list.length, how).to.equal(2)
        expect(fault, how).to.include({ code, offset: 2 * good.length, frame: 2 })
        for (let again = 0; again < 3; again++) {
          expect(() => frames.next(), how)
            .to.throw()
            .with.property('message', fault?.message)
          frames.feed(Buffer.from([1, 2, 3])) // What comes behind a fault changes nothing.
        }
      }
    }
  })

  it('lie in the chunk where they are whole, and in a copy where they straddle', () => {
    const stream = Buffer.concat([frame(DEFAULT, 1, bytes(3)), frame(DEFAULT, 2, bytes(4))])
    const chunk = stream.subarray(0, 12)
    const frames = new FrameParser(DEFAULT, 100)
    frames.feed(chunk)
    expect(frames.next()).to.equal(true)
    expect(frames.buffer).to.equal(chunk)
    expect(frames.next()).to.equal(false)
    expect(frames.buffer.length).to.equal(0)
    chunk.fill(0xee) // The chunk is the socket's again.
    frames.feed(Buffer.from(stream.subarray(12)))
    expect(frames.next()).to.equal(true)
    expect(current(frames)).to.include({ type: 2, body: bytes(4).toString('hex') })
  })

  it('leave what was not asked for untouched, and give it back', () => {
    const parts = [frame(DEFAULT, 1, bytes(3)), frame(DEFAULT, 2, bytes(40)), frame(DEFAULT, 3, bytes(5))]
    const stream = Buffer.concat([...parts, Buffer.from('0004', 'hex')])
    for (let asked = 0; asked <= 3; asked++) {
      for (const { how, chunks } of everySplit(stream, { random: 20 })) {
        const frames = new FrameParser(DEFAULT, 100)
        let left = asked
        for (const chunk of chunks) {
          frames.feed(chunk)
          while (left > 0 && frames.next()) left--
        }
        const at = parts.slice(0, asked).reduce((sum, { length }) => sum + length, 0)
        expect(frames.pending, how).to.equal(stream.length - at)
        expect(Buffer.from(frames.rest()).toString('hex'), how).to.equal(stream.subarray(at).toString('hex'))
        expect(frames.pending, how).to.equal(0)
        expect(frames.rest().length, how).to.equal(0)
      }
    }
  })

  it('give back bytes that nobody else has', () => {
    const chunk = Buffer.concat([frame(DEFAULT, 1, bytes(3)), Buffer.from('00')])
    const frames = new FrameParser(DEFAULT, 100)
    frames.feed(chunk)
    const rest = frames.rest()
    chunk.fill(0)
    expect(rest[1]).to.equal(1)
  })

  it('hold no more than has come, whatever length is announced', () => {
    const frames = new FrameParser(DEFAULT, Number.POSITIVE_INFINITY)
    const before = process.memoryUsage()
    frames.feed(Buffer.from('000140000000', 'hex'))
    expect(frames.next()).to.equal(false)
    for (let i = 0; i < 10; i++) {
      frames.feed(Buffer.from([i]))
      expect(frames.next()).to.equal(false)
    }
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).to.be.lessThan(100_000)
    expect(frames.pending).to.equal(16)
    expect(() => frames.finish()).to.throw(/16 bytes into a frame of 1073741830 bytes/)
  })

  it('cost copies in proportion to their bytes, in chunks of any size', () => {
    // No clock: what is counted is the bytes that are set into a tail, by a Uint8Array that counts.
    const count = (length: number, size: number): number => {
      const stream = frame(DEFAULT, 1, Buffer.alloc(length))
      const frames = new FrameParser(DEFAULT, Number.POSITIVE_INFINITY)
      let copied = 0
      const { set } = Uint8Array.prototype
      Uint8Array.prototype.set = function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
        copied += source.length
        return set.call(this, source, at)
      }
      try {
        for (let at = 0; at < stream.length; at += size) {
          frames.feed(stream.subarray(at, at + size))
          if (frames.next()) return copied
        }
      } finally {
        Uint8Array.prototype.set = set
      }
      throw new Error('The frame did not come.')
    }
    for (const size of [1, 7, 1460, 65_536]) {
      for (const length of [10_000, 20_000, 40_000]) {
        expect(count(length, size) / length, `${length} bytes by ${size}`).to.be.lessThan(3.1)
      }
    }
  })

  it('keep no room beyond their last byte', () => {
    for (const length of [1, 57, 58, 59, 1000, 65_530]) {
      const stream = frame(DEFAULT, 1, bytes(length))
      const frames = new FrameParser(DEFAULT, 100_000)
      for (const byte of stream) {
        frames.feed(Buffer.from([byte]))
        if (frames.next()) break
      }
      expect(frames.buffer.length).to.be.at.most(Math.max(stream.length, 64))
    }
  })

  it('have no bound of 2**32 or 2**31: a limit that large is a limit', () => {
    const header = new Header('length:varint')
    for (const [limit, hex, refused] of [
      [2 ** 32, '8180808010', true],
      [2 ** 32, '8080808010', false],
      [2 ** 31, '8180808008', true],
      [2 ** 53 - 1, 'ffffffffffffff0f', false],
    ] as const) {
      const frames = new FrameParser(header, limit)
      frames.feed(Buffer.from(hex, 'hex'))
      if (refused)
        expect(() => frames.next())
          .to.throw()
          .with.property('code', 'ERR_QBP_TOO_LONG')
      else expect(frames.next()).to.equal(false)
    }
  })
})
