import { once } from 'node:events'
import { PassThrough, pipeline, Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpReadable, QbpWritable, type WritableOptions } from '../../lib/index.ts'
import { writerPort } from '../../lib/streams/ports.ts'
import { conversation, hex, protocol, vectors } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { streamOwner } from '../support/stream-owner.ts'
import { uncaught } from '../support/uncaught.ts'

const say = (length: number) => ({ $name: 'Say' as const, text: 'x'.repeat(length) })
/** The code of what a call throws. */
function codeOf(call: () => unknown): string | undefined {
  try {
    call()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

/** The chunks that a writer gives until its end. */
async function chunksOf(writer: QbpWritable): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  writer.on('data', (chunk) => chunks.push(chunk))
  await once(writer, 'end')
  return chunks
}

describe('QbpWritable', () => {
  describe('writes the bytes of the vectors', () => {
    const ways: Record<string, (writer: QbpWritable<typeof protocol>) => unknown> = {
      'by write': (writer) => {
        for (const { message } of vectors) writer.write(message)
        writer.end()
      },
      'by writeMessage': async (writer) => {
        for (const { message } of vectors) await writer.writeMessage(message)
        writer.end()
      },
      'by end with a message': (writer) => {
        for (const { message } of vectors.slice(0, -1)) writer.write(message)
        writer.end(vectors[vectors.length - 1]?.message as { $name: 'Refused' })
      },
      'by a pipe': (writer) => Readable.from(vectors.map(({ message }) => message)).pipe(writer),
      'by a pipeline of an iterable': (writer) =>
        pipeline(
          vectors.map(({ message }) => message),
          writer,
          () => {},
        ),
      corked: (writer) => {
        writer.cork()
        for (const { message } of vectors) writer.write(message)
        writer.uncork()
        writer.end()
      },
      'corked until the end': (writer) => {
        writer.cork()
        for (const { message } of vectors) writer.write(message)
        writer.end()
      },
    }
    for (const [how, write] of Object.entries(ways)) {
      it(how, async () => {
        const writer = new QbpWritable(protocol)
        const chunks = chunksOf(writer)
        write(writer)
        expect(Buffer.concat(await chunks).toString('hex')).to.equal(conversation.toString('hex'))
        await finished(writer)
      })
    }
  })

  it('is read back equal', async () => {
    const writer = new QbpWritable(protocol)
    const reader = writer.pipe(new QbpReadable(protocol))
    for (const { message } of vectors) writer.write(message)
    writer.end()
    let at = 0
    for await (const message of reader) expect(message).to.deep.include(vectors[at++]?.message as object)
    expect(at).to.equal(vectors.length)
  })

  describe('a message that cannot be written', () => {
    const refused: readonly [object | null | string, string, string?][] = [
      [{ $name: 'Say', text: 5 }, 'ERR_QBP_INVALID_MESSAGE', 'text'],
      [{ $name: 'Say', txt: '' }, 'ERR_QBP_INVALID_MESSAGE', 'txt'],
      [{ $name: 'Welcome', history: [{}, { at: 'soon' }] }, 'ERR_QBP_INVALID_MESSAGE', 'history[1].at'],
      [{ $name: 'Shout' }, 'ERR_QBP_INVALID_MESSAGE', '$name'],
      [{ text: 'hi' }, 'ERR_QBP_INVALID_MESSAGE', '$name'],
      [null, 'ERR_QBP_INVALID_MESSAGE'],
      ['hi', 'ERR_QBP_INVALID_MESSAGE'],
      [{ $name: null, type: 70_000, body: Buffer.alloc(0) }, 'ERR_QBP_FIELD_OVERFLOW'],
      [{ $name: null, type: 1 }, 'ERR_QBP_INVALID_MESSAGE', 'body'],
      [say(2 ** 20), 'ERR_QBP_TOO_LONG'],
    ]

    it('is thrown by write, with nothing of it on the wire, and the stream goes on', async () => {
      const writer = new QbpWritable(protocol)
      const chunks = chunksOf(writer)
      for (const [message, code, field] of refused) {
        writer.write(vectors[1].message)
        expect(() => writer.write(message as never), JSON.stringify(message)?.slice(0, 60))
          .to.throw()
          .with.property('code', code)
        if (field !== undefined)
          expect(() => writer.write(message as never))
            .to.throw()
            .with.property('field', field)
      }
      writer.end()
      expect(Buffer.concat(await chunks).toString('hex')).to.equal(
        hex(vectors[1].wire.repeat(refused.length)).toString('hex'),
      )
    })

    it('is what writeMessage rejects with, and the stream goes on', async () => {
      const writer = new QbpWritable(protocol)
      const chunks = chunksOf(writer)
      for (const [message, code] of refused) {
        await writer.writeMessage(vectors[1].message)
        expect(await rejection(writer.writeMessage(message as never))).to.have.property('code', code)
      }
      writer.end()
      expect(Buffer.concat(await chunks).toString('hex')).to.equal(
        hex(vectors[1].wire.repeat(refused.length)).toString('hex'),
      )
    })

    it('destroys the writer while a source is piped in, so that pipeline reports it and nothing is uncaught', async () => {
      for (const source of [
        Readable.from([vectors[1].message, { $name: 'Shout' }]),
        [vectors[1].message, { $name: 'Shout' }],
      ]) {
        const writer = new QbpWritable(protocol)
        const sink = new PassThrough().resume()
        const fault = await new Promise((resolve) => pipeline(source as Readable, writer, sink, resolve))
        expect(fault).to.have.property('code', 'ERR_QBP_INVALID_MESSAGE')
        expect(writer.destroyed).to.equal(true)
        expect(sink.destroyed).to.equal(true)
      }
    })

    it('is thrown again once the source is gone', () => {
      const writer = new QbpWritable(protocol)
      const source = new Readable({ objectMode: true, read() {} })
      source.pipe(writer)
      source.unpipe(writer)
      expect(codeOf(() => writer.write({ $name: 'Shout' } as never))).to.equal('ERR_QBP_INVALID_MESSAGE')
      expect(writer.destroyed).to.equal(false)
    })

    it('leaves the fields of a refused end() unsent, and the stream open', async () => {
      const writer = new QbpWritable(protocol)
      expect(codeOf(() => writer.end({ $name: 'Shout' } as never))).to.equal('ERR_QBP_INVALID_MESSAGE')
      expect(writer.writable).to.equal(true)
      writer.destroy()
    })
  })

  describe('messages of one turn', () => {
    it('leave as one chunk, before the next turn of nextTick', async () => {
      const writer = new QbpWritable(protocol)
      const chunks: Buffer[] = []
      writer.on('data', (chunk) => chunks.push(chunk))
      for (const { message } of vectors) writer.write(message)
      expect(chunks).to.have.length(0)
      await new Promise((resolve) => process.nextTick(resolve))
      await new Promise((resolve) => process.nextTick(resolve))
      expect(chunks.map(String)).to.deep.equal([String(conversation)])
      for (let n = 0; n < 3; n++) await writer.writeMessage(vectors[1].message)
      await setImmediate()
      expect(chunks).to.have.length(2)
    })

    it('leave in chunks of 64 KiB and one message at most', async () => {
      const writer = new QbpWritable(protocol, { maxQueuedBytes: 2 ** 30 })
      const chunks = chunksOf(writer)
      for (let n = 0; n < 3_000; n++) writer.write(say(100))
      writer.write(say(500_000))
      writer.end()
      const sizes = (await chunks).map(({ length }) => length)
      expect(sizes.reduce((sum, size) => sum + size)).to.equal(3_000 * 108 + 500_010)
      expect(Math.max(...sizes)).to.be.at.most(65_536 + 500_010)
      expect(Math.max(...sizes.slice(0, -2))).to.be.at.most(65_536 + 108)
      expect(sizes).to.have.length.below(8)
    })

    it('of many writers do not mix, and each chunk is its own', async () => {
      const writers = Array.from({ length: 5 }, () => new QbpWritable(protocol))
      const all = writers.map(chunksOf)
      for (let round = 0; round < 200; round++)
        for (const [n, writer] of writers.entries())
          writer.write({ $name: 'Say', room: String(n), text: 'y'.repeat(round) })
      for (const writer of writers) writer.end()
      for (const [n, chunks] of all.entries()) {
        const reader = new QbpReadable(protocol)
        reader.end(Buffer.concat(await chunks))
        let round = 0
        for await (const message of reader) expect(message).to.include({ room: String(n), text: 'y'.repeat(round++) })
        expect(round).to.equal(200)
      }
    })

    it('in chunks that nobody changes afterwards', async () => {
      const writer = new QbpWritable(protocol)
      const chunks: Buffer[] = []
      const copies: Buffer[] = []
      writer.on('data', (chunk) => {
        chunks.push(chunk)
        copies.push(Buffer.from(chunk))
      })
      for (let n = 0; n < 50; n++) {
        for (let i = 0; i < n; i++) writer.write(say(n * 40))
        await setImmediate()
      }
      expect(chunks.every((chunk, at) => chunk.equals(copies[at] as Buffer))).to.equal(true)
    })

    it('call their callbacks once they have left', async () => {
      const writer = new QbpWritable(protocol)
      writer.resume()
      const called: number[] = []
      writer.write(vectors[0].message, () => called.push(1))
      writer.write(vectors[0].message, 'utf8', () => called.push(2))
      expect(called).to.deep.equal([])
      await new Promise<void>((resolve) => writer.end(vectors[0].message, resolve))
      expect(called).to.deep.equal([1, 2])
    })
  })

  describe('back-pressure', () => {
    it('is write() returning false from highWaterMarkBytes on, and drain after', async () => {
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 1_000 })
      let written = 0
      while (writer.write(say(100))) written++
      expect(written).to.equal(Math.ceil(1_000 / 108) - 1)
      expect(writer.writableNeedDrain).to.equal(true)
      expect(writer.writableLength).to.equal(1_080)
      await setTimeout(2)
      expect(writer.writableNeedDrain).to.equal(true)
      const drained = once(writer, 'drain')
      writer.resume()
      await drained
      expect(writer.writableNeedDrain).to.equal(false)
      expect(writer.writableLength).to.equal(0)
    })

    it('is 64 KiB by default', () => {
      const writer = new QbpWritable(protocol)
      let bytes = 108
      while (writer.write(say(100))) bytes += 108
      expect(bytes).to.be.within(65_536, 65_536 + 108)
      writer.destroy()
    })

    it('holds writeMessage up, which costs no turn while there is room', async () => {
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 1_000 })
      let ticked = false
      await null
      process.nextTick(() => {
        ticked = true
      })
      for (let n = 0; n < 9; n++) await writer.writeMessage(say(100))
      expect(ticked).to.equal(false)
      let done = false
      const waiting = writer.writeMessage(say(100)).then(() => {
        done = true
      })
      await setTimeout(2)
      expect(done).to.equal(false)
      writer.resume()
      await waiting
    })

    it('bounds what a loop that awaits holds, however slow the sink', async () => {
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 4_000 })
      let most = 0
      let bytes = 0
      const sink = new Writable({
        highWaterMark: 1,
        write(chunk, _, done) {
          bytes += chunk.length
          setImmediate().then(() => done())
        },
      })
      writer.pipe(sink)
      for (let n = 0; n < 1_000; n++) {
        await writer.writeMessage(say(100))
        most = Math.max(most, writer.writableLength)
      }
      writer.end()
      await finished(sink)
      expect(bytes).to.equal(108_000)
      expect(most).to.be.at.most(4_000 + 108)
    })

    it('reaches a source that is piped in', async () => {
      let made = 0
      const source = Readable.from(
        (function* () {
          for (;;) {
            made++
            yield say(100)
          }
        })(),
      )
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 1_000 })
      source.pipe(writer)
      await setTimeout(5)
      expect(made).to.be.below(10 + 2 * 16 + 5)
      source.destroy()
      writer.destroy()
    })

    it('ends at maxQueuedBytes, and the stream goes on', async () => {
      const writer = new QbpWritable(protocol, { maxQueuedBytes: 1_000 })
      for (let n = 0; n < 9; n++) writer.write(say(100))
      expect(() => writer.write(say(100)))
        .to.throw()
        .with.include({ code: 'ERR_QBP_QUEUE_FULL', size: 1_080, limit: 1_000 })
      expect(await rejection(writer.writeMessage(say(100)))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      const chunks = chunksOf(writer)
      await setImmediate()
      writer.end(say(100))
      expect(Buffer.concat(await chunks)).to.have.length(10 * 108)
    })

    it('has a maxQueuedBytes of 16 MiB by default, or twice maxBodyBytes', () => {
      const fill = (options: WritableOptions, length: number) => {
        const writer = new QbpWritable(protocol, options)
        let bytes = 0
        try {
          for (;;) {
            writer.write(say(length))
            bytes = writer.writableLength
          }
        } catch (error) {
          expect(error).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
        }
        writer.destroy()
        return bytes
      }
      expect(fill({}, 1_000_000)).to.be.within(2 ** 24 - 1_000_010, 2 ** 24)
      expect(fill({ maxBodyBytes: 2 ** 24 }, 5_000_000)).to.be.within(2 ** 25 - 5_000_010, 2 ** 25)
    })
  })

  describe('a signal', () => {
    it('ends the waiting for room, not the message', async () => {
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 100 })
      const controller = new AbortController()
      const reason = new Error('enough')
      const waiting = rejection(writer.writeMessage(say(100), { signal: controller.signal }))
      controller.abort(reason)
      expect(await waiting).to.equal(reason)
      const chunks = chunksOf(writer)
      writer.end()
      expect(Buffer.concat(await chunks)).to.have.length(108)
    })

    it('that is aborted already writes nothing', async () => {
      const writer = new QbpWritable(protocol)
      const reason = new Error('enough')
      expect(await rejection(writer.writeMessage(say(1), { signal: AbortSignal.abort(reason) }))).to.equal(reason)
      expect(writer.writableLength).to.equal(0)
    })
  })

  describe('after the end', () => {
    it('write fails as in Node, and writeMessage with ERR_QBP_CLOSED', async () => {
      const writer = new QbpWritable(protocol)
      writer.on('error', () => {})
      writer.end()
      expect(await rejection(writer.writeMessage(say(1)))).to.have.property('code', 'ERR_QBP_CLOSED')
      const error = await new Promise((resolve) => writer.write(say(1), resolve))
      expect(error).to.have.property('code', 'ERR_STREAM_WRITE_AFTER_END')
    })

    it('by destroy, a call that waits is rejected', async () => {
      const writer = new QbpWritable(protocol, { highWaterMarkBytes: 100 })
      const waiting = rejection(writer.writeMessage(say(100)))
      const callback = new Promise((resolve) => writer.write(say(1), resolve))
      writer.destroy()
      expect(await waiting).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(await callback).to.have.property('code', 'ERR_QBP_CLOSED')
      const other = new QbpWritable(protocol, { highWaterMarkBytes: 100 })
      other.on('error', () => {})
      const reason = new Error('enough')
      const failing = rejection(other.writeMessage(say(100)))
      other.destroy(reason)
      expect(await failing).to.equal(reason)
    })

    it('a writeMessage that nobody awaits is no unhandled rejection', async () => {
      let unhandled = 0
      const note = () => unhandled++
      process.on('unhandledRejection', note)
      try {
        const writer = new QbpWritable(protocol, { highWaterMarkBytes: 100 })
        void writer.writeMessage(say(100))
        writer.destroy()
        void writer.writeMessage(say(100))
        await setTimeout(5)
        expect(unhandled).to.equal(0)
      } finally {
        process.off('unhandledRejection', note)
      }
    })

    it("a connection's writer fails by its callback alone", async () => {
      const writer = new QbpWritable(protocol)
      writer[writerPort].own(streamOwner())
      writer.destroy(new Error('gone'))
      expect(writer.write(say(1))).to.equal(false)
      expect(await new Promise((resolve) => writer.write(say(1), resolve))).to.have.property('message', 'gone')
      writer.end()
    })
  })

  it('writes frames that were encoded elsewhere, with the same limits', async () => {
    const writer = new QbpWritable(protocol, { maxQueuedBytes: 200 })
    const frame = writer[writerPort].framer.frame(say(100))
    const chunks = chunksOf(writer)
    writer.write(say(1))
    writer[writerPort].frame(frame)
    expect(codeOf(() => writer[writerPort].frame(frame))).to.equal('ERR_QBP_QUEUE_FULL')
    expect(writer[writerPort].queued).to.equal(9 + 108)
    expect(writer[writerPort].tally?.total()).to.deep.equal({ messages: 2, bytes: 9 + 108 })
    writer.end()
    expect(Buffer.concat(await chunks)).to.have.length(9 + 108)
  })

  it('sends what it has at the end of a tick, though a listener of another has thrown', async () => {
    const [first, second, third] = [1, 2, 3].map(() => new QbpWritable(protocol)) as [
      QbpWritable,
      QbpWritable,
      QbpWritable,
    ]
    const seen: string[] = []
    first.on('data', () => {
      second.write(say(2)) // Is under way already, and goes with the first.
      throw new Error('mine')
    })
    second.on('data', ({ length }) => seen.push(`second ${length}`))
    third.on('data', ({ length }) => seen.push(`third ${length}`))
    await setImmediate() // Both flow.
    const thrown = await uncaught(() => {
      for (const writer of [first, second, third]) writer.write(say(1))
    })
    expect(thrown).to.have.property('message', 'mine')
    await setImmediate()
    expect(seen).to.deep.equal([`second ${9 + 10}`, 'third 9'])
    second.write(say(1))
    await setImmediate()
    expect(seen.at(-1)).to.equal('second 9')
  })

  it('refuses bad options', async () => {
    for (const options of [{ maxBodyBytes: -1 }, { highWaterMarkBytes: 0 }, { maxQueuedBytes: '5' }]) {
      expect(() => new QbpWritable(protocol, options as WritableOptions), JSON.stringify(options))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    }
    const asymmetric = await Protocol.load('schemas/chat.proto', { types: { client: { Say: 1 }, server: { Said: 1 } } })
    expect(codeOf(() => new QbpWritable(asymmetric))).to.equal('ERR_QBP_BAD_OPTION')
    expect(codeOf(() => new QbpReadable(asymmetric))).to.equal('ERR_QBP_BAD_OPTION')
    const writer = new QbpWritable(asymmetric, { role: 'client' })
    writer.write({ text: 'the one message of this direction needs no name' })
    expect(codeOf(() => writer.write({ $name: 'Said' }))).to.equal('ERR_QBP_INVALID_MESSAGE')
  })
})
