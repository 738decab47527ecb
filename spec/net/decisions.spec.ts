import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Duplex, duplexPair, pipeline, Writable } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { Group, QbpConnection, type QbpReadable } from '../../lib/index.ts'
import { readerPort } from '../../lib/streams/ports.ts'
import { hex, protocol } from '../support/chat.ts'

const SAY = '0003 0000000a 0a0468616c6c 12026869'
const COUNT = 40
const chunk = hex(SAY.repeat(COUNT))

type Seen = () => void
/** Ways to read: each calls `seen` for every message it gets, and must not wait for an end. */
const consumers: Record<string, (reader: QbpReadable, seen: Seen) => unknown> = {
  async 'for await'(reader, seen) {
    for await (const _ of reader) seen()
  },
  async readMessage(reader, seen) {
    while ((await reader.readMessage()) !== null) seen()
  },
  async readMessages(reader, seen) {
    for (let list = await reader.readMessages(1); list.length > 0; list = await reader.readMessages(1)) seen()
  },
  data: (reader, seen) => reader.on('data', seen),
  readable: (reader, seen) =>
    reader.on('readable', () => {
      while (reader.read() !== null) seen()
    }),
  pipe: (reader, seen) =>
    pipeline(
      reader,
      new Writable({
        objectMode: true,
        highWaterMark: 1,
        write(_message, _encoding, done) {
          seen()
          process.nextTick(done)
        },
      }),
      () => {},
    ),
  async "Node's own iterator"(reader, seen) {
    for await (const _ of reader.iterator({ destroyOnReturn: false })) seen()
  },
  async toArray(reader, seen) {
    await reader.map(seen, { concurrency: 1 }).toArray()
  },
}

/** Ways in which this side puts an end to it, from within its first message. */
const decisions: Record<string, (connection: QbpConnection) => unknown> = {
  'connection.destroy()': (connection) => connection.destroy(),
  'connection.destroy(error)': (connection) => connection.destroy(new Error('enough')),
  'connection.close()': (connection) => connection.close({ graceMs: 20 }),
  'await using': (connection) => connection[Symbol.asyncDispose](),
  'reader.destroy()': (connection) => connection.reader.destroy(),
  'reader.destroy(error)': (connection) => connection.reader.destroy(new Error('enough')),
  'writer.destroy(error)': (connection) => connection.writer.destroy(new Error('enough')),
  'a group that finds it too slow': (connection) => {
    const group = new Group().join(connection)
    connection.socket.cork()
    for (let n = 0; n < 5; n++) group.broadcast({ $name: 'Say', text: 'x'.repeat(100_000) })
  },
}

function bare(options = {}) {
  const [own, peer] = duplexPair()
  peer.on('error', () => {})
  const connection = new QbpConnection(protocol, own, { role: 'server', maxQueuedBytes: 200_000, ...options })
  return { connection: connection as unknown as QbpConnection, peer }
}

const handled = (running: unknown) => Promise.resolve(running).catch(() => {})

