import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import {
  type AnyMessage,
  connect,
  createServer,
  headers,
  type Protocol,
  QbpReadable,
  QbpWritable,
} from '../../lib/index.ts'
import { loadPeers } from '../support/golden.ts'
import { compileJava, compilePython, type Language } from '../support/languages.ts'
import { javaPeer, peer, pythonPeer } from '../support/peers.ts'

const ALL_BYTES = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) & 255))
const INT64 = [-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]
const INT32 = [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1]
const DOUBLES = [0, 1, -1.5, 0.1, 5e-324, Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY]

/** What we send: what is hard to get right, as plain objects. */
const SCRIPT: readonly object[] = [
  {}, // A frame of one byte, 00.
  { scalars: { anInt64: -(2n ** 63n), aUint64: 2n ** 64n - 1n, aSint32: -(2 ** 31), aSint64: -(2n ** 63n) } },
  { scalars: { aFixed64: 2n ** 64n - 1n, aSfixed64: -1n, aFixed32: 2 ** 32 - 1, aUint32: 2 ** 32 - 1 } },
  { scalars: { aDouble: 5e-324, aFloat: Math.fround(0.1), aString: 'grüße 日本語 😀', aBool: true, aColour: -1 } },
  {
    lists: { int64s: INT64, sint64s: INT64, sint32s: INT32, doubles: DOUBLES, colours: [1, 77], bools: [true, false] },
  },
  { maps: { byInt64: Object.fromEntries(INT64.map((key) => [String(key), key])), byBool: { true: 2, false: -1 } } },
  { maps: { byUint64: { '18446744073709551615': 2n ** 64n - 1n }, bySint32: { '-2147483648': -0.25 } } },
  { choice: { large: 2n ** 64n - 1n }, presence: { number: 0, text: '', large: 0n } },
  { scalars: {}, lists: {}, tree: {}, maps: {}, choice: {}, presence: {}, blob: {} },
  { blob: { content: ALL_BYTES } },
  {},
]

const NAMED = SCRIPT.map((message) => ({ $name: 'All', ...message }))

// `length:varint`, as Java's writeDelimitedTo makes it. Every message is peers.All, and an empty one is the single byte 00.
describe('delimited messages', function () {
  this.timeout(20_000)
  let protocol: Protocol
  before(async () => {
    protocol = await loadPeers({ header: headers.delimited, message: 'All' })
  })

  const peers = [
    { title: 'Java, by writeDelimitedTo and parseDelimitedFrom', needs: javaPeer, program: 'Delimited' },
    { title: 'Python', needs: pythonPeer, program: 'delimited.py' },
  ]
  for (const { title, needs, program } of peers) {
    describe(`with ${title}`, () => {
      let language: Language
      before(async function () {
        this.timeout(60_000)
        peer(this, needs)
        language = await (program === 'Delimited' ? compileJava() : compilePython())
      })

      it('a client gets back from our server what it sent', async () => {
        const received: AnyMessage[] = []
        await using server = createServer(protocol, async (reader, writer) => {
          for await (const message of reader) {
            received.push(message)
            await writer.writeMessage(message)
          }
        })
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
        const { port } = server.address() as AddressInfo
        const { stdout } = await language.run(program, ['client', '127.0.0.1', String(port)])
        expect(JSON.parse(stdout)).to.deep.equal({ messages: received.length, end: 'clean' })
        // What its script has of the hard cases, read by us.
        const read = (path: (message: AnyMessage) => unknown) => received.map(path)
        expect(read((all) => all.choice?.large)).to.include(2n ** 64n - 1n)
        expect(read((all) => all.scalars?.aSint32)).to.include.members([-(2 ** 31), 2 ** 31 - 1])
        expect(read((all) => all.maps?.byUint64['18446744073709551615'])).to.include(2n ** 64n - 1n)
        expect(read((all) => all.maps?.byInt64['-9223372036854775808'])).to.include(-(2n ** 63n))
        expect(read((all) => all.lists?.doubles.includes(0.1))).to.include(true)
        expect(read((all) => all.blob?.content?.equals?.(ALL_BYTES))).to.include(true)
        expect(received[0]).to.deep.equal({ $name: 'All' })
      })

      it('a server gives our client back what it sent', async () => {
        const serving = language.start(program, ['server'])
        try {
          await using connection = await connect(protocol, { host: '127.0.0.1', port: Number(await serving.line()) })
          for (const message of SCRIPT) {
            await connection.writer.writeMessage(message)
            expect(await connection.reader.readMessage()).to.deep.equal({ $name: 'All', ...message })
          }
          for (const message of SCRIPT) connection.writer.write(message)
          connection.writer.end()
          const received: unknown[] = []
          for await (const message of connection.reader) received.push(message)
          expect(received).to.deep.equal(NAMED)
          expect(JSON.parse(await serving.line())).to.deep.equal({ messages: 2 * SCRIPT.length, end: 'clean' })
        } finally {
          await serving.stop()
        }
      })
    })
  }

  it('an empty message is the single byte 00 both ways', async () => {
    const writer = new QbpWritable(protocol)
    writer.end({})
    expect(await buffer(writer)).to.deep.equal(Buffer.from('00', 'hex'))
    const reader = new QbpReadable(protocol)
    reader.end(Buffer.from('0000', 'hex'))
    expect(await reader.readMessages()).to.deep.equal([{ $name: 'All' }, { $name: 'All' }])
    expect(await reader.readMessage()).to.equal(null)
  })
})
