import { once } from 'node:events'
import { addAbortSignal, Duplex, PassThrough, pipeline, Readable, Transform, Writable } from 'node:stream'
import { finished, pipeline as piped } from 'node:stream/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { QbpReadable, QbpWritable } from '../../lib/index.ts'
import { conversation, hex, protocol, vectors } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'

// What Node's own tests ask of a Transform and its subclasses (test/parallel/test-stream-*), asked of ours with real frames.

const says = (count: number) => hex('0003 0000000a 0a0468616c6c 12026869'.repeat(count))
const reader = (options = {}) => new QbpReadable(protocol, options)
const writer = (options = {}) => new QbpWritable(protocol, options)
const both = [
  ['QbpReadable', reader, says(1)],
  ['QbpWritable', writer, vectors[1].message],
] as const

/** Names of the events of a stream, in order. */
function events(stream: Transform): string[] {
  const seen: string[] = []
  for (const name of ['finish', 'end', 'error', 'close']) stream.on(name as 'end', () => seen.push(name))
  return seen
}

for (const [name, make, chunk] of both) {
  describe(`${name} lives as a Transform:`, () => {
    it('is one', () => {
      expect(make()).to.be.instanceOf(Transform).and.instanceOf(Duplex)
    })

    it('finishes, ends and closes, each once and in the order of a PassThrough', async () => {
      const stream = make() as Transform
      const seen = events(stream)
      stream.resume()
      stream.end(chunk)
      await once(stream, 'close')
      const plain = new PassThrough()
      const expected = events(plain)
      plain.resume().end('x')
      await once(plain, 'close')
      expect(seen).to.deep.equal(expected)
      expect(stream).to.include({
        destroyed: true,
        closed: true,
        errored: null,
        readableEnded: true,
        writableFinished: true,
      })
    })

    it('ends without a single write', async () => {
      const stream = make() as Transform
      stream.resume()
      stream.end()
      await finished(stream)
    })

    it('destroyed without a reason, closes alone; finished() reports that it was premature', async () => {
      const stream = make() as Transform
      const seen = events(stream)
      const end = rejection(finished(stream))
      stream.destroy()
      expect(stream.destroy()).to.equal(stream)
      expect(await end).to.have.property('code', 'ERR_STREAM_PREMATURE_CLOSE')
      await setImmediate()
      expect(seen).to.deep.equal(['close'])
      expect(stream.readableAborted).to.equal(true)
    })

    it('destroyed with a reason, reports it once, before it closes, and no second one', async () => {
      const stream = make() as Transform
      const seen = events(stream)
      const reason = new Error('enough')
      const end = rejection(finished(stream))
      stream.destroy(reason)
      stream.destroy(new Error('more'))
      expect(await end).to.equal(reason)
      await setImmediate()
      expect(seen).to.deep.equal(['error', 'close'])
      expect(stream.errored).to.equal(reason)
    })

    it('destroyed by an AbortSignal, is aborted', async () => {
      const stream = make() as Transform
      const controller = new AbortController()
      addAbortSignal(controller.signal, stream)
      const end = rejection(finished(stream))
      controller.abort()
      expect(await end).to.have.property('name', 'AbortError')
    })

    it('destroyed in the midst of its data, emits no more', async () => {
      const stream = make() as Transform
      let seen = 0
      stream.on('data', () => {
        seen++
        stream.destroy()
      })
      for (let n = 0; n < 5; n++) stream.write(chunk)
      await once(stream, 'close')
      await setImmediate()
      expect(seen).to.equal(1)
    })

    it('is destroyed by a pipeline whose source or target fails, and never hangs it', async () => {
      for (const at of [0, 2]) {
        const middle = make() as Transform
        const streams: [Readable, Transform, Writable] = [
          new Readable({ objectMode: true, read() {} }),
          middle,
          new Writable({ objectMode: true, write: (_, __, done) => done() }),
        ]
        const reason = new Error('enough')
        const outcome = new Promise((resolve) => pipeline(streams, resolve))
        streams[0].push(chunk)
        await setImmediate()
        streams[at]?.destroy(reason)
        expect(await outcome).to.equal(reason)
        expect(middle.destroyed).to.equal(true)
      }
    })

    it('takes the same chunk again after unpipe and pipe', async () => {
      const stream = make() as Transform
      const source = new Readable({ objectMode: true, read() {} })
      source.pipe(stream)
      source.unpipe(stream)
      source.pipe(stream)
      let seen = 0
      stream.on('data', () => seen++)
      source.push(chunk)
      source.push(null)
      await once(stream, 'end')
      expect(seen).to.equal(1)
    })

    it('calls back for a write, and for its end', async () => {
      const stream = make() as Transform
      stream.resume()
      await new Promise((resolve) => stream.write(chunk, resolve))
      await new Promise<void>((resolve) => stream.end(resolve))
      await setImmediate()
      expect(stream.closed).to.equal(true)
    })

    it('reports a write after the end', async () => {
      const stream = make() as Transform
      stream.end()
      stream.write(chunk)
      const [error] = await once(stream, 'error')
      expect(error).to.have.property('code', 'ERR_STREAM_WRITE_AFTER_END')
    })

    it('disposes of itself', async () => {
      const stream = make() as Transform
      stream.on('error', () => {})
      await stream[Symbol.asyncDispose]()
      expect(stream.destroyed).to.equal(true)
    })
  })
}

