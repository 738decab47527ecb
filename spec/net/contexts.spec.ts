import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { LocalHub } from '../../lib/bus/local/local-bus.ts'
import {
  connect,
  createServer,
  Group,
  localBus,
  QbpConnection,
  type QbpReadable,
  QbpWritable,
} from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { portOf } from '../support/transports.ts'

const context = new AsyncLocalStorage<string>()
const say = (text: string) => ({ $name: 'Say' as const, text })
/** The contexts in which something ran. */
const seen = () => {
  const contexts = new Set<string | undefined>()
  return { contexts, note: () => void contexts.add(context.getStore()) }
}

describe('a callback of one connection never runs in the context of another', () => {
  it('by `data`, however busy the others are', async () => {
    const server = createServer(protocol, async (_reader, writer) => {
      for (let n = 0; n < 5_000; n++) await writer.writeMessage(say('x'.repeat(50)))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(
      names.map((name) =>
        context.run(name, async () => {
          const connection = await connect(protocol, { port: portOf(server as never), host: '127.0.0.1' })
          const { contexts, note } = seen()
          let count = 0
          connection.reader.on('data', () => {
            note()
            for (const until = performance.now() + 0.01; performance.now() < until; );
            count++
          })
          await once(connection.reader, 'end')
          expect(count).to.equal(5_000)
          expect([...contexts], name).to.deep.equal([name])
          await connection.close()
        }),
      ),
    )
    await server.close()
  })

  it('by `readable`, by a pipe', async () => {
    const readers = ['a', 'b', 'c'].map((name) =>
      context.run(name, () => {
        const writer = new QbpWritable(protocol, { maxQueuedBytes: 2 ** 30 })
        for (let n = 0; n < 3_000; n++) writer.write(say('x'.repeat(50)))
        writer.end()
        const [own, peer] = duplexPair()
        writer.pipe(peer)
        const { reader } = new QbpConnection(protocol, own) as unknown as { reader: QbpReadable }
        const { contexts, note } = seen()
        reader.on('readable', () => {
          note()
          while (reader.read() !== null);
        })
        return { name, contexts, over: once(reader, 'end') }
      }),
    )
    for (const { name, contexts, over } of readers) {
      await over
      for (const each of contexts) expect(each).to.be.oneOf([name, undefined])
    }
  })

  it('by the callbacks of writes: each runs in that of its own caller', async () => {
    const [own, peer] = duplexPair()
    peer.resume()
    for (const writer of [new QbpWritable(protocol).resume() as QbpWritable, new QbpConnection(protocol, own).writer]) {
      const calls = ['a', 'b', 'c', 'd'].map((name, n) =>
        context.run(
          name,
          () =>
            new Promise((resolve) => {
              const done = () => resolve(context.getStore())
              if (n === 3) (writer as QbpWritable).end(say('hi'), done)
              else (writer as QbpWritable).write(say('hi'), done)
            }),
        ),
      )
      expect(await Promise.all(calls)).to.deep.equal(['a', 'b', 'c', 'd'])
    }
  })

  it('by the callbacks of writes that fail', async () => {
    const [own, peer] = duplexPair()
    peer.on('error', () => {})
    const connection = new QbpConnection(protocol, own)
    const calls = ['a', 'b', 'c'].map((name) =>
      context.run(name, async () => {
        const call = new Promise((resolve) =>
          connection.writer.write(say('x'.repeat(40_000)), () => resolve(context.getStore())),
        )
        await setImmediate()
        return call
      }),
    )
    await setTimeout(2)
    context.run('z', () => connection.destroy())
    expect(await Promise.all(calls)).to.deep.equal(['a', 'b', 'c'])
  })

  it('by `drain`, whoever has filled the queue and whoever has emptied it', async () => {
    const [own, peer] = duplexPair()
    const member = context.run('member', () => {
      const { writer } = new QbpConnection(protocol, own, { highWaterMarkBytes: 1_000, maxQueuedBytes: 2 ** 30 })
      const { contexts, note } = seen()
      writer.on('drain', note)
      return { writer, contexts }
    })
    const group = new Group().join(member.writer as unknown as QbpWritable)
    for (let round = 0; round < 3; round++) {
      for (const name of ['a', 'b'])
        context.run(name, () => {
          for (let n = 0; n < 50; n++) group.broadcast(say('x'.repeat(1_000)))
        })
      const drained = once(member.writer, 'drain')
      context.run('peer', () => setTimeout(1).then(() => peer.read()))
      await context.run('waiting', async () => {
        while (member.writer.writableLength > 0) {
          peer.read()
          await setImmediate()
        }
      })
      await drained
    }
    expect(member.contexts.size).to.be.above(0)
    for (const each of member.contexts) expect(each).to.be.oneOf(['member', undefined])
    peer.destroy()
    own.destroy()
  })

  it('by a deadline', async () => {
    for (const name of ['a', 'b']) {
      await context.run(name, async () => {
        const [own, peer] = duplexPair()
        peer.on('error', () => {})
        const connection = new QbpConnection(protocol, own, { idleTimeoutMs: 2 })
        const fault = new Promise((resolve) => connection.reader.on('error', () => resolve(context.getStore())))
        connection.reader.resume()
        expect(await fault).to.equal(name)
      })
    }
  })

  it('by the listeners of a local bus, whoever has published first', async () => {
    const hub = new LocalHub()
    await using bus = localBus({ hub })
    await using other = localBus({ hub })
    const { contexts, note } = seen()
    await context.run('member', () => bus.subscribe('room', note))
    for (const name of ['a', 'b']) context.run(name, () => other.publish('room', Buffer.from('hi')))
    await setTimeout(5)
    for (const each of contexts) expect(each).to.be.oneOf(['member', undefined])
    expect(contexts.size).to.equal(1)
  })
})
