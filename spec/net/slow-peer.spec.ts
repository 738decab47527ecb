import { once } from 'node:events'
import { duplexPair, PassThrough, Readable } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { type ConnectionOptions, Group, QbpConnection, QbpWritable } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'

const say = (length: number) => ({ $name: 'Say' as const, text: 'x'.repeat(length) })
const HEADER = 6

/** A connection whose peer takes nothing, and what was thrown in the process meanwhile. */
function withDeafPeer(options: ConnectionOptions = {}) {
  const [own, peer] = duplexPair()
  peer.on('error', () => {})
  const connection = new QbpConnection(protocol, own, { maxQueuedBytes: 50_000, ...options })
  return { connection: connection as unknown as QbpConnection, peer }
}

/** What nobody has caught while something ran. */
async function uncaught(run: () => unknown): Promise<unknown[]> {
  const found: unknown[] = []
  const note = (error: unknown) => found.push(error)
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', note).on('unhandledRejection', note)
  try {
    await run()
    await setTimeout(10)
  } finally {
    process.off('uncaughtException', note).off('unhandledRejection', note)
    for (const listener of before) process.on('uncaughtException', listener)
  }
  return found
}

describe('a peer that does not read', () => {
  const ways: Record<string, (connection: QbpConnection) => unknown> = {
    write: ({ writer }) => writer.write(say(1_000)),
    'write with a callback': ({ writer }) => writer.write(say(1_000), () => {}),
    'writeMessage that nobody awaits': ({ writer }) => void writer.writeMessage(say(1_000)),
    'a group': (connection) => {
      const group = new Group().join(connection)
      group.broadcast(say(1_000))
      group.leave(connection)
    },
    'a pipe': ({ writer }) => {
      const source = Readable.from([say(30_000), say(30_000)])
      source.pipe(writer, { end: false })
      writer.write(say(30_000))
      source.unpipe(writer)
    },
    'corked writes': ({ writer }) => {
      writer.cork()
      for (let n = 0; n < 60; n++) writer.write(say(1_000))
      writer.uncork()
    },
  }
  for (const [how, write] of Object.entries(ways)) {
    it(`costs its own connection and throws nothing, written to by ${how}`, async () => {
      const { connection, peer } = withDeafPeer({ highWaterMarkBytes: 2 ** 20 })
      let most = 0
      const thrown = await uncaught(async () => {
        const timer = setInterval(() => {
          for (let n = 0; n < 20; n++) write(connection)
          most = Math.max(most, connection.stats().queuedBytes)
        }, 1)
        expect(await connection.closed).to.include({ code: 'ERR_QBP_QUEUE_FULL', limit: 50_000 })
        await setTimeout(5) // The timer goes on, and writes too late.
        clearInterval(timer)
      })
      expect(thrown).to.deep.equal([])
      expect(most).to.be.at.most(50_000 + 2 * 65_536 + 30_000) // What the pair itself has taken.
      peer.destroy()
    })
  }

  it('by a heartbeat is not even asked, where that finds no room', async () => {
    const { connection, peer } = withDeafPeer({
      maxQueuedBytes: 20,
      highWaterMarkBytes: 2 ** 20,
      heartbeat: { message: say(10), intervalMs: 2, timeoutMs: 2 },
    })
    connection.socket.cork()
    const thrown = await uncaught(async () => {
      connection.writer.write(say(10))
      expect(await connection.closed).to.have.property('code', 'ERR_QBP_HEARTBEAT_TIMEOUT')
    })
    expect(thrown).to.deep.equal([])
    peer.destroy()
  })

  it('makes write() false, calls its callback back with the fault, and rejects writeMessage()', async () => {
    for (const way of ['write', 'writeMessage'] as const) {
      const { connection, peer } = withDeafPeer()
      const { writer } = connection
      for (let n = 0; n < 49; n++) writer.write(say(1_000))
      if (way === 'write') {
        const outcome = new Promise((resolve) => expect(writer.write(say(1_000), resolve)).to.equal(false))
        expect(await outcome).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      } else expect(await rejection(writer.writeMessage(say(1_000)))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      expect(writer.destroyed).to.equal(true)
      expect(await rejection(writer.writeMessage(say(1)))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      expect(await connection.closed).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      expect(connection.stats().faults).to.deep.equal({ ERR_QBP_QUEUE_FULL: 1 })
      peer.destroy()
    }
  })

  it("is nobody's end with slow: 'throw', which refuses the message", async () => {
    const { connection, peer } = withDeafPeer({ slow: 'throw', highWaterMarkBytes: 1_000 })
    const { writer } = connection
    for (let n = 0; n < 49; n++) writer.write(say(1_000))
    expect(() => writer.write(say(1_000)))
      .to.throw()
      .with.property('code', 'ERR_QBP_QUEUE_FULL')
    expect(await rejection(writer.writeMessage(say(1_000)))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
    expect(writer.destroyed).to.equal(false)
    peer.resume()
    await writer.writeMessage(say(1_000))
    connection.destroy()
    peer.destroy()
  })

  it('of a QbpWritable by itself is refused, or ends it where that is wished', async () => {
    const alone = new QbpWritable(protocol, { maxQueuedBytes: 2_000 })
    alone.write(say(1_000))
    expect(() => alone.write(say(1_000))).to.throw()
    expect(alone.destroyed).to.equal(false)
    const patient = new QbpWritable(protocol, { maxQueuedBytes: 2_000, slow: 'destroy' })
    const fault = once(patient, 'error')
    patient.write(say(1_000))
    expect(patient.write(say(1_000))).to.equal(false)
    expect((await fault)[0]).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
    alone.destroy()
  })
})

describe('maxQueuedBytes', () => {
  it('lets an empty queue take one message of any size', async () => {
    for (const slow of ['throw', 'destroy'] as const) {
      const { connection, peer } = withDeafPeer({ maxQueuedBytes: 100, slow })
      const received: Buffer[] = []
      peer.on('data', (chunk) => received.push(chunk))
      for (const length of [1_000, 100_000, 1_000_000]) {
        connection.writer.write(say(length))
        await setTimeout(5)
      }
      expect(Buffer.concat(received).length).to.be.above(1_101_000)
      connection.writer.write(say(1_000))
      if (slow === 'throw') expect(() => connection.writer.write(say(1))).to.throw()
      else expect(connection.writer.write(say(1))).to.equal(false)
      connection.destroy()
      peer.destroy()
    }
  })

  it('of a writer alone counts what nobody has read yet', async () => {
    const writer = new QbpWritable(protocol, { maxQueuedBytes: 100 })
    writer.write(say(1_000))
    await setImmediate()
    expect(() => writer.write(say(1_000))).to.throw()
    writer.pipe(new PassThrough().resume())
    await setImmediate()
    writer.write(say(1_000))
    writer.end()
    await once(writer, 'end')
  })
})

describe("a group with slow: 'skip'", () => {
  it('leaves half of the queue to what is written to a member alone, and counts what it skips as skipped', async () => {
    const { connection, peer } = withDeafPeer()
    const group = new Group({ slow: 'skip' }).join(connection)
    let taken = 0
    for (let n = 0; n < 100; n++) taken += group.broadcast(say(1_000 - HEADER - 3))
    expect(taken).to.equal(25)
    for (let n = 0; n < 24; n++) void connection.writer.writeMessage(say(1_000))
    expect(connection.writer.destroyed).to.equal(false)
    const stats = connection.stats()
    expect(stats.skipped).to.deep.equal({ unknown: 0, invalid: 0, slow: 75 })
    expect(stats.faults).to.deep.equal({})
    expect(stats.messagesOut).to.equal(25 + 24)
    expect(group.size).to.equal(1)
    connection.destroy()
    peer.destroy()
  })

  it('gives a message longer than that to a member whose queue is empty', () => {
    const { connection, peer } = withDeafPeer({ maxQueuedBytes: 100 })
    const group = new Group({ slow: 'skip' }).join(connection)
    expect(group.broadcast(say(1_000))).to.equal(1)
    expect(group.broadcast(say(1))).to.equal(0)
    connection.destroy()
    peer.destroy()
  })
})
