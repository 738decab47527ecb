import { expect } from 'chai'
import type protobuf from 'protobufjs'
import { UNKNOWN } from '../../lib/codec/wire.ts'
import { Protocol, QbpReadable, QbpWritable, type RawMessage } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'
import { Bodies, messagesOf, rootOf, schemas } from '../support/every.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const protocolOf = (text: string): Protocol =>
  reflectedProtocol(rootOf(text).nestedArray[0] as protobuf.Namespace, {
    header: 'length:varint',
    message: { body: 'raw' },
  }) as Protocol

/** What comes of an act: its value, or the code that it throws. */
function outcome(act: () => Record<string | symbol, unknown>): Record<string | symbol, unknown> | string {
  try {
    return act()
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** What an act throws. */
function refusal(act: () => unknown): Error {
  try {
    act()
  } catch (error) {
    return error as Error
  }
  throw new Error('Nothing was refused.')
}

describe('a peek', () => {
  it('reads what decoding the whole body reads, whatever the body', () => {
    const bodies = new Bodies(randomNumbers(7))
    let agreed = 0
    for (const text of Object.values(schemas)) {
      const protocol = protocolOf(text)
      for (const schema of messagesOf(rootOf(text))) {
        const name = schema.fullName.slice(1)
        const fields = protocol.messageType(name).fields.map((field) => field.name)
        for (let n = 0; n < 150; n++) {
          const valid = bodies.body(schema)
          const body = Buffer.from(bodies.below(4) === 0 ? bodies.mutate(valid) : valid)
          const wanted = fields.filter(() => bodies.below(Math.max(2, Math.ceil(fields.length / 3))) === 0)
          const whole = outcome(() => protocol.decode(name, body))
          const part = outcome(() => protocol.peek(name, wanted)(body) as Record<string, unknown>)
          if (typeof part === 'string') expect(part).to.equal('ERR_QBP_INVALID_BODY')
          if (typeof whole === 'string') continue
          if (typeof part === 'string') throw new Error(`${name} ${body.toString('hex')}: ${wanted} is refused`)
          for (const field of wanted) {
            expect(part[field], `${name}.${field} of ${body.toString('hex')}`).to.deep.equal(whole[field])
            expect(Object.hasOwn(part, field)).to.equal(Object.hasOwn(whole, field))
            agreed++
          }
        }
      }
    }
    expect(agreed).to.be.greaterThan(1_000)
  })

  describe('of one message', () => {
    let protocol: Protocol
    before(async () => {
      protocol = await Protocol.load('schemas/chat.proto')
    })

    it('has no other fields, and keeps nothing of them', () => {
      const body = protocol.encode('Say', { text: 'hello' })
      const none = protocol.peek('Say', [])(body)
      expect(Object.keys(none)).to.deep.equal(['$name'])
      expect(none[UNKNOWN]).to.equal(undefined)
      expect(protocol.peek('Say', ['text'])(body)).to.include({ $name: 'Say', text: 'hello' })
    })

    it('is refused with the path of what it asks for, and is blind to what it does not', () => {
      const cut = Buffer.from('1205616263', 'hex')
      expect(refusal(() => protocol.peek('Say', ['text'])(cut))).to.include({ code: 'ERR_QBP_INVALID_BODY' })
      expect(refusal(() => protocol.peek('Say', [])(cut))).to.include({ code: 'ERR_QBP_INVALID_BODY' })
      const notText = Buffer.from('1202ff80', 'hex')
      expect(refusal(() => protocol.peek('Say', ['text'])(notText))).to.include({
        code: 'ERR_QBP_INVALID_BODY',
        field: 'text',
      })
      expect(protocol.peek('Say', [])(notText)).to.include({ $name: 'Say' })
      for (const bytes of ['', null, new ArrayBuffer(3)])
        expect(refusal(() => protocol.peek('Say', ['text'])(bytes as never))).to.include({ code: 'ERR_QBP_NOT_BYTES' })
    })

    it('names what there is where it asks for what there is not', () => {
      expect(refusal(() => protocol.peek('Say', ['txet']))).to.include({ code: 'ERR_QBP_BAD_OPTION', field: 'txet' })
      expect(refusal(() => protocol.peek('Sayed', ['text']))).to.include({ code: 'ERR_QBP_BAD_TABLE' })
      expect(refusal(() => protocol.peek('Say', 'text' as never))).to.include({ code: 'ERR_QBP_BAD_OPTION' })
    })
  })

  it('lets a gateway pass on frames as they came, bytes that no schema knows and odd encodings too', async () => {
    const protocol = await Protocol.load('schemas/chat.proto', { types: { Say: { type: 1, body: 'raw' } } })
    const peek = protocol.peek('Say', ['text'])
    // A field that the schema lacks, a length in more bytes than it takes, and fields in another order.
    const bodies = ['0a01721202 6869', '12026869f80101', '0a8180007212026869', '120268690a0172']
    const frames = bodies.map((text) => {
      const body = Buffer.from(text.replaceAll(' ', ''), 'hex')
      return Buffer.concat([Buffer.from([0, 1, 0, 0, 0, body.length]), body])
    })
    const reader = new QbpReadable(protocol)
    const writer = new QbpWritable(protocol)
    const out: Buffer[] = []
    writer.on('data', (chunk: Buffer) => out.push(chunk))
    reader.end(Buffer.concat(frames))
    const texts: string[] = []
    for await (const message of reader) {
      texts.push(peek((message as RawMessage).body).text)
      writer.write(message as never)
    }
    writer.end()
    await new Promise((resolve) => writer.once('end', resolve))
    expect(texts).to.deep.equal(bodies.map(() => 'hi'))
    expect(Buffer.concat(out).toString('hex')).to.equal(Buffer.concat(frames).toString('hex'))
  })
})
