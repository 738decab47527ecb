import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import tls from 'node:tls'
import { expect } from 'chai'
import { connect, createServer, QbpConnection } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { certificates } from '../support/certificates.ts'
import { hex, protocol } from '../support/chat.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

const SAY = hex('0003 0000000a 0a0468616c6c 12026869')
const say = (text: string) => ({ $name: 'Say' as const, text })

/** A duplex that ends nothing by itself, emits no close, or never calls back when it is destroyed. */
function odd(options: ConstructorParameters<typeof Duplex>[0]): Duplex & { readonly written: Buffer[] } {
  const written: Buffer[] = []
  const duplex = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      written.push(chunk)
      done()
    },
    ...options,
  })
  return Object.assign(duplex, { written })
}

describe(
  'a duplex that would end with its peer',
  settled(() => {
    /** Reads all, then answers: what a half-closed client waits for. */
    async function answers(connection: QbpConnection<typeof protocol>): Promise<Error | null> {
      let count = 0
      for await (const _ of connection.reader) count++
      await setImmediate()
      await connection.writer.writeMessage(say(`${count} came`))
      return connection.close()
    }

    /** Ends its side, and gives back what comes. */
    async function asks(socket: Duplex): Promise<string> {
      socket.end(SAY)
      let text = ''
      for await (const chunk of socket) text += String(chunk)
      return text
    }

    it('still sends the answer: a socket of an ordinary net.Server', async () => {
      let outcome: Promise<unknown> | undefined
      const front = net.createServer((socket) => {
        outcome = answers(new QbpConnection(protocol, socket, { role: 'server' }))
      })
      front.listen(0, '127.0.0.1')
      await once(front, 'listening')
      const { port } = front.address() as AddressInfo
      expect(await asks(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }))).to.contain('1 came')
      expect(await outcome).to.equal(null)
      front.close()
    })

    it('still sends the answer: attached to a server', async () => {
      const server = createServer(protocol, async (reader, writer) => {
        for await (const _ of reader);
        await writer.writeMessage(say('all of it'))
      })
      const front = net.createServer((socket) => server.attach(socket)).listen(0, '127.0.0.1')
      await once(front, 'listening')
      const { port } = front.address() as AddressInfo
      expect(await asks(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }))).to.contain('all of it')
      front.close()
      await server.close()
    })

    it('still sends the answer: a client that connected by itself', async () => {
      const front = net.createServer({ allowHalfOpen: true }, (socket) => socket.end(SAY)).listen(0, '127.0.0.1')
      await once(front, 'listening')
      const got = once(front, 'connection')
      const { port } = front.address() as AddressInfo
      const connection = new QbpConnection(protocol, net.connect(port, '127.0.0.1'), { role: 'client' })
      const [socket] = (await got) as [net.Socket]
      const received = socket.toArray()
      expect(await answers(connection)).to.equal(null)
      expect(String(Buffer.concat(await received))).to.contain('1 came')
      front.close()
    })

    it('still sends the answer: over TLS', async () => {
      const known = await certificates()
      let outcome: Promise<unknown> | undefined
      const front = tls.createServer(known.server, (socket) => {
        outcome = answers(new QbpConnection(protocol, socket, { role: 'server' }))
      })
      front.listen(0, '127.0.0.1')
      await once(front, 'listening')
      const { port } = front.address() as AddressInfo
      const options = { port, host: '127.0.0.1', ca: known.ca, allowHalfOpen: true }
      expect(await asks(tls.connect(options))).to.contain('1 came')
      expect(await outcome).to.equal(null)
      front.close()
    })

    it('still sends the answer: in memory, and a pipe of two', async () => {
      for (const make of [
        (own: Duplex) => Object.assign(own, { allowHalfOpen: false }),
        (own: Duplex) => Duplex.from({ readable: own, writable: own }),
      ]) {
        const [own, peer] = duplexPair()
        const outcome = answers(new QbpConnection(protocol, make(own), { role: 'server' }))
        expect(await asks(peer)).to.contain('1 came')
        expect(await outcome).to.equal(null)
      }
    })
  }),
)