describe('QbpReadable as Node reads it:', () => {
  it('has bytes on one side and objects on the other', () => {
    const stream = reader()
    expect(stream).to.include({ readableObjectMode: true, writableObjectMode: false, readableHighWaterMark: 16 })
    expect(() => stream.write({} as never))
      .to.throw()
      .with.property('code', 'ERR_INVALID_ARG_TYPE')
  })

  it('takes text in an encoding of bytes, as Node does', async () => {
    for (const encoding of ['hex', 'base64', 'base64url', 'latin1'] as const) {
      const stream = reader()
      stream.end(conversation.toString(encoding), encoding)
      expect(await stream.toArray()).to.have.length(vectors.length)
    }
  })

  it('with a highWaterMark of 0 hands out one for one', async () => {
    const stream = reader({ readableHighWaterMark: 0 })
    stream.end(says(5))
    let seen = 0
    for await (const _ of stream.iterator()) {
      seen++
      expect(stream.readableLength).to.be.at.most(1)
    }
    expect(seen).to.equal(5)
    const flowing = reader({ readableHighWaterMark: 0 })
    let flowed = 0
    flowing.on('data', () => flowed++)
    flowing.end(says(5))
    await once(flowing, 'end')
    expect(flowed).to.equal(5)
  })

  it('does not end before its queue is read', async () => {
    const stream = reader()
    const seen = events(stream)
    stream.on('readable', () => {})
    stream.end(says(3))
    await setTimeout(2)
    expect(seen).to.not.include('end')
    while (stream.read() !== null);
    await once(stream, 'close')
    expect(seen.slice(-2)).to.deep.equal(['end', 'close'])
  })

  it('pauses and resumes at any message', async () => {
    const stream = reader()
    let seen = 0
    stream.on('data', () => {
      seen++
      stream.pause()
      setImmediate().then(() => stream.resume())
    })
    stream.end(says(25))
    await once(stream, 'end')
    expect(seen).to.equal(25)
  })

  it('goes from `data` to `readable` and back', async () => {
    const stream = reader()
    const texts: string[] = []
    const take = (message: { text?: string }) => texts.push(message.text ?? '')
    stream.write(says(3))
    stream.on('data', take)
    await setImmediate()
    stream.off('data', take)
    stream.pause()
    stream.write(says(3))
    stream.on('readable', function read() {
      for (let message = stream.read(); message !== null; message = stream.read()) take(message)
      stream.off('readable', read)
    })
    await setTimeout(2)
    stream.on('data', take)
    stream.resume()
    stream.end(says(3))
    await once(stream, 'end')
    expect(texts).to.have.length(9)
  })

  it('through a slow pipe keeps order and pushes back to the source', async () => {
    let read = 0
    const source = new Readable({
      highWaterMark: 160,
      read() {
        read++
        this.push(read <= 100 ? says(100) : null)
      },
    })
    const stream = reader()
    let seen = 0
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(_, __, done) {
        if (++seen === 20) expect(read).to.be.below(100)
        setImmediate().then(() => done())
      },
    })
    await piped(source, stream, sink)
    expect(seen).to.equal(10_000)
  }).timeout(10_000)

  it('gives each of two pipes every message', async () => {
    const stream = reader()
    const sinks = [new PassThrough({ objectMode: true }), new PassThrough({ objectMode: true })]
    for (const sink of sinks) stream.pipe(sink)
    stream.end(says(5))
    for (const sink of sinks) expect(await sink.toArray()).to.have.length(5)
  })

  it('reports a fault after what a slow pipe still holds', async () => {
    const stream = reader()
    let seen = 0
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(_, __, done) {
        seen++
        setImmediate().then(() => done())
      },
    })
    stream.end(Buffer.concat([says(30), hex('0063 00000000')]))
    expect(await rejection(piped(stream, sink))).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
    expect(seen).to.be.at.least(29) // The last may be in the sink's own queue, which pipeline destroys.
  })
})

describe('QbpWritable as Node writes it:', () => {
  it('has objects on one side and bytes on the other', () => {
    // The mark counts objects, as Node's does: Writable.toWeb() goes by it.
    expect(writer()).to.include({ writableObjectMode: true, readableObjectMode: false, writableHighWaterMark: 16 })
  })

  it('sends what is corked at uncork, however deep', async () => {
    const stream = writer()
    let chunks = 0
    stream.on('data', () => chunks++)
    stream.cork()
    stream.cork()
    stream.write(vectors[1].message)
    await setImmediate()
    stream.uncork()
    await setImmediate()
    expect(chunks).to.equal(0)
    stream.uncork()
    await setImmediate()
    expect(chunks).to.equal(1)
    stream.destroy()
  })

  it('flushes at its end what was written in the same turn, and what a slow reader has left', async () => {
    const stream = writer({ highWaterMarkBytes: 16 })
    for (let n = 0; n < 100; n++) stream.write(vectors[1].message)
    stream.end()
    let bytes = 0
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length
      await setImmediate()
    }
    expect(bytes).to.equal(100 * 16)
  })

  it('emits drain once for a need of it', async () => {
    const stream = writer({ highWaterMarkBytes: 100 })
    let drains = 0
    stream.on('drain', () => drains++)
    while (stream.write(vectors[1].message));
    stream.resume()
    await setTimeout(2)
    expect(drains).to.equal(1)
    stream.write(vectors[1].message)
    await setTimeout(2)
    expect(drains).to.equal(1)
    stream.destroy()
  })
})
