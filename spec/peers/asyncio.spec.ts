import { copyFileSync, createReadStream, createWriteStream } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import { connect, createServer, type Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { loadPeers, readGoldenMessages } from '../support/golden.ts'
import { compilePython, type Language, temporaryFolder } from '../support/languages.ts'
import { type Child, peer, pythonPeer } from '../support/peers.ts'

// Against the streams that Qbp began as: StreamReader and StreamWriter of Python's asyncio, with a read_msg and a write_msg.
describe("asyncio's streams, as Qbp began", function () {
  this.timeout(20_000)
  let python: Language
  let protocol: Protocol
  /** A file of frames that Python wrote: every kind of field at its limits, from `spec/peers/python/script.py`. */
  let golden: string
  /** What Python says that it holds. */
  let script: Record<string, unknown>[]

  before(async function () {
    peer(this, pythonPeer)
    python = await compilePython()
    protocol = await loadPeers()
    golden = join(temporaryFolder(), 'golden.bin')
    await python.run('origin.py', ['golden', 'write', golden])
    script = await readGoldenMessages(golden)
  })

  it('a client gets back from our server what it sent, and our server reads what it meant', async () => {
    const received: unknown[] = []
    await using server = createServer(protocol, async (reader, writer) => {
      for await (const message of reader) {
        received.push(message)
        await writer.writeMessage(message)
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const { stdout } = await python.run('origin.py', ['client', '127.0.0.1', String(port)])
    expect(JSON.parse(stdout)).to.deep.equal({ messages: 2 * script.length, end: 'clean' })
    expect(received).to.deep.equal([...script, ...script]) // One at a time, then all at once.
  })

  describe('a server', () => {
    let serving: Child
    let port: number
    beforeEach(async () => {
      serving = python.start('origin.py', ['server'])
      port = Number(await serving.line())
    })
    afterEach(() => serving.stop())

    const dial = () => connect(protocol, { host: '127.0.0.1', port })
    const ended = async () => JSON.parse(await serving.line())

    it('gives our client back what it sent, one at a time', async () => {
      const connection = await dial()
      for (const message of script) {
        await connection.writer.writeMessage(message)
        expect(await connection.reader.readMessage()).to.deep.equal(message)
      }
      expect(await connection.close()).to.equal(null)
      expect(await ended()).to.deep.equal({ messages: script.length, end: 'clean' })
    })

    it('gives it back all at once, behind the end of our side', async () => {
      const connection = await dial()
      for (const message of script) connection.writer.write(message)
      connection.writer.end()
      const received: unknown[] = []
      for await (const message of connection.reader) received.push(message)
      expect(received).to.deep.equal(script)
      expect(await connection.close()).to.equal(null)
      expect(await ended()).to.deep.equal({ messages: script.length, end: 'clean' })
    })

    it('tells our end, a cut inside a frame and our abort apart', async () => {
      await (await dial()).close()
      expect(await ended()).to.deep.equal({ messages: 0, end: 'clean' })

      const cut = await dial()
      cut.socket.end(Buffer.from('ffff0000', 'hex')) // Four of the six bytes of a header.
      expect(await ended()).to.deep.equal({ messages: 0, end: 'truncated' })
      await cut.close()

      const aborted = await dial()
      await aborted.writer.writeMessage({ $name: 'Nothing' })
      await aborted.reader.readMessage()
      aborted.destroy()
      expect(await ended()).to.deep.equal({ messages: 1, end: 'reset' })
    })
  })

  it('writes a file that we read', async () => {
    const reader = new QbpReadable(protocol)
    const received: unknown[] = []
    // In pieces of 7 bytes: nearly every header, and every longer body, lies in two or more.
    const reading = pipeline(createReadStream(golden, { highWaterMark: 7 }), reader)
    for await (const message of reader) received.push(message)
    await reading
    expect(received).to.deep.equal(script)
  })

  it('reads the file that we wrote', async () => {
    const file = join(temporaryFolder(), 'golden.bin')
    // Python compares our frames with its own description of its own messages.
    copyFileSync(`${golden}.json`, `${file}.json`)
    const writer = new QbpWritable(protocol)
    const writing = pipeline(writer, createWriteStream(file))
    for (const message of script) await writer.writeMessage(message)
    writer.end()
    await writing
    const { stdout } = await python.run('origin.py', ['golden', 'read', file])
    expect(JSON.parse(stdout)).to.deep.equal({ messages: script.length, end: 'clean' })
  })
})