describe('a decision of this side takes effect at once', () => {
  for (const [how, decide] of Object.entries(decisions)) {
    describe(how, () => {
      for (const [way, consume] of Object.entries(consumers)) {
        it(`read by ${way}`, async () => {
          for (const hasEnded of [false, true]) {
            const { connection, peer } = bare()
            connection.reader.on('error', () => {})
            peer.write(chunk.subarray(0, chunk.length - 3))
            if (hasEnded) peer.end(chunk.subarray(chunk.length - 3))
            await setImmediate()
            let count = 0
            void handled(
              consume(connection.reader, () => {
                if (++count === 2) decide(connection)
              }),
            )
            await setTimeout(5)
            // Node's map() has asked for one more before the decision.
            expect(count, hasEnded ? 'after the peer has ended' : 'while the peer goes on').to.be.within(
              2,
              way === 'toArray' ? 3 : 2,
            )
            connection.destroy()
            peer.destroy()
          }
        })
      }
    })
  }

  it('also for what Node has decoded ahead, and for a list', async () => {
    for (const decide of Object.values(decisions)) {
      const { connection, peer } = bare()
      const { reader } = connection
      reader.on('error', () => {})
      peer.write(chunk)
      reader.on('readable', () => {})
      await setTimeout(2)
      expect(reader.readableLength).to.equal(16)
      decide(connection)
      expect(reader.read()).to.equal(null)
      const list = await reader.readMessages().catch(() => [])
      expect(list).to.deep.equal([])
      peer.destroy()
    }
  })

  it('also where a subscriber of qbp:message:in decides: the message is not handed out', async () => {
    for (const [how, consume] of Object.entries(consumers)) {
      const { connection, peer } = bare()
      connection.reader.on('error', () => {})
      let published = 0
      const decide = () => {
        published++
        connection.destroy()
      }
      subscribe('qbp:message:in', decide)
      let count = 0
      peer.write(chunk)
      void handled(consume(connection.reader, () => count++))
      await setTimeout(2)
      unsubscribe('qbp:message:in', decide)
      expect([published, count], how).to.deep.equal([1, 0])
      peer.destroy()
    }
  })

  it('by a deadline', async () => {
    const { connection, peer } = bare({ frameTimeoutMs: 8 })
    peer.write(chunk.subarray(0, 25))
    expect(await connection.reader.readMessage()).to.include({ text: 'hi' })
    // The frame's time runs out while the reader waits; what comes in that moment comes too late.
    const outcome = connection.reader.readMessage().catch(({ code }) => code)
    expect(await outcome).to.equal('ERR_QBP_FRAME_TIMEOUT')
    peer.write(chunk.subarray(25))
    await setTimeout(2)
    expect(await connection.reader.readMessage().catch(({ code }) => code)).to.equal('ERR_QBP_FRAME_TIMEOUT')
  })

  it('ends the reader as it says: null after close(), a fault after destroy()', async () => {
    const outcomes: unknown[] = []
    for (const decide of Object.values(decisions)) {
      const { connection, peer } = bare()
      peer.write(chunk)
      await setImmediate()
      await connection.reader.readMessage()
      decide(connection)
      const once = await connection.reader.readMessage().catch((error) => error.code ?? error.message)
      const again = await connection.reader.readMessage().catch((error) => error.code ?? error.message)
      expect(again).to.equal(once)
      outcomes.push(once)
      peer.destroy()
      connection.destroy()
    }
    const [closed, full] = ['ERR_QBP_CLOSED', 'ERR_QBP_QUEUE_FULL']
    expect(outcomes).to.deep.equal([closed, 'enough', null, null, closed, 'enough', 'enough', full])
  })

  it('emits `end` after close(), also to a pipe that was held up', async () => {
    const { connection, peer } = bare()
    peer.write(chunk)
    let count = 0
    const stuck = new Writable({ objectMode: true, highWaterMark: 1, write: () => count++ })
    const outcome = new Promise((resolve) => connection.reader.on('end', () => resolve('end')))
    connection.reader.pipe(stuck)
    await setTimeout(2)
    void connection.close()
    expect(await outcome).to.equal('end')
    expect(count).to.equal(1)
    peer.destroy()
  })
})

describe('what the peer decides comes after its messages', () => {
  const faults: Record<string, (peer: ReturnType<typeof bare>) => unknown> = {
    'its end': ({ peer }) => peer.end(),
    'its end within a frame': ({ peer }) => peer.end(chunk.subarray(0, 3)),
    'a fault of its frames': ({ peer }) => peer.write(hex('0063 00000000')),
    'a fault of the duplex': ({ connection }) => connection.socket.destroy(new Error('reset')),
    'a close of the duplex': ({ connection }) => connection.socket.destroy(),
    "this server's wish to end": ({ connection }) => connection.conclude(),
  }
  for (const [how, decide] of Object.entries(faults)) {
    it(how, async () => {
      for (const [way, consume] of Object.entries(consumers)) {
        const ends = bare()
        const { reader } = ends.connection
        reader.on('error', () => {})
        ends.peer.write(chunk)
        await setImmediate()
        expect(reader[readerPort].frames.pending).to.equal(chunk.length)
        decide(ends)
        await setTimeout(2)
        let count = 0
        void handled(consume(reader, () => count++))
        await setTimeout(5)
        expect(count, way).to.equal(COUNT)
        ends.connection.destroy()
        ends.peer.destroy()
      }
    })
  }

  it('a fault of the duplex, also after what that itself holds while the reader pushes back', async () => {
    const own = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const connection = new QbpConnection(protocol, own)
    for (let n = 0; n < 10; n++) {
      own.push(chunk)
      await setImmediate()
    }
    expect(own.readableLength).to.be.above(0)
    own.destroy(new Error('reset'))
    await setTimeout(2)
    let count = 0
    const fault = await (async () => {
      for await (const _ of connection.reader) count++
    })().catch((error) => error)
    expect(count).to.equal(10 * COUNT)
    expect(fault).to.have.property('message', 'reset')
  })
})
