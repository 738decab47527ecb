import { expect } from 'chai'
import type { FrameHeader } from '../../lib/framing/frame-header.ts'
import { FrameParser } from '../../lib/framing/frame-parser.ts'
import { Header } from '../../lib/framing/header.ts'
import type { Part } from '../../lib/framing/layout/layout.ts'
import { MessageReader, NONE } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import type { Protocol } from '../../lib/index.ts'
import { QbpError } from '../../lib/index.ts'
import { everySplit, randomNumbers } from '../../lib/testing/splits.ts'
import { Draw, drawLayout, drawMessage, protocolOf, type Sent } from '../support/layouts.ts'

/** Everything that comes of the chunks, and what was before it. */
function readAll(header: FrameHeader, protocol: Protocol, chunks: readonly Uint8Array[]) {
  const messages = new MessageReader({ ...WITHOUT_LIMITS, header, table: protocol.sent.client, maxHeaderBytes: 65_536 })
  const list: object[] = []
  for (const chunk of chunks) {
    messages.frames.feed(chunk)
    for (let message = messages.take(); message !== NONE; message = messages.take()) list.push(message)
  }
  messages.frames.finish()
  return { list, preamble: messages.frames.preamble }
}

/** What `act` returns; what it throws names the layout. */
function named<T>(layout: string, stream: Buffer, act: () => T): T {
  try {
    return act()
  } catch (fault) {
    throw new Error(`${layout}: ${stream.subarray(0, 200).toString('hex')}: ${(fault as Error).message}`, {
      cause: fault,
    })
  }
}

/** Some frames after a preamble; those that the layout cannot hold are left out. */
function streamOf(draw: Draw, { header, sent }: Protocol): Buffer {
  const writer = new MessageWriter(header, sent.client, 2 ** 20)
  const frames: Uint8Array[] = [writer.preamble({})]
  for (let i = 0; i < 4; i++) {
    try {
      frames.push(writer.frame(drawMessage(draw, header)))
    } catch (error) {
      expect(error).to.have.property('code', 'ERR_QBP_FIELD_OVERFLOW')
    }
  }
  return Buffer.concat(frames)
}

/** The most bytes that constants and integers take. */
const widest = (parts: readonly Part[]): number =>
  parts.reduce((sum, part) => {
    if (part.kind === 'constant') return sum + part.bytes.length
    return part.kind === 'integer' || part.kind === 'bits' ? sum + part.of.maxWidth : sum
  }, 0)

