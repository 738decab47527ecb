import { once } from 'node:events'
import { duplexPair, Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { QbpConnection, QbpWritable } from '../../lib/index.ts'
import { protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'

const say = (length: number) => ({ $name: 'Say' as const, text: 'x'.repeat(length) })

/** A connection's writer, and the duplex beneath, whose peer takes nothing. */
function owned() {
  const [own, peer] = duplexPair()
  peer.on('error', () => {})
  const connection = new QbpConnection(protocol, own, { highWaterMarkBytes: 1_000 })
  return { own, peer, connection, writer: connection.writer as unknown as QbpWritable }
}

/** Fills a writer until it pushes back. */
async function full(writer: QbpWritable): Promise<void> {
  do {
    writer.write(say(1_000))
    await setTimeout(1) // What the duplex takes by itself has gone.
  } while (!writer.writableNeedDrain)
}

const ends: Record<string, (ends: ReturnType<typeof owned>) => unknown> = {
  'writer.destroy()': ({ writer }) => writer.destroy(),
  'writer.destroy(error)': ({ writer }) => writer.destroy(new Error('enough')),
  'connection.destroy()': ({ connection }) => connection.destroy(),
  'connection.close() that gives up': ({ connection }) => connection.close({ graceMs: 1 }),
  'a fault of the duplex': ({ own }) => own.destroy(new Error('reset')),
  'a close of the duplex': ({ own }) => own.destroy(),
  'the end of the duplex by its own user': ({ own, connection }) => {
    own.end()
    own.emit('drain')
    connection.writer.write(say(1))
  },
}

describe('a push-back', () => {
  for (const [how, end] of Object.entries(ends)) {
    it(`lifts after ${how}: one that was there, and one that comes after`, async () => {
      const all = owned()
      const { writer, peer } = all
      writer.on('error', () => {})
      await full(writer)
      const drained = once(writer, 'drain').catch(() => {})
      const room = rejection(writer.writeMessage(say(1)))
      end(all)
      await drained
      await room
      for (let n = 0; n < 3; n++) if (!writer.write(say(1_000))) await once(writer, 'drain')
      all.connection.destroy()
      peer.destroy()
    })
  }

  it('lifts after end(), also of a writer alone', async () => {
    const alone = new QbpWritable(protocol, { highWaterMarkBytes: 1_000 })
    alone.on('error', () => {})
    const { writer, peer, connection } = owned()
    for (const each of [writer, alone]) {
      each.end()
      for (let n = 0; n < 3; n++) if (!each.write(say(1_000))) await once(each, 'drain').catch(() => {})
      each.destroy()
      for (let n = 0; n < 3; n++) if (!each.write(say(1_000))) await once(each, 'drain').catch(() => {})
    }
    connection.destroy()
    peer.destroy()
  })

  it('that was there lifts when a writer alone is destroyed', async () => {
    const writer = new QbpWritable(protocol, { highWaterMarkBytes: 1_000 })
    await full(writer)
    const drained = once(writer, 'drain')
    writer.destroy()
    await drained
  })

  it('lets a loop that never looks at the end go round, and the process with it', async () => {
    const { writer, connection, peer } = owned()
    connection.destroy()
    let rounds = 0
    const over = new AbortController()
    const looping = (async () => {
      for (; !over.signal.aborted; rounds++) if (!writer.write(say(1))) await once(writer, 'drain').catch(() => {})
    })()
    await setTimeout(5)
    over.abort()
    await looping
    expect(rounds).to.be.above(1)
    peer.destroy()
  })

  it('ends a pipe from a source when the connection is gone', async () => {
    const { writer, connection, peer } = owned()
    const source = Readable.from(
      (function* () {
        for (;;) yield say(100)
      })(),
    )
    source.pipe(writer)
    await setTimeout(2)
    connection.destroy()
    await setTimeout(2)
    expect(writer.listenerCount('drain')).to.equal(0)
    source.destroy()
    peer.destroy()
  })
})