describe(
  'bytes that are lost',
  settled(() => {
    it('are no clean end where the duplex has been ended before', async () => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      const connection = new QbpConnection(protocol, own, { role: 'server' })
      own.end()
      await setImmediate()
      connection.writer.write(say('too late'))
      const fault = await connection.closed
      expect(fault).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(fault?.message).to.contain('could not be sent')
    })

    it('are no clean end where the duplex is destroyed after the peer has ended', async () => {
      const [own, peer] = duplexPair({ highWaterMarkBytes: 1_000 })
      peer.on('error', () => {}).end()
      const connection = new QbpConnection(protocol, own, { role: 'server' })
      expect(await connection.reader.readMessage()).to.equal(null)
      connection.writer.write(say('x'.repeat(5_000)))
      await setImmediate()
      own.destroy()
      const fault = await connection.closed
      expect(fault).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(fault?.message).to.match(/^\d+ bytes could not be sent/)
    })

    it('are none where all was sent, whoever ends first', async () => {
      const [own, peer] = duplexPair()
      const connection = new QbpConnection(protocol, own, { role: 'server' })
      connection.writer.write(say('in time'))
      await setImmediate()
      peer.resume().end()
      own.end()
      expect(await connection.closed).to.equal(null)
    })
  }),
)

describe(
  'a TLS peer that is gone',
  settled(() => {
    it('leaves nothing pending: it is seen as a reset, where nothing was under way', async () => {
      const known = await certificates()
      const seen: (Error | null)[] = []
      const server = await serve({ tls: known.server }, async (_reader, _writer, connection) => {
        seen.push(await connection.closed)
      })
      const client = await connect(protocol, { port: portOf(server), host: '127.0.0.1', tls: { ca: known.ca } })
      while (server.connections.size === 0) await setTimeout(1)
      await setTimeout(20)
      client.destroy()
      expect(await client.closed).to.equal(null)
      while (seen.length === 0) await setTimeout(1)
      expect(seen[0]).to.have.property('code', 'ECONNRESET')
      await server.close()
    })

    it('leaves nothing pending where Node never calls back for a write, as its TLS sometimes does', async () => {
      const duplex = Object.assign(odd({ write() {} }), { encrypted: true })
      const connection = new QbpConnection(protocol, duplex, { role: 'server' })
      connection.writer.write(say('to nobody'))
      duplex.push(null)
      const fault = await connection.closed
      expect(fault).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(fault?.message).to.match(/^\d+ bytes could not be sent: the peer has gone/)
    }).timeout(4_000)
  }),
)

describe(
  'a duplex that emits no close',
  settled(() => {
    const kinds: [string, ConstructorParameters<typeof Duplex>[0]][] = [
      ['emitClose: false', { emitClose: false }],
      ['emitClose and autoDestroy: false', { emitClose: false, autoDestroy: false }],
      ['autoDestroy: false', { autoDestroy: false }],
    ]
    for (const [what, options] of kinds) {
      it(`is closed when both sides have ended (${what})`, async () => {
        const duplex = odd(options)
        const connection = new QbpConnection(protocol, duplex, { role: 'server' })
        connection.writer.end(say('last'))
        duplex.push(null)
        expect(await connection.closed).to.equal(null)
        expect(duplex.written).to.have.length(1)
      })

      it(`is closed by close, though the peer does not end (${what})`, async () => {
        const connection = new QbpConnection(protocol, odd(options), { role: 'server', lingerMs: 10 })
        expect(await connection.close()).to.equal(null)
      })

      it(`is closed by destroy, of either (${what})`, async () => {
        const connection = new QbpConnection(protocol, odd(options), { role: 'server' })
        connection.destroy()
        expect(await connection.closed).to.equal(null)
        const other = odd(options)
        const reading = new QbpConnection(protocol, other, { role: 'server' })
        await setImmediate()
        other.destroy()
        expect(await reading.closed).to.have.property('code', 'ERR_QBP_CLOSED')
        const late = new QbpConnection(protocol, other, { role: 'server' })
        expect(await late.close()).to.have.property('code', 'ERR_QBP_CLOSED')
      })

      it(`lets a server close (${what})`, async () => {
        const server = createServer(protocol, { lingerMs: 10 }, async (reader) => {
          for await (const _ of reader);
        })
        server.attach(odd(options))
        await server.close()
        expect(server.connections.size).to.equal(0)
      })
    }

    it('is closed though its own destruction never ends', async () => {
      const connection = new QbpConnection(protocol, odd({ destroy() {} }), { role: 'server' })
      connection.destroy()
      expect(await connection.closed).to.equal(null)
    }).timeout(4_000)

    it('is aborted after graceMs where its end is never done', async () => {
      const connection = new QbpConnection(protocol, odd({ final() {} }), { role: 'server' })
      expect(await connection.close({ graceMs: 20 })).to.have.property('code', 'ERR_QBP_CLOSED')
    })

    it('counts as having room where its write returns nothing', async () => {
      const duplex = new PassThrough()
      const { write } = duplex
      duplex.write = function (this: Duplex, ...args: Parameters<typeof write>) {
        write.apply(this as never, args)
      } as never
      const connection = new QbpConnection(protocol, duplex, { highWaterMarkBytes: 100, maxQueuedBytes: 1_000 })
      for (let n = 0; n < 50; n++) {
        connection.writer.write(say('x'.repeat(50)))
        await setImmediate()
      }
      expect(connection.writer.writableLength).to.equal(0)
      connection.destroy()
      await connection.closed
    })
  }),
)

