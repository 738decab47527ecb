import { expect } from 'chai'
import { Header } from '../../lib/framing/header.ts'
import { MessageReader, NONE, WITHOUT_LIMITS } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import type { Protocol } from '../../lib/index.ts'
import { QbpError } from '../../lib/index.ts'
import { everySplit, randomNumbers } from '../../lib/testing/splits.ts'
import { Draw, drawFields, drawLayout, protocolOf } from '../support/layouts.ts'

type Sent = { $name: string; $header?: Record<string, unknown>; text?: string }

/** Everything that comes of the chunks, and what was before it. */
function readAll(header: Header, protocol: Protocol, chunks: readonly Uint8Array[]) {
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

describe('any layout of the language', () => {
  it('reads what it has written, however it is cut, compiled or not: 300 random ones', function () {
    this.timeout(120_000)
    const draw = new Draw(randomNumbers(2026))
    const seen = { layouts: 0, frames: 0, plain: 0 }
    while (seen.layouts < 300) {
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
        const fields = drawFields(draw, header.parts)
        const isGo = header.hasType && draw.chance(0.3)
        const body = isGo ? { list: [1, -1, 70_000] } : { text: 't'.repeat(draw.one([0, 1, 60, 127, 128, 300])) }
        const $header = Object.keys(fields).length > 0 ? { $header: fields } : {}
        const message = { $name: isGo ? 'Go' : 'Say', ...$header, ...body }
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
    expect(seen.plain).to.be.greaterThan(10)
    expect(seen.frames).to.be.greaterThan(600)
  })
})

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)

const isSection = (value: unknown): value is object => typeof value === 'object' && !(value instanceof Uint8Array)
