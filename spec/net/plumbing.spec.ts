import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { type ConnectionOptions, createServer, QbpConnection, QbpWritable } from '../../lib/index.ts'
import { readerPort, writerPort } from '../../lib/streams/ports.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { certificates } from '../support/certificates.ts'
import { hex, protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'

const say = (text: string) => ({ $name: 'Say', room: '', text }) as const
const HI = '0003 00000004 12026869'

/** A connection in memory, and the bare other end; each side holds a kilobyte. */
function bare(options: ConnectionOptions = {}): { connection: QbpConnection<typeof protocol>; peer: Duplex } {
  const [own, peer] = duplexPair({ highWaterMarkBytes: 1_024 })
  peer.on('error', () => {}) // A connection that is destroyed resets it.
  return { connection: new QbpConnection(protocol, own, { role: 'server', ...options }), peer }
}

/** Every byte that comes, until the end. */
async function bytesOf(peer: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of peer) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe(
  'the plumbing of a connection',
  settled(() => {
    it('brings a reader that nobody reads two chunks, then pushes back, and all of it once somebody reads', async () => {
      const { connection, peer } = bare()
      const frames = hex(HI.repeat(50))
      let written = 0
      while (peer.write(frames) && written < 100) written++
      await setTimeout(5)
      expect(written).to.be.below(10)
      expect(connection.socket.isPaused()).to.equal(true)
      expect(connection.reader[readerPort].frames.pending).to.equal(frames.length)
      peer.end()
      let read = 0
      for await (const message of connection.reader) if (message.$name === 'Say' && message.text === 'hi') read++
      expect(read).to.equal(50 * (written + 1))
      peer.resume()
      expect(await connection.close()).to.equal(null)
    })

    it('passes messages, and idles, without a stream to Node above the duplex', async () => {
      const { client, server } = connectionPair(protocol)
      const reading = server.reader[Symbol.asyncIterator]()
      for (const text of ['one', 'two']) {
        await client.writer.writeMessage(say(text))
        expect((await reading.next()).value).to.include({ text })
      }
      const next = reading.next()
      await setTimeout(5)
      const streams = [client.reader, client.writer, server.reader, server.writer]
      expect(streams.map(({ isMade }) => isMade)).to.deep.equal([false, false, false, false])
      expect(server.reader.readableFlowing).to.equal(null) // Whoever looks makes it one, and it goes on.
      expect(server.reader.isMade).to.equal(true)
      await client.writer.writeMessage(say('three'))
      expect((await next).value).to.include({ text: 'three' })
      await Promise.all([client.close(), server.close()])
    })

    it('reports a cut after chunks that nobody had read yet', async () => {
      const { connection, peer } = bare()
      peer.write(hex(HI))
      peer.write(hex(HI))
      peer.end(hex('0003 0000'))
      await setTimeout(5)
      const texts: unknown[] = []
      let fault: unknown
      try {
        for await (const message of connection.reader) texts.push(message.$name)
      } catch (error) {
        fault = error
      }
      expect(texts).to.deep.equal(['Say', 'Say'])
      expect(fault).to.include({ code: 'ERR_QBP_TRUNCATED', offset: 20, frame: 2 })
      peer.resume()
      connection.destroy()
      await connection.closed
    })

    it('hands out once what the duplex had taken when the connection concludes', async () => {
      const { connection, peer } = bare()
      const { framer } = new QbpWritable(protocol)[writerPort]
      for (let n = 0; n < 100; n++) peer.write(framer.frame(say(String(n))))
      await setTimeout(5)
      expect(connection.socket.readableLength).to.be.above(0)
      connection.conclude()
      const texts: string[] = []
      for await (const message of connection.reader) if (message.$name === 'Say') texts.push(message.text)
      expect(texts.length).to.be.within(10, 100)
      expect(texts).to.deep.equal(texts.map((_, n) => String(n)))
      connection.destroy()
      await connection.closed
    })

    it('keeps what the duplex has no room for, within maxQueuedBytes, and ends it after all of that', async () => {
      const { connection, peer } = bare({ highWaterMarkBytes: 2_000, maxQueuedBytes: 20_000, slow: 'throw' })
      const { writer } = connection
      const text = 'x'.repeat(990) // Frames of 1,000 bytes with their header.
      let taken = 0
      while (writer.write(say(text)) && taken < 100) {
        taken++
        await setTimeout(1) // Each is a chunk of its own.
      }
      taken++
      expect(taken).to.be.within(4, 8)
      expect(connection.stats().queuedBytes).to.be.above(2_000)
      expect(() => writer.write(say('y'.repeat(20_000))))
        .to.throw()
        .with.property('code', 'ERR_QBP_QUEUE_FULL')
      const drained = once(writer, 'drain')
      writer.write(say('last'))
      const received = bytesOf(peer)
      await drained
      writer.end()
      peer.end()
      const bytes = await received
      expect(bytes.subarray(-4).toString()).to.equal('last')
      expect(bytes).to.have.length(taken * 999 + 12)
      expect(await connection.closed).to.equal(null)
    })

    it('ends the duplex after what still waits for it', async () => {
      const { connection, peer } = bare()
      for (let n = 0; n < 10; n++) {
        connection.writer.write(say('x'.repeat(1_000)))
        await setTimeout(1)
      }
      connection.writer.end(say('last'))
      await setTimeout(5)
      expect(connection.socket.writableEnded).to.equal(false)
      peer.end()
      expect((await bytesOf(peer)).subarray(-4).toString()).to.equal('last')
      expect(await connection.closed).to.equal(null)
    })

    it('sends nothing in plain text of what is written, or ended, while TLS is being agreed', async () => {
      const known = await certificates()
      const { client, server } = connectionPair(protocol)
      client.writer.write({ $name: 'Leave' })
      expect(await server.reader.readMessage()).to.include({ $name: 'Leave' })
      const plain: Buffer[] = []
      server.socket.prependListener('data', (chunk: Buffer) => plain.push(chunk))
      const secured = client.startTls({ ca: known.ca, servername: 'localhost' })
      client.writer.write(say('in private'))
      client.writer.end(say('to the last'))
      await Promise.all([secured, server.startTls(known.server)])
      expect(await server.reader.readMessage()).to.include({ text: 'in private' })
      expect(await server.reader.readMessage()).to.include({ text: 'to the last' })
      expect(await server.reader.readMessage()).to.equal(null)
      expect(Buffer.concat(plain).includes('private')).to.equal(false)
      await Promise.all([client.close(), server.close()])
    })

    it('closes a connection whose writer had ended long before, though its peer does not end', async () => {
      const { connection, peer } = bare({ lingerMs: 20 })
      connection.writer.end()
      peer.resume()
      await once(connection.socket, 'finish')
      expect(await connection.close()).to.equal(null)
      peer.destroy()
    })
  }),
)

describe('a duplex that gives no bytes', () => {
  it('is refused where it has an encoding', () => {
    for (const encoding of ['utf8', 'hex', 'latin1'] as const) {
      const [own] = duplexPair()
      own.setEncoding(encoding)
      expect(() => new QbpConnection(protocol, own))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
      const server = createServer(protocol, () => {})
      expect(() => server.attach(own))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
      expect(server.connections.size).to.equal(0)
    }
  })

  it('fails after the messages before, where it gets one later or gives objects', async () => {
    for (const chunk of ['text', { an: 'object' }, 5, new ArrayBuffer(4)]) {
      const own = new Duplex({ objectMode: true, read() {}, write: (_chunk, _encoding, done) => done() })
      const connection = new QbpConnection(protocol, own)
      own.push(hex('0002 00000000'))
      own.push(chunk)
      expect(await connection.reader.readMessage()).to.include({ $name: 'Leave' })
      expect(await rejection(connection.reader.readMessage())).to.have.property('code', 'ERR_QBP_NOT_BYTES')
      expect(await connection.closed).to.have.property('code', 'ERR_QBP_NOT_BYTES')
    }
  })

  it('is not one that gives Uint8Arrays of whatever kind', async () => {
    const own = new Duplex({ objectMode: true, read() {}, write: (_chunk, _encoding, done) => done() })
    const connection = new QbpConnection(protocol, own)
    own.push(new Uint8Array(hex('0003 0000000a 0a0468616c6c 12026869')))
    expect(await connection.reader.readMessage()).to.include({ text: 'hi' })
    connection.destroy()
  })
})
