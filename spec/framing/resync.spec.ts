import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect } from 'chai'
import { MessageReader, NONE } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { resyncFrom } from '../../lib/framing/resync.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import { headers, Protocol, type ProtocolOptions, QbpConnection, QbpError } from '../../lib/index.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { everySplit, randomNumbers } from '../../lib/testing/splits.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const ROOT = rootOf('syntax = "proto3"; package r; message M { string text = 1; } message Head { string text = 1; }')
const protocolOf = (header: string, options: ProtocolOptions = {}): Protocol =>
  reflectedProtocol(ROOT, { package: 'r', header, message: 'M', resync: true, ...options })

const text = (bytes: string) => Buffer.from(bytes, 'latin1')

/** The messages of a stream, and what was dropped of it. */
function read({ header, sent }: Protocol, chunks: readonly Uint8Array[]) {
  const settings = {
    ...WITHOUT_LIMITS,
    resync: resyncFrom,
    invalid: 'skip' as const,
    maxBodyBytes: 512,
    maxHeaderBytes: 512,
  }
  const reader = new MessageReader({ ...settings, header, table: sent.client })
  const { resync } = reader.frames
  const messages: object[] = []
  const dropped: string[] = []
  if (resync !== null) {
    resync.onDrop = (bytes, offset) => {
      expect(offset + bytes.length).to.be.at.least(dropped.join('').length)
      dropped.push(Buffer.from(bytes).toString('latin1'))
    }
  }
  const offsets: number[] = []
  for (const chunk of chunks) {
    reader.frames.feed(chunk)
    for (let message = reader.take(); message !== NONE; message = reader.take()) {
      messages.push(message)
      offsets.push(reader.frames.offset)
    }
  }
  let end = 'clean'
  try {
    reader.frames.finish()
  } catch (error) {
    end = (error as QbpError).code
  }
  return { messages, offsets, dropped: dropped.join(''), count: resync?.dropped, end }
}

