import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpReadable } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'
import { rejection } from '../support/rejection.ts'

const protocol = Protocol.from(chat)
const said = Buffer.from(protocol.frame({ $name: 'Say', text: 'one' }).bytes)

const faults: [what: string, bytes: Buffer, code: string][] = [
  ['an unlisted type', Buffer.from('ffff00000000', 'hex'), 'ERR_QBP_UNKNOWN_TYPE'],
  ['a body that does not decode', Buffer.from('00030000000112', 'hex'), 'ERR_QBP_INVALID_BODY'],
  ['a body that is too long', Buffer.from('0003ffffffff', 'hex'), 'ERR_QBP_TOO_LONG'],
  ['a cut', Buffer.from('0003', 'hex'), 'ERR_QBP_TRUNCATED'],
]

describe("README's program over just the streams", () => {
  for (const [what, bytes, code] of faults) {
    for (const isOneChunk of [true, false]) {
      it(`rejects once, and leaves no rejection unhandled, on ${what} ${isOneChunk ? 'with' : 'after'} a message`, async () => {
        const unhandled: unknown[] = []
        const note = (reason: unknown) => unhandled.push(reason)
        process.on('unhandledRejection', note)
        const wire = new PassThrough()
        for (const chunk of isOneChunk ? [Buffer.concat([said, bytes])] : [said, bytes]) wire.write(chunk)
        wire.end()
        const reader = new QbpReadable(protocol)
        const read: string[] = []
        const reading = async () => {
          for await (const message of reader) read.push(String(message.$name))
        }
        expect(await rejection(Promise.all([pipeline(wire, reader), reading()]))).to.have.property('code', code)
        for (let n = 0; n < 3; n++) await setImmediate()
        process.off('unhandledRejection', note)
        expect([read, unhandled]).to.deep.equal([['Say'], []])
      })
    }
  }
})
