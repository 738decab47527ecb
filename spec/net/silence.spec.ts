import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { type ConnectionOptions, connect, QbpConnection } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { certificates } from '../support/certificates.ts'
import { hex, protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { stall } from '../support/stall.ts'
import { portOf, serve } from '../support/transports.ts'

const SAY = hex('0003 0000000a 0a0468616c6c 12026869')
const say = (text: string) => ({ $name: 'Say' as const, text })

/** A peer in a process of its own, which our stalls do not stop: connects, and runs a script with `socket` at hand. */
async function peer(script: string, options: ConnectionOptions) {
  const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const child: ChildProcess = spawn(process.execPath, [
    '-e',
    `const socket = require('net').connect(${port}, '127.0.0.1').on('error', () => {}); ${script}`,
  ])
  const [socket] = (await once(server, 'connection')) as [net.Socket]
  const connection = new QbpConnection(protocol, socket, { role: 'server', ...options })
  return {
    connection,
    async [Symbol.asyncDispose]() {
      connection.destroy()
      await connection.closed
      server.close()
      if (child.exitCode === null) {
        child.kill('SIGKILL')
        await once(child, 'close')
      }
    },
  }
}

const STEADY = `setInterval(() => socket.write(Buffer.from('000200000000', 'hex')), 20)`
const ANSWERS = `socket.on('data', () => socket.write(Buffer.from('000200000000', 'hex')))`
const heartbeat = { message: { $name: 'Leave' as const }, intervalMs: 60, timeoutMs: 100 }

describe(
  'a stall of our own event loop',
  settled(() => {
    const live: [what: string, script: string, options: ConnectionOptions][] = [
      ['idleTimeoutMs', STEADY, { idleTimeoutMs: 100 }],
      ['the heartbeat of a peer that speaks', STEADY, { heartbeat }],
      ['the heartbeat of a peer that answers', ANSWERS, { heartbeat }],
      ['frameTimeoutMs', `socket.write(Buffer.from('0003ffffff', 'hex')); ${STEADY}`, { frameTimeoutMs: 100 }],
    ]
    for (const [what, script, options] of live) {
      it(`is no silence of the peer, to ${what}`, async () => {
        await using pair = await peer(script, { maxBodyBytes: 2 ** 32, minFrameBytesPerSecond: 1, ...options })
        const { connection } = pair
        connection.reader.resume()
        await setTimeout(200)
        for (let n = 0; n < 3; n++) {
          stall(300)
          await setTimeout(30)
          expect(connection.closing).to.equal(false)
        }
      })
    }

    it('lets no peer that is silent live on', async () => {
      for (const options of [{ idleTimeoutMs: 50 }, { heartbeat: { ...heartbeat, intervalMs: 30, timeoutMs: 30 } }]) {
        await using pair = await peer('socket.resume()', options)
        pair.connection.reader.resume()
        stall(100)
        expect((await pair.connection.closed) as { code?: string })
          .to.have.property('code')
          .that.matches(/TIMEOUT/)
      }
    })

    it('breaks off no connect and no handshake that goes on', async () => {
      const known = await certificates()
      const server = await serve({ tls: known.server }, async (reader) => {
        for await (const _ of reader);
      })
      const faults: unknown[] = []
      server.on('clientError', (error) => faults.push(error))
      const connecting = connect(protocol, {
        port: portOf(server),
        host: '127.0.0.1',
        tls: { ca: known.ca },
        connectTimeoutMs: 150,
      })
      stall(400)
      await using client = await connecting
      expect(client.closing).to.equal(false)
      await client.close()
      await server.close()
      expect(faults).to.deep.equal([])
    })

    it('breaks off no handshake of startTls, nor one that a server waits for', async () => {
      const known = await certificates()
      const [left, right] = duplexPair()
      const client = new QbpConnection(protocol, left, { role: 'client', handshakeTimeoutMs: 150 })
      const server = new QbpConnection(protocol, right, { role: 'server', handshakeTimeoutMs: 150 })
      const both = [client.startTls({ ca: known.ca, servername: 'localhost' }), server.startTls(known.server)]
      stall(400)
      await Promise.all(both)
      await Promise.all([client.close(), server.close()])

      const listening = await serve({ tls: known.server, handshakeTimeoutMs: 150 }, async (reader) => {
        for await (const _ of reader);
      })
      const faults: unknown[] = []
      listening.on('clientError', (error) => faults.push(error))
      const raw = net.connect(portOf(listening), '127.0.0.1')
      await once(raw, 'connect')
      await setTimeout(20)
      stall(300)
      const late = await connect(protocol, { port: portOf(listening), host: '127.0.0.1', tls: { ca: known.ca } })
      expect(faults).to.deep.equal([])
      await late.close()
      await once(raw.resume(), 'close')
      expect(faults).to.have.length(1)
      expect(faults[0]).to.include({ code: 'ERR_QBP_HANDSHAKE_TIMEOUT', limit: 150 })
      await listening.close()
    })
  }),
)

describe(
  'bytes of ours that a peer takes',
  settled(() => {
    const slow: [what: string, ConnectionOptions, string][] = [
      ['idleTimeoutMs', { idleTimeoutMs: 800 }, 'ERR_QBP_IDLE_TIMEOUT'],
      ['the heartbeat', { heartbeat: { ...heartbeat, intervalMs: 400, timeoutMs: 400 } }, 'ERR_QBP_HEARTBEAT_TIMEOUT'],
      ['stallTimeoutMs', { stallTimeoutMs: 800 }, 'ERR_QBP_STALL_TIMEOUT'],
    ]
    for (const [what, options, code] of slow) {
      for (const messages of [1, 20]) {
        it(`are no silence, to ${what}, in ${messages} messages; it is dead when it takes no more`, async () => {
          const size = 2_000_000
          const [own, other] = duplexPair()
          const limits = { maxBodyBytes: 2 * size, maxQueuedBytes: 4 * size }
          const connection = new QbpConnection(protocol, own, { role: 'server', ...limits, ...options })
          for (let n = 0; n < messages; n++) connection.writer.write(say('x'.repeat(size / messages)))
          let taken = 0
          while (taken < size / 2) {
            await setTimeout(25)
            taken += other.read()?.length ?? 0
            expect(connection.closing, `${taken}`).to.equal(false)
          }
          other.on('error', () => {})
          expect(await connection.closed).to.have.property('code', code)
        })
      }
    }

    it('are no silence over TCP, though of one message the socket calls back for the whole alone', async () => {
      const script = `socket.pause(); setInterval(() => socket.read(), 10)`
      await using pair = await peer(script, { maxBodyBytes: 2 ** 28, maxQueuedBytes: 2 ** 29, stallTimeoutMs: 2_000 })
      const { connection } = pair
      const written = connection.writer.writeMessage(say('x'.repeat(30_000_000)))
      await Promise.race([written, connection.closed.then((fault) => Promise.reject(fault))])
    })

    it('end a peer that has ended its side and takes nothing, by stallTimeoutMs', async () => {
      const [own, other] = duplexPair()
      const connection = new QbpConnection(protocol, own, { role: 'server', stallTimeoutMs: 60 })
      other.on('error', () => {}).end()
      while (connection.writer.write(say('x'.repeat(10_000)))) await setTimeout(1)
      expect(await connection.closed).to.have.property('code', 'ERR_QBP_STALL_TIMEOUT')
    })

    it('end one that sends, and never reads', async () => {
      const [own, other] = duplexPair()
      const connection = new QbpConnection(protocol, own, { role: 'server', stallTimeoutMs: 100, idleTimeoutMs: 100 })
      connection.reader.resume()
      other.on('error', () => {})
      const speaking = setInterval(() => other.writable && other.write(SAY), 10)
      while (connection.writer.write(say('x'.repeat(10_000)))) await setTimeout(1)
      expect(await connection.closed).to.have.property('code', 'ERR_QBP_STALL_TIMEOUT')
      clearInterval(speaking)
    })

    it('are sent the heartbeat once there is room, and then it must be answered', async () => {
      const [own, other] = duplexPair({ highWaterMarkBytes: 1_000 })
      const options = { heartbeat: { ...heartbeat, intervalMs: 40, timeoutMs: 200 }, highWaterMarkBytes: 1_000 }
      const connection = new QbpConnection(protocol, own, { role: 'server', ...options })
      connection.writer.write(say('x'.repeat(5_000)))
      await setTimeout(100)
      let received = ''
      other.on('data', (chunk: Buffer) => {
        received += chunk.toString('hex')
      })
      while (!received.endsWith('000200000000')) await setTimeout(1)
      other.on('error', () => {})
      const fault = await connection.closed
      expect(fault).to.have.property('code', 'ERR_QBP_HEARTBEAT_TIMEOUT')
      expect(fault?.message).to.contain('did not answer')
    })
  }),
)

describe(
  'frameTimeoutMs',
  settled(() => {
    /** Sends a frame's header, then so many bytes each 10 ms. */
    async function drip(bytes: number, options: ConnectionOptions): Promise<unknown> {
      const [own, other] = duplexPair({ highWaterMarkBytes: 2 ** 20 })
      const connection = new QbpConnection(protocol, own, { role: 'server', maxBodyBytes: 2 ** 30, ...options })
      other.on('error', () => {})
      const reading = connection.reader.readMessage()
      const length = 50 * bytes
      other.write(Buffer.concat([hex('0003'), Buffer.from(length.toString(16).padStart(8, '0'), 'hex')]))
      const dripping = setInterval(() => other.writable && other.write(Buffer.alloc(bytes)), 10)
      const outcome = await Promise.race([rejection(reading), connection.closed])
      clearInterval(dripping)
      connection.destroy()
      await connection.closed
      return (outcome as { code?: string }).code
    }

    it('lets a frame come on that comes steadily, however long it takes', async () => {
      expect(await drip(1_000, { frameTimeoutMs: 100 })).to.equal('ERR_QBP_INVALID_BODY') // It came whole: zeros are no fields.
    })

    it('ends one that comes slower than minFrameBytesPerSecond, and any where that is Infinity', async () => {
      expect(await drip(1, { frameTimeoutMs: 100 })).to.equal('ERR_QBP_FRAME_TIMEOUT')
      expect(await drip(100, { frameTimeoutMs: 100, minFrameBytesPerSecond: 100_000 })).to.equal(
        'ERR_QBP_FRAME_TIMEOUT',
      )
      expect(await drip(1_000, { frameTimeoutMs: 100, minFrameBytesPerSecond: Number.POSITIVE_INFINITY })).to.equal(
        'ERR_QBP_FRAME_TIMEOUT',
      )
    })

    it('ends one that came fast and stops', async () => {
      const [own, other] = duplexPair({ highWaterMarkBytes: 2 ** 20 })
      const connection = new QbpConnection(protocol, own, { role: 'server', frameTimeoutMs: 60 })
      other.on('error', () => {})
      const reading = rejection(connection.reader.readMessage())
      other.write(Buffer.concat([hex('0003 000fffff'), Buffer.alloc(500_000)]))
      expect(await reading).to.include({ code: 'ERR_QBP_FRAME_TIMEOUT', frame: 0, size: 500_006, limit: 60 })
    })
  }),
)