describe('resync', () => {
  const meshtastic = protocolOf(headers.meshtastic)
  const frame = (message: string, protocol = meshtastic) =>
    Buffer.from(new MessageWriter(protocol.header, protocol.sent.client, 1000).frame({ text: message }))

  const junk: [what: string, bytes: Buffer][] = [
    ['text for people', text('INFO | boot\r\n')],
    ['half of a constant', text('\x94')],
    ['constants of halves', text('\x94\x94\x94')],
    ['a constant with a length over the limit', text('\x94\xc3\xff\xff')],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['nothing', text('')],
  ]
  for (const [what, bytes] of junk) {
    it(`drops ${what} between frames, however they are cut`, () => {
      const [one, two] = [frame('one'), frame('two')]
      const stream = Buffer.concat([bytes, one, bytes, bytes, two, bytes.subarray(0, -1)])
      for (const { how, chunks } of everySplit(stream, { twoWay: 60 })) {
        const { messages, offsets, dropped, count } = read(meshtastic, chunks)
        expect(messages, how).to.deep.equal([
          { $name: 'M', text: 'one' },
          { $name: 'M', text: 'two' },
        ])
        expect(offsets, how).to.deep.equal([bytes.length, one.length + 3 * bytes.length])
        expect(text(dropped).subarray(0, 3 * bytes.length), how).to.deep.equal(Buffer.concat([bytes, bytes, bytes]))
        expect(count, how).to.equal(dropped.length)
      }
    })
  }

  it('ends cleanly after junk, and truncated after the beginning of a frame', () => {
    expect(read(meshtastic, [Buffer.concat([frame('a'), text('junk')])]).end).to.equal('clean')
    for (const cut of [1, 2, 3, 5]) {
      const stream = Buffer.concat([text('junk'), frame('a').subarray(0, cut)])
      for (const { how, chunks } of everySplit(stream))
        expect(read(meshtastic, chunks).end, how).to.equal('ERR_QBP_TRUNCATED')
    }
  })

  for (const layout of [
    '0xcafe length:u16 crc32(body):u32 body',
    '0xcafe length(rest):u16 length(Head):u8 {Head} body 0xee',
    '"AT" length:dec 0x0a',
    '0xca length(Head):u8 {Head} length(body):u8 body crc32(frame):u32',
  ]) {
    it(`finds the frames that are whole in a stream of which bytes are changed: ${layout}`, () => {
      const random = randomNumbers(15)
      const protocol = protocolOf(layout)
      const frames = Array.from({ length: 40 }, (_, i) => frame(`${i} ${'x'.repeat(i)}`, protocol))
      const stream = Buffer.concat(frames)
      const kept: string[] = []
      let at = 0
      for (const [i, { length }] of frames.entries()) {
        const place = at + Math.floor(random() * Math.min(6, length))
        if (i % 3 === 1) stream[place] = (stream[place] as number) ^ 0x55
        else kept.push(`${i} ${'x'.repeat(i)}`)
        at += length
      }
      const whole = read(protocol, [stream])
      const found = whole.messages.map((message) => (message as { text: string }).text)
      expect(kept.filter((each) => !found.includes(each)).length, found.join()).to.be.at.most(kept.length / 3)
      for (const { how, chunks } of everySplit(stream, { twoWay: 40 }))
        expect(read(protocol, chunks), how).to.deep.equal(whole)
    })
  }

  it('looks at no byte many times, whatever comes: rows of beginnings of frames that fail at their ends', () => {
    const layout = '0xca length(Head):u16 {Head} 0xfe length:u16 body crc32(body):u32'
    const protocol = protocolOf(layout)
    const work = (size: number): number => {
      let bytes = 0
      const { header } = protocol
      const looked = { ...header, read: header.read, start: header.start }
      expect(looked.start).to.deep.equal([0xca])
      const reader = new MessageReader({ ...WITHOUT_LIMITS, resync: resyncFrom, header, table: protocol.sent.client })
      const original = header.read
      Object.defineProperty(header, 'read', {
        configurable: true,
        writable: true,
        value: (buf: Uint8Array, pos: number, end: number, head: never) => {
          try {
            return original(buf, pos, end, head)
          } finally {
            bytes += Math.max(1, header.reached - pos)
          }
        },
      })
      reader.frames.feed(Buffer.alloc(size, Buffer.from('ca0800', 'hex')))
      while (reader.take() !== NONE);
      Object.defineProperty(header, 'read', { configurable: true, writable: true, value: original })
      return bytes
    }
    expect(work(80_000) / work(20_000)).to.be.lessThan(5)
    expect(work(80_000)).to.be.lessThan(80_000 * 4)
  })

  it('counts what it drops in stats() and publishes it on qbp:bytes:dropped', async () => {
    const [near, far] = duplexPair()
    const connection = new QbpConnection(meshtastic, near)
    const heard: unknown[] = []
    const hear = (event: unknown) => {
      const { bytes, offset, connection: of } = event as { bytes: Buffer; offset: number; connection: unknown }
      heard.push([bytes.toString('latin1'), offset, of === connection])
    }
    subscribe('qbp:bytes:dropped', hear)
    far.write(Buffer.concat([text('boot\n'), frame('a'), text('ok\n')]))
    expect(await connection.reader.readMessage()).to.deep.equal({ $name: 'M', text: 'a' })
    far.end()
    expect(await connection.reader.readMessage()).to.equal(null)
    unsubscribe('qbp:bytes:dropped', hear)
    expect(heard).to.deep.equal([
      ['boot\n', 0, true],
      ['ok\n', 5 + frame('a').length, true],
    ])
    expect(connection.stats().droppedBytes).to.equal(8)
    await connection.close()
  })

  it('is refused where no constant begins the frames', () => {
    for (const header of ['length:u32', 'type:u8 0xcafe length:u32']) {
      expect(() => Protocol.raw({ header, resync: true }))
        .to.throw(QbpError, 'do not begin with a constant')
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    }
    expect(() => Protocol.raw({ header: '0xca length:u8', resync: 'yes' as never })).to.throw('resync is')
  })

  it('leaves a body that does not decode, and a type that is not listed, to their policies', async () => {
    const { client, server } = connectionPair(meshtastic)
    client.writer.write({ $name: null, type: 0, body: Buffer.from('ff', 'hex') })
    client.writer.end()
    const fault = await server.reader.readMessage().catch((error) => error)
    expect(fault).to.have.property('code', 'ERR_QBP_INVALID_BODY')
    client.destroy()
  })
})
