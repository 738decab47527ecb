import { once } from 'node:events'
import net from 'node:net'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { connect, createServer, type Handler, type QbpConnection, type ServerOptions } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { hex, protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

type P = typeof protocol
const say = (text: string) => ({ $name: 'Say' as const, text })
const echo: Handler<P> = async (reader, writer) => {
  for await (const message of reader) await writer.writeMessage(message)
}
const to = (server: Parameters<typeof portOf>[0]) => ({ port: portOf(server), host: '127.0.0.1' })

describe('QbpServer', () => {
  describe(
    'close',
    settled(() => {
      it('resolves before it ever listened, and is one however often', async () => {
        const server = createServer(protocol, echo)
        let closed = 0
        server.on('close', () => closed++)
        await Promise.all([server.close(), server.close()])
        await server.close()
        expect(closed).to.equal(1)
        expect(() => server.listen(0))
          .to.throw()
          .with.property('code', 'ERR_QBP_CLOSED')
      })

      it('stops listening, also where a name is still looked up', async () => {
        const server = createServer(protocol, echo).listen(0, 'localhost')
        await server.close()
        await setTimeout(10)
        expect(server.listening).to.equal(false)
        expect(server.address()).to.equal(null)
      })

      it('ends readers after what has come, lets handlers finish, and sends what they write', async () => {
        let handling = () => {}
        const began = new Promise<void>((resolve) => {
          handling = resolve
        })
        const server = await serve({}, async (reader, writer) => {
          let count = 0
          for await (const _ of reader) {
            count++
            handling()
            await setTimeout(1)
          }
          await setTimeout(20)
          await writer.writeMessage(say(`${count}`))
        })
        const client = await connect(protocol, to(server))
        for (let n = 0; n < 20; n++) client.writer.write(say('x'))
        await began
        const closing = server.close()
        expect(await client.reader.readMessage()).to.include({ text: '20' })
        expect(await client.reader.readMessage()).to.equal(null)
        await client.close()
        await closing
      })

      it('waits for a handler whose client has gone, up to graceMs', async () => {
        let finished = false
        const server = await serve({}, async (reader) => {
          await reader.readMessage().catch(() => {})
          await setTimeout(30)
          finished = true
        })
        const client = await connect(protocol, to(server))
        await setTimeout(5)
        client.destroy()
        await client.closed
        await server.close()
        expect(finished).to.equal(true)
      })

      it('destroys what remains after graceMs, and resolves', async () => {
        const never = new AbortController()
        const server = await serve({}, () => once(never.signal, 'abort'))
        const client = await connect(protocol, to(server))
        const reading = rejection(client.reader.readMessage())
        await server.close({ graceMs: 10 })
        expect(await reading).to.have.property('code', 'ECONNRESET')
        expect(server.connections.size).to.equal(0)
        never.abort()
      })

      it('counts connections that are accepted while it runs', async () => {
        const server = createServer(protocol, async (reader, writer) => {
          const first = await reader.readMessage()
          await setTimeout(10)
          await writer.writeMessage(say(first === null ? 'ended' : 'read'))
        })
        const [early, near] = duplexPair()
        server.attach(early)
        const closing = server.close()
        const [late, far] = duplexPair()
        const connection = server.attach(late)
        let done = false
        void closing.then(() => {
          done = true
        })
        near.resume().end()
        const [chunk] = await once(far, 'data')
        expect(String(chunk)).to.contain('ended')
        expect(done).to.equal(false)
        far.end()
        await closing
        expect(await connection.closed).to.equal(null)
      })

      it('does not wait for sockets that a handler has detached, or that never finished their handshake', async () => {
        let detached: net.Socket | undefined
        const server = await serve({}, async (_, __, connection) => {
          detached = (await connection.detach()) as net.Socket
        })
        const client = net.connect(portOf(server), '127.0.0.1').on('error', () => {})
        while (detached === undefined) await setTimeout(1)
        await server.close()
        client.destroy()
        detached.destroy()

        const { certificates } = await import('../support/certificates.ts')
        const secure = await serve({ tls: (await certificates()).server }, echo)
        secure.on('clientError', () => {})
        const silent = net.connect(portOf(secure), '127.0.0.1').on('error', () => {})
        await once(silent, 'connect')
        await setTimeout(5)
        await secure.close()
        if (!silent.destroyed) await once(silent.resume(), 'close')
      })

      describe('inside a handler', () => {
        const ways: Record<string, (close: () => Promise<unknown>) => unknown> = {
          'at once': (close) => close(),
          'after other things': async (close) => {
            await setImmediate()
            await setTimeout(1)
            await close()
          },
          'in a function of its own': async (close) => {
            const shutDown = async () => {
              await setImmediate()
              await close()
            }
            await shutDown()
          },
          'beside others': (close) => Promise.all([close(), setImmediate()]),
          'in a race': (close) => Promise.race([close(), once(new AbortController().signal, 'abort')]),
          twice: async (close) => {
            await close()
            await close()
          },
        }
        for (const [how, way] of Object.entries(ways)) {
          it(`waits for all others, and not for that handler (${how})`, async () => {
            const order: string[] = []
            const server = createServer(protocol, async (reader) => {
              for await (const message of reader) {
                if (message.$name !== 'Say') continue
                await way(() => server.close({ graceMs: 60_000 }))
                order.push('closed')
                return
              }
              await setTimeout(30)
              order.push('another')
            })
            const pairs = [duplexPair(), duplexPair(), duplexPair()]
            for (const [near, far] of pairs) {
              server.attach(near)
              far.resume().on('end', () => far.end())
            }
            pairs[1]?.[1].write(hex('0003 0000000a 0a0468616c6c 12026869'))
            await once(server, 'close')
            expect(order).to.deep.equal(['another', 'another', 'closed'])
          })
        }

        it('lets two handlers that call it go on, and one outside wait for both', async () => {
          const order: string[] = []
          const server = createServer(protocol, async (reader) => {
            await reader.readMessage()
            await server.close()
            await setTimeout(5)
            order.push('inside')
          })
          const pairs = [duplexPair(), duplexPair()]
          for (const [near, far] of pairs) {
            server.attach(near)
            far.resume().on('end', () => far.end())
          }
          await setImmediate()
          await server.close().then(() => order.push('outside'))
          expect(order).to.deep.equal(['inside', 'inside', 'outside'])
        })

        it('of another server is no reason not to wait', async () => {
          const order: string[] = []
          const other = createServer(protocol, async (reader) => {
            for await (const _ of reader);
            await setTimeout(20)
            order.push('other')
          })
          const server = createServer(protocol, async () => {
            await setImmediate()
            await other.close()
            order.push('closed')
          })
          const pairs = [duplexPair(), duplexPair()] as const
          for (const [, far] of pairs) far.resume().on('end', () => far.end())
          other.attach(pairs[0][0])
          await server.attach(pairs[1][0]).closed
          expect(order).to.deep.equal(['other', 'closed'])
          await server.close()
        })
      })

      it('comes with `await using`', async () => {
        let port = 0
        {
          await using server = await serve({}, echo)
          port = portOf(server)
        }
        expect(await rejection(connect(protocol, { port, host: '127.0.0.1' }))).to.have.property('code', 'ECONNREFUSED')
      })
    }),
  )

  describe(
    'tells',
    settled(() => {
      it('connections and listening by events, faults by clientError, and sums by stats', async () => {
        const seen: string[] = []
        const server = createServer(protocol, async (reader, writer) => {
          const message = await reader.readMessage()
          if (message?.$name === 'Leave') throw 'no error at all'
          await writer.writeMessage(say('hi'))
        })
        server.on('listening', () => seen.push('listening'))
        server.on('connection', (connection) => seen.push(`connection ${server.connections.has(connection)}`))
        server.on('clientError', (error) => seen.push(error.message))
        await once(server.listen(0, '127.0.0.1'), 'listening')
        for (const message of [say('x'), { $name: 'Leave' as const }]) {
          await using client = await connect(protocol, to(server))
          await client.writer.writeMessage(message)
          await client.reader.readMessage().catch(() => {})
        }
        await server.close()
        expect(seen).to.deep.equal([
          'listening',
          'connection true',
          'connection true',
          'The handler threw no error at all.',
        ])
        expect(server.stats()).to.deep.include({
          messagesIn: 2,
          messagesOut: 1,
          bytesIn: 9 + 6,
          bytesOut: 10,
          queuedBytes: 0,
          connections: 0,
          accepted: 2,
        })
      })

      it('an address in use by error', async () => {
        const server = await serve({}, echo)
        const other = createServer(protocol, echo)
        const failed = once(other, 'error')
        other.listen(portOf(server), '127.0.0.1')
        expect((await failed)[0]).to.have.property('code', 'EADDRINUSE')
        await other.close()
        await server.close()
      })

      it('a signal of listen, by closing: the door and every connection', async () => {
        for (const early of [false, true]) {
          const controller = new AbortController()
          const server = createServer(protocol, echo)
          const [near, far] = duplexPair()
          server.attach(near)
          far.resume().on('end', () => far.end())
          if (early) controller.abort()
          server.listen({ port: 0, host: '127.0.0.1', signal: controller.signal })
          if (!early) {
            await once(server, 'listening')
            controller.abort()
          }
          await once(server, 'close')
          expect(server.listening).to.equal(false)
          expect(server.connections.size).to.equal(0)
          await server.close()
        }
      })
    }),
  )

  describe(
    'admits',
    settled(() => {
      const limits: readonly ServerOptions[] = [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }]
      for (const options of limits) {
        it(`no more sockets than ${Object.keys(options)[0]}, and others once one has gone`, async () => {
          const server = await serve(options, echo)
          const refused: { code?: string; limit?: number }[] = []
          server.on('clientError', (error) => refused.push(error as object))
          const clients = [await connect(protocol, to(server)), await connect(protocol, to(server))]
          for (const client of clients) {
            await client.writer.writeMessage(say('x'))
            await client.reader.readMessage()
          }
          const third = net.connect(portOf(server), '127.0.0.1')
          const [error] = await once(third, 'error')
          expect(error).to.have.property('code', 'ECONNRESET')
          expect(refused).to.have.length(1)
          expect(refused[0]).to.include({ code: 'ERR_QBP_TOO_MANY_CONNECTIONS', limit: 2 })
          await clients[0]?.close()
          while (server.connections.size > 1) await setTimeout(1)
          await setImmediate()
          await using fourth = await connect(protocol, to(server))
          await fourth.writer.writeMessage(say('in'))
          expect(await fourth.reader.readMessage()).to.include({ text: 'in' })
          await clients[1]?.close()
          await fourth.close()
          await server.close()
        })
      }

      it('from loopback more than from elsewhere, unless limits say otherwise', async () => {
        const { Admission } = await import('../../lib/net/admission.ts')
        const from = (remoteAddress: string) =>
          Object.assign(new net.Socket(), {}) &&
          (Object.defineProperty(new net.Socket(), 'remoteAddress', { value: remoteAddress }) as net.Socket)
        const door = new Admission({})
        for (const [address, expected] of [
          ['192.0.2.1', 1_000],
          ['2001:db8::1', 1_000],
          ['127.0.0.1', 1_500],
          ['::1', 1_500],
        ] as const) {
          let admitted = 0
          for (let n = 0; n < 1_500; n++) if (door.admit(from(address)) === null) admitted++
          expect(admitted, address).to.equal(expected)
        }
      })

      it('10,000 sockets by default', async () => {
        const { Admission } = await import('../../lib/net/admission.ts')
        const door = new Admission({})
        for (let n = 0; n < 10_000; n++) expect(door.admit(new net.Socket())).to.equal(null)
        expect(door.admit(new net.Socket())).to.include({ code: 'ERR_QBP_TOO_MANY_CONNECTIONS', limit: 10_000 })
      })
    }),
  )

  it('refuses bad options when it is made', () => {
    const bad: object[] = [
      { maxBodyBytes: 0 },
      { maxQueuedBytes: -1 },
      { maxConnections: 0 },
      { maxConnectionsPerAddress: 1.5 },
      { frameTimeoutMs: 0 },
      { idleTimeoutMs: '5' },
      { handshakeTimeoutMs: -1 },
      { lingerMs: Number.NaN },
      { heartbeat: { message: { $name: 'Shout' }, intervalMs: 5 } },
    ]
    for (const options of bad) {
      expect(() => createServer(protocol, options, echo), JSON.stringify(options))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    }
    expect(() => createServer(protocol, {}, undefined as never))
      .to.throw()
      .with.property('code', 'ERR_QBP_BAD_OPTION')
  })

  describe(
    'stays fair',
    settled(() => {
      it('where one peer floods tiny frames, and the handler answers each', async () => {
        let handled = 0
        const server = await serve({ maxConsecutiveEmptyFrames: Number.POSITIVE_INFINITY }, async (reader, writer) => {
          for await (const message of reader) {
            handled++
            await writer.writeMessage(message)
          }
        })
        const flood = net.connect(portOf(server), '127.0.0.1').on('error', () => {})
        flood.resume()
        await once(flood, 'connect')
        const frames = hex('0002 00000000'.repeat(20_000))
        let flooding = true
        let sent = 0
        const pour = (): void => {
          while (flooding && flood.write(frames)) sent++
          if (flooding) flood.once('drain', pour)
        }
        pour()
        const client: QbpConnection<P, 'client'> = await connect(protocol, to(server))
        // What counts is how much of the flood goes before an answer: a socket's chunk holds 10,922 of its frames, and libuv
        // brings up to 32 of them before it looks at another socket.
        const before: number[] = []
        for (let n = 0; n < 100; n++) {
          const began = handled
          await client.writer.writeMessage(say(`${n}`))
          expect(await client.reader.readMessage()).to.include({ text: `${n}` })
          before.push(handled - began)
        }
        flooding = false
        flood.destroy()
        await client.close()
        await server.close({ graceMs: 1_000 })
        expect(sent).to.be.above(5)
        expect(before.sort((a, b) => a - b)[50]).to.be.below(10_922)
      }).timeout(20_000)
    }),
  )
})
