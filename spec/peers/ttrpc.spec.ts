import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import { type AnyMessage, connect, createServer, Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { temporaryFolder } from '../support/languages.ts'

// A protocol that nobody here had tried: ttrpc, in which containerd talks to its shims. It has no preset and nothing of its own
// in lib/; it is the layout line, the table and the schema below. Its PROTOCOL.md has the frame so:
//
//   offset  0        4        8      9       10
//           +--------+--------+------+-------+----------------+
//           | length | stream | type | flags | body           |
//           +--------+--------+------+-------+----------------+
//            u32 BE   u32 BE   u8     u8      `length` bytes, 4 MB at the most

const HEADER = 'length:u32 stream:u32 type:u8 flags:u8'
// Only clients ask and only servers answer; both send Data, whose bodies are the stream's own.
const DATA = { type: 3, body: 'raw' } as const
const TYPES = { client: { Request: 1, Data: DATA }, server: { Response: 2, Data: DATA } }
const MAX_BODY_BYTES = 4 << 20

const REMOTE_CLOSED = 1
const REMOTE_OPEN = 2
const UNIMPLEMENTED = 12

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

/** Written down from the schema and PROTOCOL.md; the body is the one that the tests of ttrpc-rust have, to the byte. */
const REQUEST = {
  bytes: hex(`
    00000043 00123456 01 ef
    0a11 677270632e546573745365727669636573
    1204 54657374
    1a09 010203040506070809
    20   80dac409
    2a18 0a09 746573745f6b657931 120b 746573745f76616c756531`),
  message: {
    $name: 'Request',
    $header: { stream: 0x123456, flags: 0xef },
    service: 'grpc.TestServices',
    method: 'Test',
    payload: hex('010203040506070809'),
    timeoutNano: 20_000_000n,
    metadata: [{ key: 'test_key1', value: 'test_value1' }],
  },
}
const DATA_FRAME = {
  bytes: hex('00000003 00000007 03 01 aabbcc'),
  message: { $name: 'Data', $header: { stream: 7, flags: REMOTE_CLOSED }, type: 3, body: hex('aabbcc') },
}
describe('ttrpc, by a layout line, a table and its schema', () => {
  let protocol: Protocol
  before(async () => {
    protocol = await Protocol.load(join(__dirname, 'ttrpc.proto'), { header: HEADER, types: TYPES })
  })

  for (const { bytes, message } of [REQUEST, DATA_FRAME]) {
    it(`reads and writes the frame of ${message.$name}`, async () => {
      const writer = new QbpWritable(protocol, { role: 'client' })
      writer.end(message)
      expect(await buffer(writer)).to.deep.equal(bytes)
      for (const cut of bytes.keys()) {
        const reader = new QbpReadable(protocol, { role: 'server' })
        if (cut > 0) reader.write(bytes.subarray(0, cut))
        reader.end(bytes.subarray(cut))
        expect({ ...(await reader.readMessage()) }).to.deep.equal(message)
      }
    })
  }

  it('refuses a length over 4 MB on the header, as PROTOCOL.md demands', async () => {
    const reader = new QbpReadable(protocol, { role: 'client', maxBodyBytes: MAX_BODY_BYTES })
    reader.write(hex('10000000 00000003 02 ef')) // A header that the tests of ttrpc-rust refuse too.
    expect(await reader.readMessage().catch((error) => error)).to.include({
      ...{ code: 'ERR_QBP_TOO_LONG', size: 0x10000000, limit: MAX_BODY_BYTES },
    })
  })

  it('refuses a stream number that its field cannot hold', () => {
    const writer = new QbpWritable(protocol, { role: 'client' })
    expect(() => writer.write({ $name: 'Request', $header: { stream: 2 ** 32 } }))
      .to.throw(/stream/)
      .with.property('code', 'ERR_QBP_FIELD_OVERFLOW')
  })

  it('serves calls, side by side and streaming, over a Unix socket', async () => {
    await using server = createServer(protocol, { maxBodyBytes: MAX_BODY_BYTES }, async (reader, writer) => {
      const sums = new Map<number, bigint>() // Of the streams that are open.
      const numbers = (bytes: Uint8Array): bigint =>
        protocol.decode('SumRequest', bytes).numbers.reduce((a: bigint, b: bigint) => a + b, 0n)
      const answer = (stream: number, sum: bigint) =>
        writer.writeMessage({
          ...{ $name: 'Response', $header: { stream }, payload: protocol.encode('SumResponse', { sum }) },
        })
      for await (const message of reader) {
        const { stream = 0, flags = 0 } = message.$header ?? {}
        if (message.$name === 'Data') {
          const sum = (sums.get(stream) ?? 0n) + numbers(message.body)
          sums.set(stream, sum)
          if (flags & REMOTE_CLOSED) await answer(stream, sum)
        } else if (message.method !== 'Sum') {
          const status = { code: UNIMPLEMENTED, message: `no method ${message.method}` }
          await writer.writeMessage({ $name: 'Response', $header: { stream }, status })
        } else if (flags & REMOTE_OPEN) sums.set(stream, numbers(message.payload))
        else await answer(stream, numbers(message.payload))
      }
    })
    const path = join(temporaryFolder(), 'ttrpc.sock')
    server.listen(path)
    await once(server, 'listening')
    await using connection = await connect(protocol, { path, maxBodyBytes: MAX_BODY_BYTES })
    const { reader, writer } = connection

    const some = (...numbers: bigint[]) => protocol.encode('SumRequest', { numbers })
    const call = (stream: number, method: string, payload: Uint8Array, flags = 0) =>
      writer.write({ $name: 'Request', $header: { stream, flags }, service: 'qbp.Sums', method, payload })
    call(1, 'Sum', some(1n, -(2n ** 62n)))
    call(3, 'Sum', some(40n), REMOTE_OPEN)
    call(5, 'Product', some())
    writer.write({ $name: 'Data', $header: { stream: 3 }, body: some(1n) })
    writer.write({ $name: 'Data', $header: { stream: 3, flags: REMOTE_CLOSED }, body: some(1n) })
    writer.end()
    const answers = new Map<number, AnyMessage>()
    for await (const message of reader) answers.set(message.$header?.stream ?? 0, message)

    const sum = (stream: number) => protocol.decode('SumResponse', answers.get(stream)?.payload).sum
    expect(sum(1)).to.equal(1n - 2n ** 62n)
    expect(sum(3)).to.equal(42n)
    expect(answers.get(5)?.status).to.deep.include({ code: UNIMPLEMENTED, message: 'no method Product' })
    expect(answers.size).to.equal(3)
  })
})