describe(
  'the end of the peer',
  settled(() => {
    it('is heard by a side that only writes: ended, as promise and as event, and nothing is lost unheard', async () => {
      const server = await serve({}, () => {})
      const client = await connect(protocol, { port: portOf(server), host: '127.0.0.1' })
      let emitted = 0
      client.on('ended', () => emitted++)
      await client.ended
      await client.ended
      expect(emitted).to.equal(1)
      expect(client.closing).to.equal(false)
      expect(await client.close()).to.equal(null)
      expect(emitted).to.equal(1)
      await server.close()
    })

    it('ends this side after halfOpenTimeoutMs, with what was written sent', async () => {
      const [own, peer] = duplexPair()
      const connection = new QbpConnection(protocol, own, { role: 'client', halfOpenTimeoutMs: 20 })
      peer.end(SAY)
      await connection.ended
      connection.writer.write(say('last'))
      const received = peer.toArray()
      expect(await connection.closed).to.equal(null)
      expect(String(Buffer.concat(await received))).to.contain('last')
      expect(await connection.reader.readMessage()).to.include({ text: 'hi' }) // What came before is not lost.
      expect(await connection.reader.readMessage()).to.equal(null)
    })

    it('ends nothing by itself else', async () => {
      const [own, peer] = duplexPair()
      const connection = new QbpConnection(protocol, own, { role: 'client' })
      peer.end()
      await connection.ended
      await setTimeout(30)
      expect(connection.closing).to.equal(false)
      peer.resume()
      await connection.close()
    })

    it('is also that the connection is over, however', async () => {
      const ways: ((connection: QbpConnection<typeof protocol>, peer: Duplex) => unknown)[] = [
        (connection) => connection.destroy(),
        (connection) => connection.destroy(new Error('enough')),
        (connection) => connection.detach().then((duplex) => duplex.destroy()),
        (_, peer) => peer.destroy(),
        (connection) => connection.socket.destroy(),
        (connection, peer) => {
          peer.resume().end()
          return connection.close()
        },
      ]
      for (const [index, way] of ways.entries()) {
        const [own, peer] = duplexPair()
        peer.on('error', () => {})
        const connection = new QbpConnection(protocol, own, { role: 'client' })
        let emitted = 0
        connection.on('ended', () => emitted++)
        await way(connection, peer)
        await connection.ended
        await connection.closed
        await setImmediate()
        expect(emitted, `${index}`).to.equal(1)
        peer.destroy()
      }
      const [gone, left] = duplexPair()
      left.on('error', () => {})
      gone.destroy()
      await new QbpConnection(protocol, gone).ended
    })
  }),
)

describe(
  'graceMs',
  settled(() => {
    it('bounds all of a close: the wait for a peer that does not end, too', async () => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      const connection = new QbpConnection(protocol, own, { role: 'server', lingerMs: 60_000 })
      expect(await connection.close({ graceMs: 20 })).to.equal(null)
    })

    it('is the shortest that was said, where a close has begun', async () => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      const connection = new QbpConnection(protocol, own, { role: 'server', lingerMs: 60_000 })
      const first = connection.close({ graceMs: 60_000 })
      void connection.close({ graceMs: 20 })
      expect(await first).to.equal(null)
    })

    it('is the same on a server, which waits for a second call with a shorter one', async () => {
      const server = createServer(protocol, () => new Promise(() => {}))
      const [own, peer] = duplexPair()
      peer.on('error', () => {})
      server.attach(own)
      const first = server.close({ graceMs: 60_000 })
      await server.close({ graceMs: 20 })
      await first
    })
  }),
)
