import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import { readTap } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { rejection } from '../support/rejection.ts'

const protocol = Protocol.from(chat)

/** A recording as `qbp tap --record` writes it. */
async function* recording(...lines: object[]): AsyncGenerator<Uint8Array> {
  for (const line of [{ recording: 1, at: 1, target: 'localhost:7000' }, ...lines])
    yield Buffer.from(`${JSON.stringify(line)}\n`)
}
const passed = (at: number, connection: number, direction: string, bytes: Uint8Array) => ({
  at,
  connection,
  direction,
  kind: 'bytes',
  bytes: Buffer.from(bytes).toString('base64'),
})
const say = protocol.frame({ $name: 'Say', text: 'hi' }).bytes
const said = protocol.frame({ $name: 'Said', text: 'ho' }).bytes

async function all(lines: AsyncIterable<Uint8Array>): Promise<string[]> {
  const seen: string[] = []
  for await (const { at, connection, role, message } of readTap(lines, protocol))
    seen.push(`${at} ${connection} ${role} ${message.$name}`)
  return seen
}

describe('readTap', () => {
  it('gives the messages of each connection and role, when their last byte came', async () => {
    const lines = recording(
      { at: 2, connection: 1, direction: 'client', kind: 'open' },
      passed(3, 1, 'client', say.subarray(0, 4)),
      passed(4, 2, 'client', say),
      passed(5, 1, 'server', Buffer.concat([said, said])),
      passed(6, 1, 'client', say.subarray(4)),
      { at: 7, connection: 1, direction: 'client', kind: 'close' },
    )
    expect(await all(lines)).to.deep.equal(['4 2 client Say', '5 1 server Said', '5 1 server Said', '6 1 client Say'])
  })

  it('refuses what is no recording, and takes one whose last line is cut', async () => {
    async function* text(value: string) {
      if (value !== '') yield Buffer.from(value)
    }
    for (const value of ['', 'hello\n', '{"recording":2}\n'])
      expect(await rejection(all(text(value))), value).to.have.property('code', 'ERR_QBP_BAD_OPTION')
    expect(await all(text('{"recording":1}\n{"at":3,"conn'))).to.deep.equal([])
    const strange = '{"recording":1}\n{"at":3,"connection":1,"direction":"up","kind":"bytes","bytes":"AA=="}\n'
    expect(await rejection(all(text(strange)))).to.have.property('code', 'ERR_QBP_BAD_OPTION')
  })

  it('throws the fault of bytes that are no frames, after the messages before them', async () => {
    const bad = passed(3, 1, 'client', Buffer.concat([say, Buffer.of(0xff, 0xff, 0, 0, 0, 0)]))
    const seen: string[] = []
    const reading = (async () => {
      for await (const { message } of readTap(recording(bad), protocol)) seen.push(String(message.$name))
    })()
    expect(await rejection(reading)).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
    expect(seen).to.deep.equal(['Say'])
  })
})
