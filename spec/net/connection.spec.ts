import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, pipeline } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import tls from 'node:tls'
import { expect } from 'chai'
import { type ConnectionOptions, connect, QbpConnection } from '../../lib/index.ts'
import { readerPort } from '../../lib/streams/ports.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { type Certificates, certificates } from '../support/certificates.ts'
import { conversation, hex, protocol, vectors } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

const SAY = hex('0003 0000000a 0a0468616c6c 12026869')
const say = (text: string) => ({ $name: 'Say' as const, text })

/** A connection in memory, and the bare other end. */
function bare(options: ConnectionOptions = {}): { connection: QbpConnection<typeof protocol>; peer: Duplex } {
  const [own, peer] = duplexPair()
  return { connection: new QbpConnection(protocol, own, { role: 'server', ...options }), peer }
}

/** Two connections over TCP, the server's side first. */
async function overTcp(options: ConnectionOptions = {}) {
  let got: (connection: QbpConnection<typeof protocol, 'server'>) => void = () => {}
  const here = new Promise<QbpConnection<typeof protocol, 'server'>>((resolve) => {
    got = resolve
  })
  const over = new AbortController()
  const server = await serve(options, async (_, __, connection) => {
    got(connection)
    await Promise.race([once(over.signal, 'abort'), connection.closed])
  })
  server.on('clientError', () => {})
  const there = await connect(protocol, { ...options, port: portOf(server), host: '127.0.0.1' })
  return {
    here: await here,
    there,
    async [Symbol.asyncDispose]() {
      over.abort()
      there.destroy()
      await server.close({ graceMs: 500 })
    },
  }
}

