import { once } from 'node:events'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { codeOf } from '../../lib/base/errors.ts'
import { errorOf, isError } from '../../lib/base/thrown.ts'
import { connect, createServer, type Handler, QbpConnection, type QbpServer } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { protocol } from '../support/chat.ts'
import { settled } from '../support/settled.ts'
import { thrownThings } from '../support/thrown-things.ts'
import { portOf, serve } from '../support/transports.ts'

type P = typeof protocol

describe('errorOf', () => {
  for (const [what, thing] of thrownThings) {
    it(`makes an Error that anybody can look at of ${what}`, () => {
      const error = errorOf(thing, 'The handler')
      expect(isError(error)).to.equal(true)
      expect(error.message).to.be.a('string')
      expect(codeOf(thing)).to.be.a('string')
      if (isError(thing)) expect(error).to.equal(thing)
      else expect(error.message).to.match(/^The handler threw /)
    })
  }
})

/** What process warnings there are until the next turn but one. */
async function warnings(act: () => Promise<unknown>): Promise<Error[]> {
  const seen: Error[] = []
  const note = (warning: Error) => seen.push(warning)
  const others = process.listeners('warning') // Node's own prints them.
  process.removeAllListeners('warning').on('warning', note)
  await act()
  await setImmediate()
  await setImmediate()
  process.off('warning', note)
  for (const other of others) process.on('warning', other)
  return seen
}

/** Lets a client connect in memory, say something, and be gone. */
async function visit(server: QbpServer<P>, bytes = '000200000000'): Promise<void> {
  const [near, far] = duplexPair()
  far.on('error', () => {}).resume()
  const connection = server.attach(near)
  far.write(Buffer.from(bytes, 'hex'))
  await connection.closed
  await setImmediate()
}

describe(
  'a handler that throws',
  settled(() => {
    for (const [what, thing] of thrownThings) {
      for (const when of ['at once', 'later'] as const) {
        it(`${what} ${when} aborts its connection, and clientError hears of it`, async () => {
          const handler: Handler<P> =
            when === 'at once'
              ? () => {
                  throw thing
                }
              : async () => {
                  await setImmediate()
                  throw thing
                }
          const server = createServer(protocol, handler)
          const heard: [Error, unknown][] = []
          server.on('clientError', (error, connection) => heard.push([error, connection]))
          const [near, far] = duplexPair()
          far.on('error', () => {})
          const connection = server.attach(near)
          const outcome = await connection.closed
          expect(heard).to.deep.equal([[outcome, connection]])
          expect(outcome).to.be.instanceOf(Error)
          expect(near.destroyed).to.equal(true)
          expect(server.stats()).to.include({ connections: 0 })
          await server.close()
        })
      }
    }

    it('is a warning of the process where nobody listens to clientError', async () => {
      for (const [what, thing] of thrownThings) {
        const server = createServer(protocol, () => {
          throw thing
        })
        const seen = await warnings(() => visit(server))
        expect(seen, what).to.have.length(1)
        expect(seen[0], what).to.have.property('name', 'QbpWarning')
        expect(seen[0]?.message, what).to.match(/handler threw.*clientError: /)
        await server.close()
      }
    })

    it('is none where it passes on what its peer did, or somebody listens', async () => {
      const reads: Handler<P> = async (reader) => {
        for await (const _ of reader);
      }
      const cut = createServer(protocol, reads)
      expect(await warnings(() => visit(cut, '006300000000'))).to.deep.equal([])
      await cut.close()
      const heard = createServer(protocol, () => {
        throw new Error('bug')
      })
      heard.on('clientError', () => {})
      expect(await warnings(() => visit(heard))).to.deep.equal([])
      await heard.close()
      const writes = await serve({}, async (_, writer) => {
        for (;;) {
          await writer.writeMessage({ $name: 'Leave' })
          await setTimeout(1)
        }
      })
      const gone = async () => {
        const client = await connect(protocol, { port: portOf(writes), host: '127.0.0.1' })
        await client.reader.readMessage()
        client.destroy()
        while (writes.connections.size > 0) await setTimeout(1)
      }
      expect(await warnings(gone)).to.deep.equal([])
      await writes.close()
    })

    it('from a listener of `connection` aborts that connection alone', async () => {
      const server = createServer(protocol, () => once(new AbortController().signal, 'abort'))
      server.once('connection', () => {
        throw new Error('bug')
      })
      const heard: string[] = []
      server.on('clientError', (error) => heard.push(error.message))
      const pairs = [duplexPair(), duplexPair()] as const
      for (const [, far] of pairs) far.on('error', () => {})
      const [first, second] = pairs.map(([near]) => server.attach(near))
      expect(await first?.closed).to.have.property('message', 'bug')
      expect(second?.closing).to.equal(false)
      expect(heard).to.deep.equal(['bug'])
      await server.close({ graceMs: 5 })
    })
  }),
)

describe(
  'a listener of `data` that throws',
  settled(() => {
    /** A connection that a listener throws out of at the second message; `there` is its peer's end. */
    function throwing(connection: QbpConnection<P, 'server'>, thing: unknown): void {
      let count = 0
      connection.reader.on('data', () => {
        if (++count === 2) throw thing
      })
    }

    for (const [what, thing] of thrownThings) {
      it(`${what} aborts its connection, and clientError hears of it`, async () => {
        const server = createServer(protocol, async (_reader, _writer, connection) => {
          throwing(connection, thing)
          await connection.closed
        })
        const heard: unknown[] = []
        server.on('clientError', (error, connection) => heard.push(error, connection))
        const [near, far] = duplexPair()
        far.on('error', () => {})
        const connection = server.attach(near)
        await setImmediate()
        far.write(Buffer.from('000200000000'.repeat(3), 'hex'))
        const outcome = await connection.closed
        expect(heard).to.deep.equal([outcome, connection])
        expect(server.stats().messagesIn).to.equal(2)
        await server.close()
      })
    }

    it('is a warning of the process where nobody listens, or nobody asks a client for `closed`', async () => {
      const server = createServer(protocol, async (_reader, _writer, connection) => {
        throwing(connection, new Error('bug'))
        await connection.closed
      })
      const seen = await warnings(() => visit(server, '000200000000'.repeat(3)))
      expect(seen).to.have.length(1)
      await server.close()

      for (const asked of [false, true]) {
        const alone = await warnings(async () => {
          const [near, far] = duplexPair()
          far.on('error', () => {})
          const connection = new QbpConnection(protocol, near, { role: 'server' })
          const closed = asked ? connection.closed : null
          throwing(connection, new Error('bug'))
          await setImmediate()
          far.write(Buffer.from('000200000000'.repeat(3), 'hex'))
          await connection.ended
          if (closed !== null) expect(await closed).to.have.property('message', 'bug')
        })
        expect(alone, String(asked)).to.have.length(asked ? 0 : 1)
      }
    })
  }),
)