describe('any layout of the language', () => {
  it('reads what it has written, however it is cut, compiled or not: 120 random ones', function () {
    this.timeout(120_000)
    const draw = new Draw(randomNumbers(2026))
    const seen = { layouts: 0, frames: 0, plain: 0 }
    while (seen.layouts < 120) {
      const layout = drawLayout(draw)
      const protocol = protocolOf(layout)
      if (protocol === null) continue
      seen.layouts++
      const { header } = protocol
      if (header.plain !== null) seen.plain++
      const writer = new MessageWriter(header, protocol.sent.client, 2 ** 20)
      const preamble = header.preamble === null ? [] : [writer.preamble({})]
      const frames: Uint8Array[] = []
      const written: Sent[] = []
      for (let i = 0; i < 4; i++) {
        const message = drawMessage(draw, header)
        try {
          frames.push(writer.frame(message))
          written.push(message)
          seen.frames++
        } catch (error) {
          // A length that drew too small a kind, or counts less than nothing.
          expect(error, layout).to.be.instanceOf(QbpError).with.property('code', 'ERR_QBP_FIELD_OVERFLOW')
        }
      }
      const stream = Buffer.concat([...preamble, ...frames])
      if (stream.length === 0) continue
      const whole = named(layout, stream, () => readAll(header, protocol, [stream]))
      expect(whole.list.length, layout).to.equal(written.length)
      if (preamble.length > 0) expect(whole.preamble, layout).to.be.an('object')
      for (const [i, message] of whole.list.entries()) {
        const sent = written[i] as Sent
        const found = message as Sent
        expect(found.$name, layout).to.equal(sent.$name)
        expect(found.text ?? '', layout).to.equal(sent.text ?? '')
        for (const [name, value] of Object.entries(sent.$header ?? {})) {
          const got = found.$header?.[name]
          // A group of nothing but empty parts has no bytes: nobody can see that it is there.
          if (got === undefined)
            expect(JSON.stringify(plain(value)), `${layout}: ${name}`).to.be.oneOf(['""', '{"text":""}'])
          else if (isSection(value)) expect({ text: '', ...(got as object) }, layout).to.deep.include(value)
          else expect(plain(got), `${layout}: ${name}`).to.deep.equal(plain(value))
        }
        const again = writer.frame(message)
        expect(Buffer.from(again).toString('hex'), layout).to.equal(
          Buffer.from(frames[i] as Uint8Array).toString('hex'),
        )
      }
      const interpreted = new Header(layout, { isInterpreted: true, section: (name) => protocol.messageType(name) })
      expect(readAll(interpreted, protocol, [stream]), layout).to.deep.equal(whole)
      const byHand = new MessageWriter(interpreted, protocol.sent.client, 2 ** 20)
      for (const [i, message] of written.entries()) {
        expect(Buffer.from(byHand.frame(message)).toString('hex'), layout).to.equal(
          Buffer.from(frames[i] as Uint8Array).toString('hex'),
        )
      }
      const [front, back] = [stream.subarray(0, 900), stream.subarray(900)]
      for (const { how, chunks } of everySplit(front, { random: 5, twoWay: 20 })) {
        expect(readAll(header, protocol, [...chunks, back]), `${layout}: ${how}`).to.deep.equal(whole)
      }
      // A cut anywhere else than at a frame's edge is one, and never anything else.
      for (let n = 0; n < 5; n++) {
        const length = 1 + draw.below(stream.length)
        const edges = [preamble[0]?.length ?? 0]
        for (const frame of frames) edges.push((edges.at(-1) as number) + frame.length)
        const read = () => readAll(header, protocol, [stream.subarray(0, length)])
        if (edges.includes(length)) expect(read().list.length, layout).to.equal(edges.indexOf(length))
        else
          expect(read, `${layout}: ${length} of ${stream.length}`)
            .to.throw(QbpError)
            .with.property('code', 'ERR_QBP_TRUNCATED')
      }
    }
    expect(seen.plain).to.be.greaterThan(2)
    expect(seen.frames).to.be.greaterThan(240)
  })

  it('waits for no byte beyond its limits: 100 random ones', () => {
    const draw = new Draw(randomNumbers(2027))
    const LIMIT = 40
    const seen = { layouts: 0, refused: 0, read: 0 }
    while (seen.layouts < 100) {
      const layout = drawLayout(draw)
      const protocol = protocolOf(layout)
      if (protocol === null) continue
      seen.layouts++
      const { header } = protocol
      const stream = streamOf(draw, protocol)
      // All that stands in a header beside sections, bytes of its own and the body.
      const most = widest(header.parts) + 2 * LIMIT
      const frames = new FrameParser(header, LIMIT, LIMIT)
      try {
        for (const byte of stream) {
          frames.feed(Uint8Array.of(byte))
          while (frames.next()) seen.read++
          if (frames.preamble !== null || header.preamble === null) expect(frames.needs, layout).to.be.at.most(most)
        }
        frames.finish()
      } catch (error) {
        expect(error, layout).to.be.instanceOf(QbpError).with.property('code', 'ERR_QBP_TOO_LONG')
        seen.refused++
      }
    }
    expect(seen.read).to.be.greaterThan(20)
    expect(seen.refused).to.be.greaterThan(20)
  })
})

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)

const isSection = (value: unknown): value is object => typeof value === 'object' && !(value instanceof Uint8Array)