describe('QbpConnection', () => {
  describe(
    'ends',
    settled(() => {
      it('cleanly: null for the reader and in closed', async () => {
        const { client, server } = connectionPair(protocol)
        client.writer.write(say('last'))
        const closing = client.close()
        expect(await server.reader.readMessage()).to.include({ text: 'last' })
        expect(await server.reader.readMessage()).to.equal(null)
        expect(server.closing).to.equal(false)
        await server.close()
        expect(await closing).to.equal(null)
        expect(await server.closed).to.equal(null)
      })

      it('truncated, right after a header too: ERR_QBP_TRUNCATED after the last whole message, and in closed', async () => {
        for (const length of [1, 6, 9]) {
          const { connection, peer } = bare()
          peer.end(Buffer.concat([SAY, SAY.subarray(0, length)]))
          expect(await connection.reader.readMessage()).to.include({ text: 'hi' })
          expect(await rejection(connection.reader.readMessage())).to.have.property('code', 'ERR_QBP_TRUNCATED')
          await connection.close()
          expect(await connection.closed).to.have.property('code', 'ERR_QBP_TRUNCATED')
        }
      })

      it("by an abort: the socket's own error, after every message whose bytes had come", async () => {
        await using pair = await overTcp()
        const { here, there } = pair
        for (let n = 0; n < 5; n++) await there.writer.writeMessage(say(`${n}`))
        // The bytes have reached the reader before the reset does.
        while (here.reader[readerPort].frames.pending === 0) await setTimeout(1)
        there.destroy()
        await here.closed
        for (let n = 0; n < 5; n++) expect(await here.reader.readMessage()).to.include({ text: `${n}` })
        expect(await rejection(here.reader.readMessage())).to.have.property('code', 'ECONNRESET')
        expect(await rejection(here.writer.writeMessage(say('')))).to.have.property('code', 'ECONNRESET')
        expect(await here.closed).to.have.property('code', 'ECONNRESET')
        expect(await there.closed).to.equal(null)
      })

      it('by destroy with an error, which everybody on this side gets', async () => {
        const { connection, peer } = bare({ highWaterMarkBytes: 10 })
        peer.on('error', () => {})
        const reason = new Error('enough')
        const waiting = [
          rejection(connection.reader.readMessage()),
          rejection(connection.writer.writeMessage(say('to nobody'))),
        ]
        connection.destroy(reason)
        connection.destroy(new Error('more'))
        expect(await Promise.all([...waiting.slice(0, 1), connection.closed])).to.deep.equal([reason, reason])
        expect(connection.closing).to.equal(true)
      })

      it('where the duplex is closed under it, or was before: ERR_QBP_CLOSED', async () => {
        const { connection, peer } = bare()
        peer.on('error', () => {})
        const waiting = rejection(connection.reader.readMessage())
        connection.socket.destroy()
        expect(await waiting).to.have.property('code', 'ERR_QBP_CLOSED')
        expect(await connection.closed).to.have.property('code', 'ERR_QBP_CLOSED')
        const [gone, left] = duplexPair()
        left.on('error', () => {})
        gone.destroy()
        await once(gone, 'close')
        const late = new QbpConnection(protocol, gone)
        expect(await late.closed).to.have.property('code', 'ERR_QBP_CLOSED')
      })

      it('by `await using`, with what was written sent', async () => {
        const { client, server } = connectionPair(protocol)
        {
          await using connection = client
          connection.writer.write(say('last'))
          void server.close()
        }
        expect(client.socket.destroyed).to.equal(true)
      })

      it('all the same where the reader is destroyed, or its bytes are no frames and nobody closes', async () => {
        const { connection, peer } = bare()
        connection.reader.destroy()
        peer.end(SAY)
        peer.resume()
        expect(await connection.close()).to.equal(null)

        const other = bare({ lingerMs: 20 })
        other.peer.on('error', () => {})
        other.peer.resume()
        other.connection.reader.on('data', () => {})
        other.peer.write(hex('0063 00000000'))
        expect(await other.connection.closed).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
      })

      it('where the writer is destroyed: by an end, or with its error by an abort', async () => {
        const { client, server } = connectionPair(protocol)
        client.writer.write(say('lost'))
        client.writer.destroy()
        expect(await server.reader.readMessage()).to.equal(null)
        expect(await Promise.all([client.close(), server.close()])).to.deep.equal([null, null])

        const pair = connectionPair(protocol)
        const fault = new Promise((resolve) =>
          pipeline([say('first'), { $name: 'Shout' }], pair.client.writer, resolve),
        )
        expect(await fault).to.have.property('code', 'ERR_QBP_INVALID_MESSAGE')
        expect(await pair.client.closed).to.have.property('code', 'ERR_QBP_INVALID_MESSAGE')
        expect(await pair.server.closed).to.have.property('code', 'ECONNRESET')
      })

      it('after a fault of the reader only when this side has said what was wrong', async () => {
        const { connection, peer } = bare()
        peer.write(hex('0063 00000000'))
        expect(await rejection(connection.reader.readMessage())).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
        await connection.writer.writeMessage({ $name: 'Refused', text: 'what?' })
        const reported = once(peer, 'data')
        void connection.close()
        expect(String((await reported)[0])).to.contain('what?')
        peer.end()
      })
    }),
  )

  describe(
    'close',
    settled(() => {
      it('sends all, then reads and drops until the peer ends', async () => {
        const { connection, peer } = bare({ lingerMs: 60_000 })
        for (let n = 0; n < 1_000; n++) connection.writer.write(say('x'.repeat(1_000)))
        const closing = connection.close()
        let bytes = 0
        peer.on('data', (chunk) => {
          bytes += chunk.length
        })
        await once(peer, 'end')
        expect(bytes).to.equal(1_000 * (1_000 + 9))
        for (let n = 0; n < 50; n++) peer.write(Buffer.alloc(65_536))
        await setImmediate()
        expect(connection.socket.destroyed).to.equal(false)
        peer.end()
        expect(await closing).to.equal(null)
      })

      it('waits for the end no longer than lingerMs', async () => {
        const { connection, peer } = bare({ lingerMs: 10 })
        peer.on('error', () => {})
        peer.resume()
        expect(await connection.close()).to.equal(null)
      })

      it('aborts a peer that takes nothing after graceMs, and says so', async () => {
        await using pair = await overTcp()
        const { here, there } = pair
        there.socket.pause()
        while (here.stats().queuedBytes < 2 ** 20) {
          if (!here.writer.write(say('x'.repeat(100_000)))) await setTimeout(1)
        }
        const outcome = await here.close({ graceMs: 10 })
        expect(outcome).to.have.property('code', 'ERR_QBP_CLOSED')
        expect(outcome?.message).to.match(/^\d+ bytes could not be sent within 10 ms/)
      })

      it('is one, however often it is called, and refuses what is written later', async () => {
        const { client, server } = connectionPair(protocol)
        const both = [client.close(), client.close()]
        expect(await rejection(client.writer.writeMessage(say('')))).to.have.property('code', 'ERR_QBP_CLOSED')
        expect(client.writer.write(say(''))).to.equal(false)
        void server.close()
        expect(await Promise.all(both)).to.deep.equal([null, null])
        expect(await client.close()).to.equal(null)
      })

      it('resolves a reading call that waits with null', async () => {
        const { client, server } = connectionPair(protocol)
        const waiting = client.reader.readMessage()
        void client.close()
        expect(await waiting).to.equal(null)
        await server.close()
      })
    }),
  )

  describe(
    'deadlines',
    settled(() => {
      it('end a frame that takes longer than frameTimeoutMs, also of a single chunk or byte by byte', async () => {
        for (const slow of [false, true]) {
          const { connection, peer } = bare({ frameTimeoutMs: 40 })
          peer.on('error', () => {})
          peer.write(SAY)
          expect(await connection.reader.readMessage()).to.include({ text: 'hi' })
          const reading = rejection(connection.reader.readMessage())
          const dripping = slow ? setInterval(() => peer.writable && peer.write(Buffer.of(0)), 9) : undefined
          peer.write(hex('0003 0000ffff 0a'))
          const fault = await reading
          clearInterval(dripping)
          expect(fault).to.include({ code: 'ERR_QBP_FRAME_TIMEOUT', frame: 1, limit: 40 })
          expect(await connection.closed).to.equal(fault)
        }
      })

      it('stand still while nobody here reads', async () => {
        const { connection, peer } = bare({ frameTimeoutMs: 16, idleTimeoutMs: 16 })
        peer.write(Buffer.alloc(200_000)) // More than this side takes unread: what follows is held back.
        peer.write(SAY.subarray(0, 8))
        await setTimeout(80)
        expect(connection.closing).to.equal(false)
        connection.destroy()
        peer.on('error', () => {})
        await connection.closed
      })

      it('let a busy stream of many frames be', async () => {
        const { client, server } = connectionPair(protocol, { frameTimeoutMs: 24, sliceBytes: 7 })
        const writing = (async () => {
          for (let n = 0; n < 60; n++) {
            await client.writer.writeMessage(say('x'.repeat(50)))
            await setTimeout(1)
          }
          return client.close()
        })()
        let count = 0
        for await (const _ of server.reader) count++
        expect(count).to.equal(60)
        await server.close()
        expect(await writing).to.equal(null)
      })

      it('end a peer that is silent for idleTimeoutMs, but none that has ended its side', async () => {
        const { connection, peer } = bare({ idleTimeoutMs: 20 })
        peer.on('error', () => {})
        expect(await connection.closed).to.have.property('code', 'ERR_QBP_IDLE_TIMEOUT')
        const ended = bare({ idleTimeoutMs: 20 })
        ended.peer.end()
        expect(await ended.connection.reader.readMessage()).to.equal(null)
        await setTimeout(60)
        expect(ended.connection.closing).to.equal(false)
        ended.peer.resume()
        await ended.connection.close()
        const unread = bare({ idleTimeoutMs: 20 })
        unread.peer.resume().end()
        await setTimeout(60)
        expect(unread.connection.closing).to.equal(false)
        await unread.connection.close()
      })

      const heartbeat = { message: { $name: 'Leave' as const }, intervalMs: 15, timeoutMs: 30 }

      it('ask a silent peer by the heartbeat, and destroy it if it does not answer', async () => {
        const { connection, peer } = bare({ heartbeat })
        peer.on('error', () => {})
        const asked = once(peer, 'data')
        expect((await asked)[0].toString('hex')).to.equal('000200000000')
        peer.resume()
        const outcome = await connection.closed
        expect(outcome).to.include({ code: 'ERR_QBP_HEARTBEAT_TIMEOUT', limit: 30 })
      })

      it('keep a peer that answers the heartbeat, by whatever', async () => {
        const { connection, peer } = bare({ heartbeat: { ...heartbeat, timeoutMs: 2_000 } })
        let asked = 0
        const answered = new Promise<void>((resolve) => {
          peer.on('data', () => {
            if (++asked === 5) resolve()
            peer.write(SAY)
          })
        })
        connection.reader.resume()
        await answered
        expect(connection.closing).to.equal(false)
        peer.end()
        await connection.close()
      })

      it('refuse a heartbeat that cannot be sent', () => {
        const [duplex] = duplexPair()
        for (const bad of [
          { message: { $name: 'Shout' }, intervalMs: 5 },
          { message: { $name: 'Say' }, intervalMs: 0 },
          { message: { $name: 'Say' } },
        ]) {
          expect(() => new QbpConnection(protocol, duplex, { heartbeat: bad as never }), JSON.stringify(bad))
            .to.throw()
            .with.property('code', 'ERR_QBP_BAD_OPTION')
        }
      })
    }),
  )

  describe(
    'startTls',
    settled(() => {
      let known: Certificates
      before(async () => {
        known = await certificates()
      })

      it('sends first what was written, and keeps reader and writer', async () => {
        await using pair = await overTcp()
        const { here, there } = pair
        const { reader, writer } = there
        // More than the system takes at once, so that some of it still waits in the socket.
        for (let n = 0; n < 150; n++) writer.write(say(`${n}${'x'.repeat(100_000)}`))
        const secured = there.startTls({ ca: known.ca, servername: 'localhost' })
        await setTimeout(20)
        for (let n = 0; n < 150; n++)
          expect((await here.reader.readMessage()) as { text: string })
            .to.have.property('text')
            .with.length(100_000 + `${n}`.length)
        await Promise.all([secured, here.startTls(known.server)])
        expect(there.socket).to.be.instanceOf(tls.TLSSocket)
        expect(there.reader === reader && there.writer === writer).to.equal(true)
        expect(there.peerCertificate?.subject.CN).to.equal('server')
        for (const { message } of vectors) await writer.writeMessage(message)
        for (const { message } of vectors) expect(await here.reader.readMessage()).to.deep.include(message)
        await Promise.all([there.close(), here.close()])
        expect([await there.closed, await here.closed]).to.deep.equal([null, null])
      })

      it('gives TLS the bytes that came along with the request, whole or in single bytes', async () => {
        for (const options of [{}, { latencyMs: 1 }, { sliceBytes: 1 }]) {
          const { client, server } = connectionPair(protocol, options)
          client.writer.write({ $name: 'Leave' })
          const secured = client.startTls({ ca: known.ca, servername: 'localhost' })
          expect(await server.reader.readMessage()).to.include({ $name: 'Leave' })
          await setTimeout(10) // By now the peer's first TLS bytes are in the reader.
          await Promise.all([secured, server.startTls(known.server)])
          client.writer.write(say('in private'))
          expect(await server.reader.readMessage()).to.include({ text: 'in private' })
          await Promise.all([client.close(), server.close()])
        }
      })

      it('never hands out plaintext injected after the request', async () => {
        const { connection, peer } = bare()
        peer.on('error', () => {})
        peer.write(Buffer.concat([hex('0002 00000000'), SAY]))
        expect(await connection.reader.readMessage()).to.include({ $name: 'Leave' })
        const fault = await rejection(connection.startTls(known.server))
        expect(fault).to.have.property('code', 'ERR_QBP_TLS')
        expect(await rejection(connection.reader.readMessage())).to.equal(fault)
        expect(await connection.closed).to.equal(fault)
      })

      it('is ERR_QBP_BUSY while somebody reads, or twice at once', async () => {
        const { connection, peer } = bare()
        const reading = connection.reader.readMessage()
        expect(await rejection(connection.startTls(known.server))).to.have.property('code', 'ERR_QBP_BUSY')
        peer.write(SAY)
        await reading
        const first = rejection(connection.startTls(known.server))
        expect(await rejection(connection.startTls(known.server))).to.have.property('code', 'ERR_QBP_BUSY')
        peer.on('error', () => {})
        connection.destroy()
        expect(await first).to.be.instanceOf(Error)
      })

      it('ends with ERR_QBP_HANDSHAKE_TIMEOUT where the peer says nothing', async () => {
        const { connection, peer } = bare({ handshakeTimeoutMs: 20 })
        peer.on('error', () => {})
        expect(await rejection(connection.startTls(known.server))).to.have.property('code', 'ERR_QBP_HANDSHAKE_TIMEOUT')
        expect(await connection.closed).to.have.property('code', 'ERR_QBP_HANDSHAKE_TIMEOUT')
      })

      it('needs a role', async () => {
        const [duplex, peer] = duplexPair()
        peer.on('error', () => {})
        const connection = new QbpConnection(protocol, duplex)
        expect(await rejection(connection.startTls())).to.have.property('code', 'ERR_QBP_BAD_OPTION')
        connection.destroy()
      })
    }),
  )

  describe(
    'detach',
    settled(() => {
      it('gives the duplex back with every byte after the last message, wherever it stood', async () => {
        for (let taken = 0; taken <= vectors.length; taken++) {
          for (const size of [1, 5, 1_000]) {
            const { connection, peer } = bare()
            for (let at = 0; at < conversation.length; at += size) peer.write(conversation.subarray(at, at + size))
            peer.write('and another language')
            for (let n = 0; n < taken; n++) await connection.reader.readMessage()
            connection.writer.write({ $name: 'Leave' })
            const duplex = await connection.detach()
            const rest = Buffer.concat(vectors.slice(taken).map(({ wire }) => hex(wire)))
            const expected = `${rest.toString('latin1')}and another language`
            let found = ''
            while (found.length < expected.length) {
              const chunk = duplex.read()
              if (chunk === null) await once(duplex, 'readable')
              else found += chunk.toString('latin1')
            }
            expect(found).to.equal(expected)
            expect(peer.read().toString('hex')).to.equal('000200000000')
            expect(await connection.closed).to.equal(null)
            expect(await connection.reader.readMessage()).to.equal(null)
            duplex.write('still open')
            expect(String(peer.read())).to.equal('still open')
            peer.on('error', () => {})
            duplex.destroy()
          }
        }
      })

      it('works where the peer has ended its side', async () => {
        const { connection, peer } = bare()
        peer.end(Buffer.concat([SAY, SAY.subarray(0, 9)]))
        await connection.reader.readMessage()
        await setTimeout(2)
        const duplex = await connection.detach()
        let rest = ''
        for await (const chunk of duplex) rest += chunk.toString('hex')
        expect(rest).to.equal(SAY.subarray(0, 9).toString('hex'))
        expect(await connection.closed).to.equal(null)
      })

      it('is over for the connection: reading ends, writing is refused', async () => {
        const { connection } = bare()
        const duplex = await connection.detach()
        expect(await rejection(connection.writer.writeMessage(say('')))).to.have.property('code', 'ERR_QBP_CLOSED')
        expect(await rejection(connection.detach())).to.have.property('code', 'ERR_QBP_CLOSED')
        connection.destroy()
        expect(duplex.destroyed).to.equal(false)
      })
    }),
  )

  describe(
    'anything with bytes serves',
    settled(() => {
      it('files', async () => {
        const folder = mkdtempSync(join(tmpdir(), 'qbp-'))
        const [source, target] = [join(folder, 'in'), join(folder, 'out')]
        writeFileSync(source, conversation)
        const duplex = Duplex.from({
          readable: createReadStream(source, { highWaterMark: 7 }),
          writable: createWriteStream(target),
        })
        const connection = new QbpConnection(protocol, duplex)
        for await (const message of connection.reader) await connection.writer.writeMessage(message)
        expect(await connection.close()).to.equal(null)
        expect(readFileSync(target).toString('hex')).to.equal(conversation.toString('hex'))
        rmSync(folder, { recursive: true })
      })

      it('the standard input and output of a child', async () => {
        const child = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)'], {
          stdio: ['pipe', 'pipe', 'inherit'],
        })
        const connection = new QbpConnection(protocol, Duplex.from({ readable: child.stdout, writable: child.stdin }))
        for (const { message } of vectors) connection.writer.write(message)
        for (const { message } of vectors) expect(await connection.reader.readMessage()).to.deep.include(message)
        connection.writer.end()
        expect(await connection.reader.readMessage()).to.equal(null)
        expect(await connection.close()).to.equal(null)
        if (child.exitCode === null) await once(child, 'exit')
      })
    }),
  )
})
