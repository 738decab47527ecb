import { once } from 'node:events'
import net from 'node:net'
import { Duplex, PassThrough, pipeline, Writable } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { connect, QbpConnection, QbpWritable } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { uncaught } from '../support/uncaught.ts'

const say = (length: number) => ({ $name: 'Say' as const, text: 'x'.repeat(length) })

/** A duplex that takes a chunk when it is let. */
function gate() {
  const held: (() => void)[] = []
  let bytes = 0
  const own = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      held.push(() => {
        bytes += chunk.length
        done()
      })
    },
  })
  return { own, open: () => held.shift()?.(), bytes: () => bytes }
}

describe('the callback of a write', () => {
  it('says success once the duplex has sent the bytes, and not before', async () => {
    const { own, open } = gate()
    const { writer } = new QbpConnection(protocol, own)
    const called: [number, unknown][] = []
    writer.write(say(1), (error) => called.push([1, error]))
    writer.write(say(1), 'utf8', (error) => called.push([2, error]))
    await setImmediate()
    writer.write(say(1), (error) => called.push([3, error]))
    await setTimeout(2)
    expect(called).to.deep.equal([])
    open()
    await setImmediate()
    expect(called).to.deep.equal([
      [1, null],
      [2, null],
    ])
    open()
    await setImmediate()
    expect(called.at(-1)).to.deep.equal([3, null])
  })

  it('says the fault where the bytes could not be sent: those on their way, those that wait, those that come late', async () => {
    const { own } = gate()
    const connection = new QbpConnection(protocol, own)
    const errors: unknown[] = []
    const note = (error: unknown) => errors.push(error)
    for (let n = 0; n < 3; n++) {
      connection.writer.write(say(40_000), note)
      await setImmediate()
    }
    expect(errors).to.deep.equal([])
    const reason = new Error('enough')
    own.destroy(reason)
    await setTimeout(2)
    connection.writer.write(say(1), note)
    await setTimeout(2)
    expect(errors).to.deep.equal([reason, reason, reason, reason])
  })

  it('says no success of what a reset has lost', async () => {
    const server = net.createServer((socket) => {
      socket.pause()
      setTimeout(30).then(() => socket.resetAndDestroy())
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as net.AddressInfo
    const connection = await connect(protocol, { port, host: '127.0.0.1' })
    const outcomes: unknown[] = []
    for (let n = 0; n < 20; n++) connection.writer.write(say(500_000), (error) => outcomes.push(error))
    await connection.closed
    await setTimeout(2)
    expect(outcomes).to.have.length(20)
    const sent = outcomes.filter((error) => error === null).length
    expect(sent * 500_000).to.be.at.most(connection.socket.bytesWritten)
    expect(sent).to.be.below(20)
    expect(outcomes.at(-1)).to.be.an('error')
    server.close()
  })

  it('of end() and `finish` come when all is sent', async () => {
    const { own, open } = gate()
    const { writer } = new QbpConnection(protocol, own)
    let isDone = false
    const done = new Promise<void>((resolve) =>
      writer.end(say(1), () => {
        isDone = true
        resolve()
      }),
    )
    const finished = once(writer, 'finish')
    await setTimeout(2)
    expect(isDone).to.equal(false)
    open()
    await Promise.all([done, finished])
  })

  it('of end() says the fault where the duplex is destroyed before', async () => {
    const { own } = gate()
    const { writer } = new QbpConnection(protocol, own)
    const done = new Promise((resolve) => writer.end(say(1), resolve as () => void))
    await setImmediate()
    own.destroy(new Error('enough'))
    expect(await done).to.be.an('error')
  })

  it('throws without taking the others of its tick along', async () => {
    const writer = new QbpWritable(protocol)
    writer.resume()
    let called = 0
    const thrown = await uncaught(() => {
      writer.write(say(1), () => {
        throw new Error('mine')
      })
      writer.write(say(1), () => called++)
    })
    expect(thrown).to.have.property('message', 'mine')
    await setImmediate()
    expect(called).to.equal(1)
  })

  it('of a writer alone says success when its bytes are read, and a fault when they never are', async () => {
    const writer = new QbpWritable(protocol)
    writer.on('error', () => {})
    const outcomes: unknown[] = []
    writer.write(say(1), (error) => outcomes.push(error))
    await setImmediate()
    writer.write(say(1), (error) => outcomes.push(error))
    await setImmediate()
    expect(outcomes).to.deep.equal([])
    while (writer.read() !== null); // Node 26 gives out one chunk a call.
    await setImmediate()
    expect(outcomes).to.deep.equal([null, null])
    writer.write(say(1), (error) => outcomes.push(error))
    await setImmediate()
    const reason = new Error('enough')
    writer.destroy(reason)
    await setImmediate()
    expect(outcomes[2]).to.equal(reason)
  })

  it('of a writer in a pipeline comes as its sink takes the bytes', async () => {
    let bytes = 0
    const sink = new Writable({
      highWaterMark: 1,
      write(chunk, _encoding, done) {
        bytes += chunk.length
        setTimeout(1).then(() => done())
      },
    })
    const writer = new QbpWritable(protocol)
    const over = new Promise((resolve) => pipeline(writer, new PassThrough({ highWaterMark: 1 }), sink, resolve))
    for (let n = 0; n < 10; n++) await new Promise((resolve) => writer.write(say(1_000), resolve))
    writer.end()
    await over
    expect(bytes).to.equal(10 * (1_000 + 6 + 3))
  })
})

describe('Writable.toWeb(writer)', () => {
  it('pushes back by highWaterMarkBytes and a few messages', async () => {
    for (const make of [
      () => new QbpWritable(protocol, { highWaterMarkBytes: 10_000 }),
      () => new QbpConnection(protocol, gate().own, { highWaterMarkBytes: 10_000 }).writer as unknown as QbpWritable,
    ]) {
      const writer = make()
      const web = Writable.toWeb(writer).getWriter()
      web.closed.catch(() => {})
      let taken = 0
      let isFull = false
      for (; taken < 1_000 && !isFull; taken++) {
        web.write(say(1_000)).catch(() => {})
        isFull = await Promise.race([web.ready.then(() => false), setTimeout(5).then(() => true)])
      }
      expect(taken).to.be.within(9, 150) // Node's own queues hold up to 64 KiB from 22 on.
      writer.destroy()
    }
  })
})
