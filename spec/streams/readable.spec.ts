import { once } from 'node:events'
import { PassThrough, pipeline, Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpReadable, type ReadableOptions } from '../../lib/index.ts'
import { readerPort } from '../../lib/streams/ports.ts'
import { cut, everySplit } from '../../lib/testing/index.ts'
import { conversation, hex, protocol, vectors } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { streamOwner } from '../support/stream-owner.ts'

const SAY = '0003 0000000a 0a0468616c6c 12026869'
const says = (count: number) => hex(SAY.repeat(count))

function readerOf(chunks: readonly Uint8Array[], options?: ReadableOptions, of: Protocol = protocol): QbpReadable {
  const reader = new QbpReadable(of, options)
  for (const chunk of chunks) reader.write(chunk)
  reader.end()
  return reader
}

/** Messages as `vectors` says them: only what is on the wire. */
const plain = (message: unknown) =>
  JSON.parse(JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value)))
const expected = vectors.map(({ message }) => plain(message))

/** All messages until the end or the fault. */
const consumers: Record<string, (reader: QbpReadable) => Promise<{ messages: unknown[]; fault: unknown }>> = {
  async 'for await'(reader) {
    const messages: unknown[] = []
    try {
      for await (const message of reader) messages.push(message)
    } catch (fault) {
      return { messages, fault }
    }
    return { messages, fault: null }
  },
  async readMessage(reader) {
    const messages: unknown[] = []
    try {
      for (let message = await reader.readMessage(); message !== null; message = await reader.readMessage())
        messages.push(message)
    } catch (fault) {
      return { messages, fault }
    }
    return { messages, fault: null }
  },
  async readMessages(reader) {
    const messages: unknown[] = []
    try {
      for (let list = await reader.readMessages(2); list.length > 0; list = await reader.readMessages(2)) {
        expect(list.length).to.be.at.most(2)
        messages.push(...list)
      }
    } catch (fault) {
      return { messages, fault }
    }
    return { messages, fault: null }
  },
  async data(reader) {
    const messages: unknown[] = []
    reader.on('data', (message) => messages.push(message))
    return {
      messages,
      fault: await finished(reader, { writable: false }).then(
        () => null,
        (fault) => fault,
      ),
    }
  },
  async readable(reader) {
    const messages: unknown[] = []
    reader.on('readable', () => {
      for (let message = reader.read(); message !== null; message = reader.read()) messages.push(message)
    })
    return {
      messages,
      fault: await finished(reader, { writable: false }).then(
        () => null,
        (fault) => fault,
      ),
    }
  },
  async 'a pipeline'(reader) {
    const messages: unknown[] = []
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write(message, _, done) {
        messages.push(message)
        setImmediate().then(() => done())
      },
    })
    const fault = await new Promise((resolve) => pipeline(reader, sink, (error) => resolve(error ?? null)))
    return { messages, fault }
  },
  async "Node's own iterator"(reader) {
    const messages: unknown[] = []
    try {
      for await (const message of reader.iterator({ destroyOnReturn: false })) messages.push(message)
    } catch (fault) {
      return { messages, fault }
    }
    return { messages, fault: null }
  },
}

describe('QbpReadable', () => {
  for (const [how, consume] of Object.entries(consumers)) {
    describe(`read by ${how}`, () => {
      it('hands out every message whole and in order, however the bytes are cut', async () => {
        for (const { how, chunks } of everySplit(conversation)) {
          const { messages, fault } = await consume(readerOf(chunks))
          expect(messages.map(plain), how).to.deep.equal(expected)
          expect(fault, how).to.equal(null)
        }
      })

      it('hands out every whole message before a cut, then ERR_QBP_TRUNCATED, wherever the cut is', async () => {
        let whole = 0
        const ends = new Set(vectors.map(({ wire }) => (whole += hex(wire).length)))
        for (let length = 0; length <= conversation.length; length++) {
          for (const chunks of [
            [conversation.subarray(0, length)],
            cut(conversation.subarray(0, length), [...Array(length).keys()].slice(1)),
          ]) {
            const { messages, fault } = await consume(readerOf(chunks))
            const before = [...ends].filter((end) => end <= length).length
            expect(messages.map(plain), `${length} bytes`).to.deep.equal(expected.slice(0, before))
            if (length === 0 || ends.has(length)) expect(fault, `${length} bytes`).to.equal(null)
            else expect(fault, `${length} bytes`).to.have.property('code', 'ERR_QBP_TRUNCATED')
          }
        }
      })

      it('hands out every whole message before a fault, then the fault', async () => {
        const bad = {
          ERR_QBP_UNKNOWN_TYPE: '0063 00000000',
          ERR_QBP_INVALID_BODY: '0003 00000002 0a05',
          ERR_QBP_TOO_LONG: '0003 7fffffff',
        }
        for (const [code, frame] of Object.entries(bad)) {
          const bytes = Buffer.concat([conversation, says(40), hex(frame), says(2)])
          for (const { how, chunks } of everySplit(bytes, { twoWay: 20 })) {
            const { messages, fault } = await consume(readerOf(chunks))
            expect(messages.length, `${code} ${how}`).to.equal(vectors.length + 40)
            expect(fault, how).to.include({ code, frame: vectors.length + 40, offset: conversation.length + 16 * 40 })
          }
        }
      })

      it('lets the event loop go round between many messages', async () => {
        const over = new AbortController()
        let turns = 0
        const turning = (async () => {
          for (; !over.signal.aborted; turns++) await setImmediate()
        })()
        const { messages } = await withClock(1, () => consume(readerOf(Array.from({ length: 10 }, () => says(1_000)))))
        over.abort()
        await turning
        expect(messages.length).to.equal(10_000)
        // The clock is looked at every 16 messages; a turn has 4 ms.
        expect(turns).to.be.above(10_000 / 16 / 6)
      })
    })
  }

  describe('decodes nothing before somebody asks', () => {
    it('with a fault in the bytes that nobody has come to', async () => {
      const reader = new QbpReadable(protocol)
      let faults = 0
      reader.on('error', () => faults++)
      reader.write(Buffer.concat([says(1), hex('0063 00000000')]))
      await setImmediate()
      expect(faults).to.equal(0)
      expect(await reader.readMessage()).to.include({ text: 'hi' })
      await setImmediate()
      expect(faults).to.equal(0)
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
    })

    it('with every byte after the last message handed out to be taken back', async () => {
      for (const size of [1, 7, 1000]) {
        const reader = new QbpReadable(protocol)
        const bytes = says(5)
        for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size))
        await reader.readMessage()
        await reader.readMessage()
        expect(Buffer.from(reader[readerPort].rest()).toString('hex')).to.equal(says(3).toString('hex'))
      }
    })

    it('beyond readableHighWaterMark, for a consumer that waits for `readable`', async () => {
      const reader = new QbpReadable(protocol, { readableHighWaterMark: 3 })
      reader.write(says(100))
      reader.on('readable', () => {})
      await setTimeout(5)
      expect(reader.readableLength).to.equal(3)
      expect(reader[readerPort].frames.index).to.be.at.most(3)
    })

    it('while `data` is paused', async () => {
      const reader = readerOf([says(100)])
      let seen = 0
      reader.on('data', () => {
        if (++seen === 10) reader.pause()
      })
      await setTimeout(5)
      expect(seen).to.equal(10)
      expect(reader[readerPort].frames.index).to.be.at.most(11)
      expect(reader[readerPort].waiting).to.equal(false)
      reader.resume()
      await once(reader, 'end')
      expect(seen).to.equal(100)
    })

    it('so that a slow reader pushes back', async () => {
      const reader = new QbpReadable(protocol)
      expect(reader.write(says(5_000))).to.equal(false)
      await setTimeout(5)
      expect(reader.writableNeedDrain).to.equal(true)
      const drained = once(reader, 'drain')
      for (let n = 0; n < 5_000; n++) await reader.readMessage()
      await drained
    })
  })

  describe('a fault', () => {
    it('is reported by every further reading call, and by `error` without being uncaught', async () => {
      const reader = readerOf([hex('0063 00000000')])
      const reported = once(reader, 'error')
      const fault = await rejection(reader.readMessage())
      expect(await rejection(reader.readMessage())).to.equal(fault)
      expect(await rejection(consumeAll(reader))).to.equal(fault)
      expect(reader.errored).to.equal(fault)
      void reported.catch(() => {})
    })

    it('is reported by `error` alone where no reading call is used', async () => {
      const reader = readerOf([says(1), hex('0063 00000000')])
      reader.resume()
      const [fault] = await once(reader, 'error')
      expect(fault).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
    })

    it('goes to the callback of a pipeline that ends here, and the source is destroyed', async () => {
      const source = new PassThrough()
      source.write(hex('0063 00000000'))
      const reader = new QbpReadable(protocol)
      const outcome = new Promise((resolve) => pipeline(source, reader, resolve))
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
      expect(await outcome).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
      expect(source.destroyed).to.equal(true)
    })

    it('says what came, what is allowed, and where', async () => {
      const fault = await rejection(
        readerOf([says(2), hex('0003 00100001')])
          .readMessages(3)
          .then(() => readerOf([hex('0003 00100001')]).readMessage()),
      )
      expect(fault).to.include({ size: 1_048_577, limit: 1_048_576, type: 3, offset: 0, frame: 0 })
      expect(fault.message).to.equal(
        'A body of 1048577 bytes is announced; maxBodyBytes allows 1048576. (frame 0, at byte 0 of the stream)',
      )
    })
  })

  describe('maxBodyBytes', () => {
    it('refuses a longer body on its header alone', async () => {
      const reader = new QbpReadable(protocol, { maxBodyBytes: 9 })
      const reading = rejection(reader.readMessage())
      for (const byte of hex('0003 0000000a')) reader.write(Buffer.of(byte))
      expect(await reading).to.include({ code: 'ERR_QBP_TOO_LONG', size: 10, limit: 9 })
    })

    it('takes a body of just that length', async () => {
      expect(await readerOf([says(1)], { maxBodyBytes: 10 }).readMessage()).to.include({ text: 'hi' })
    })

    it('is 1 MiB by default', async () => {
      expect(await rejection(readerOf([hex('0003 00100001')]).readMessage())).to.have.property(
        'code',
        'ERR_QBP_TOO_LONG',
      )
      expect(await rejection(readerOf([hex('0003 00100000')]).readMessage())).to.have.property(
        'code',
        'ERR_QBP_TRUNCATED',
      )
    })

    it('may be Infinity, and memory follows the bytes received then, never the length announced', async () => {
      const before = process.memoryUsage().arrayBuffers
      const readers = Array.from({ length: 20 }, () => {
        const reader = new QbpReadable(protocol, { maxBodyBytes: Number.POSITIVE_INFINITY })
        reader.write(hex('0003 7fffffff 00'))
        void reader.readMessage().catch(() => {})
        return reader
      })
      expect(process.memoryUsage().arrayBuffers - before).to.be.below(2 ** 20)
      for (const reader of readers) reader.destroy()
    })
  })

  it('takes a time that is linear in the bytes, also byte by byte', async () => {
    const body = Buffer.alloc(300_000, 0x61)
    const frame = Buffer.concat([hex('0003 000493e4 12e0a712'), body])
    const reader = new QbpReadable(protocol)
    const message = reader.readMessage()
    let copied = 0
    const { set } = Uint8Array.prototype
    Uint8Array.prototype.set = function (source, offset) {
      copied += source.length
      set.call(this, source, offset)
    }
    try {
      for (let at = 0; at < frame.length; at++) reader.write(frame.subarray(at, at + 1))
    } finally {
      Uint8Array.prototype.set = set
    }
    expect(await message)
      .to.have.property('text')
      .with.length(300_000)
    expect(copied).to.be.below(4 * frame.length)
  }).timeout(10_000)

  describe('a reading call', () => {
    it('is one at a time', async () => {
      const reader = new QbpReadable(protocol)
      const first = reader.readMessage()
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_BUSY')
      expect(await rejection(consumeAll(reader))).to.have.property('code', 'ERR_QBP_BUSY')
      reader.write(says(1))
      expect(await first).to.include({ text: 'hi' })
    })

    it('is refused while `data` flows, and taken once that is paused', async () => {
      const reader = new QbpReadable(protocol)
      reader.on('data', () => {})
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_BUSY')
      await setImmediate()
      reader.pause()
      reader.write(says(1))
      expect(await reader.readMessage()).to.include({ text: 'hi' })
    })

    it('may follow a loop, and a loop a call', async () => {
      const reader = new QbpReadable(protocol)
      reader[readerPort].own(streamOwner())
      reader.end(says(5))
      await reader.readMessage()
      for await (const _ of reader) break
      await reader.readMessage()
      let left = 0
      for await (const _ of reader) left++
      expect(left).to.equal(2)
    })

    it('takes first what was decoded for `readable`', async () => {
      const reader = new QbpReadable(protocol, { readableHighWaterMark: 2 })
      reader.end(conversation)
      reader.on('readable', () => {})
      await setTimeout(2)
      expect(reader.readableLength).to.be.above(0)
      const { messages, fault } = await (consumers.readMessage as NonNullable<typeof consumers.readMessage>)(reader)
      expect(messages.map(plain)).to.deep.equal(expected)
      expect(fault).to.equal(null)
    })

    it('that is aborted consumes nothing, and rejects with the reason', async () => {
      const reader = new QbpReadable(protocol)
      const reason = new Error('enough')
      const controller = new AbortController()
      const aborted = rejection(reader.readMessage({ signal: controller.signal }))
      reader.write(says(1).subarray(0, 9))
      controller.abort(reason)
      expect(await aborted).to.equal(reason)
      expect(await rejection(reader.readMessage({ signal: controller.signal }))).to.equal(reason)
      reader.write(says(1).subarray(9))
      expect(await reader.readMessage({ signal: new AbortController().signal })).to.include({ text: 'hi' })
    })

    it('leaves no listener on its signal', async () => {
      const { signal } = new AbortController()
      let listeners = 0
      const { addEventListener, removeEventListener } = signal
      signal.addEventListener = (...args: unknown[]) => {
        listeners++
        addEventListener.apply(signal, args as never)
      }
      signal.removeEventListener = (...args: unknown[]) => {
        listeners--
        removeEventListener.apply(signal, args as never)
      }
      const reader = new QbpReadable(protocol)
      for (let n = 0; n < 3; n++) {
        const message = reader.readMessage({ signal })
        reader.write(says(1))
        await message
      }
      const closed = rejection(reader.readMessage({ signal }))
      reader.destroy()
      expect(await closed).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(listeners).to.equal(0)
    })

    it('on a reader that was destroyed is ERR_QBP_CLOSED, or the reason', async () => {
      const reader = new QbpReadable(protocol)
      const waiting = rejection(reader.readMessage())
      reader.destroy()
      expect(await waiting).to.have.property('code', 'ERR_QBP_CLOSED')
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_CLOSED')
      const other = new QbpReadable(protocol)
      const reason = new Error('enough')
      const failing = rejection(other.readMessage())
      other.destroy(reason)
      expect(await failing).to.equal(reason)
      expect(await rejection(other.readMessage())).to.equal(reason)
    })

    it('at the end is null, however often', async () => {
      const reader = readerOf([])
      expect(await reader.readMessage()).to.equal(null)
      expect(await reader.readMessages()).to.deep.equal([])
      expect(await reader.readMessage()).to.equal(null)
      await finished(reader)
    })

    it('at the end completes the pipeline that ends here, also if that end came before the first call', async () => {
      for (const early of [true, false]) {
        const source = new PassThrough()
        const reader = new QbpReadable(protocol)
        const outcome = new Promise((resolve) => pipeline(source, reader, (error) => resolve(error ?? null)))
        const message = early ? undefined : reader.readMessage()
        source.end()
        await setTimeout(2)
        expect(await (message ?? reader.readMessage())).to.equal(null)
        expect(await outcome).to.equal(null)
      }
    })

    it('for a list takes first what was decoded for `readable`', async () => {
      const reader = new QbpReadable(protocol, { readableHighWaterMark: 2 })
      reader.on('readable', () => {})
      reader.write(says(5))
      await setImmediate()
      expect(reader.readableLength).to.equal(2)
      expect(await reader.readMessages()).to.have.length(5)
    })

    it('for a list leaves alone what flows meanwhile', async () => {
      const reader = new QbpReadable(protocol)
      reader.write(says(3))
      const list = reader.readMessages()
      let flowed = 0
      reader.on('data', () => flowed++)
      expect(await list).to.have.length(1)
      reader.end()
      await once(reader, 'end')
      expect(flowed).to.equal(2)
    })

    it('for a list takes what is there, at most `max`, and leaves a fault to the next', async () => {
      const reader = new QbpReadable(protocol)
      reader.end(Buffer.concat([says(5), hex('0063 00000000')]))
      expect(await reader.readMessages(3)).to.have.length(3)
      expect(await reader.readMessages()).to.have.length(2)
      expect(await rejection(reader.readMessages())).to.have.property('code', 'ERR_QBP_UNKNOWN_TYPE')
      expect(await rejection(reader.readMessages(0))).to.have.property('code', 'ERR_QBP_BAD_OPTION')
    })
  })

  describe('a loop that is left', () => {
    it('destroys the reader, as in Node', async () => {
      const reader = new QbpReadable(protocol)
      reader.write(says(2))
      for await (const _ of reader) break
      expect(reader.destroyed).to.equal(true)
    })

    it("leaves a connection's reader open, also while it waits", async () => {
      const reader = new QbpReadable(protocol)
      reader[readerPort].own(streamOwner())
      reader.write(says(1))
      for await (const _ of reader) break
      expect(reader.destroyed).to.equal(false)
      const iterator = reader[Symbol.asyncIterator]()
      const waiting = iterator.next()
      await iterator.return?.()
      expect(await waiting).to.deep.equal({ value: undefined, done: true })
      expect(await iterator.next()).to.deep.equal({ value: undefined, done: true })
      reader.write(says(1))
      expect(await reader.readMessage()).to.include({ text: 'hi' })
    })

    it('takes no message from a call that waits after it', async () => {
      const reader = new QbpReadable(protocol)
      reader[readerPort].own(streamOwner())
      reader.write(says(1))
      let next: Promise<unknown> | undefined
      for await (const _ of reader) {
        next = reader.readMessage()
        break
      }
      reader.write(says(1))
      expect(await next).to.include({ text: 'hi' })
    })
  })

  describe('bytes fields', () => {
    let raw: Protocol
    before(async () => {
      raw = await Protocol.load('spec/protos/blob.proto', { types: { Blob: 1, Tunnel: { type: 2, body: 'raw' } } })
    })
    const blob = '0001 00000006 0a0461626364'

    it('are copies, which keep no chunk alive and do not change with it', async () => {
      for (const frame of [blob, '0002 00000004 61626364']) {
        const chunk = hex(frame)
        const message = await readerOf([chunk], {}, raw).readMessage()
        const bytes = message?.content ?? message?.body
        chunk.fill(0)
        expect(String(bytes)).to.equal('abcd')
        expect(bytes.buffer).to.not.equal(chunk.buffer === Buffer.from('a').buffer ? undefined : chunk.buffer)
      }
    })

    it('are views of the chunk with shareBytes', async () => {
      for (const frame of [blob, '0002 00000004 61626364']) {
        const chunk = new Uint8Array(hex(frame))
        const message = await readerOf([chunk], { shareBytes: true }, raw).readMessage()
        expect((message?.content ?? message?.body)?.buffer).to.equal(chunk.buffer)
      }
    })
  })

  describe('the policies', () => {
    const unlisted = '0063 00000002 abcd'
    const invalid = '0003 00000002 0a05'
    const of = (options: object) => Protocol.load('schemas/chat.proto', options)

    it('skip what they name', async () => {
      const reader = readerOf(
        [says(1), hex(unlisted + invalid), says(1)],
        {},
        await of({ unknown: 'skip', invalid: 'skip' }),
      )
      expect(await reader.readMessages()).to.have.length(2)
      expect(await reader.readMessage()).to.equal(null)
    })

    it('hand out what they name as it came', async () => {
      const reader = readerOf([hex(unlisted + invalid), says(1)], {}, await of({ unknown: 'raw', invalid: 'raw' }))
      const [first, second, third] = await reader.readMessages()
      expect(first).to.deep.include({ $name: null, type: 99, body: hex('abcd') })
      expect(second).to.deep.include({ $name: null, type: 3, body: hex('0a05') })
      expect(third).to.include({ $name: 'Say' })
    })

    it('end at a framing fault all the same', async () => {
      const reader = readerOf([hex('0003 7fffffff'), says(1)], {}, await of({ unknown: 'skip', invalid: 'skip' }))
      expect(await rejection(reader.readMessage())).to.have.property('code', 'ERR_QBP_TOO_LONG')
    })
  })

  describe('a flood', () => {
    it('of empty frames ends the stream after maxConsecutiveEmptyFrames', async () => {
      const empties = hex('0002 00000000'.repeat(10))
      const reader = readerOf([empties, says(1), empties, hex('0002 00000000')], { maxConsecutiveEmptyFrames: 10 })
      const { messages, fault } = await (consumers['for await'] as NonNullable<typeof consumers.readMessage>)(reader)
      expect(messages).to.have.length(21)
      expect(fault).to.include({ code: 'ERR_QBP_FLOOD', limit: 10, frame: 21 })
    })

    it('of skipped frames ends the stream after maxConsecutiveSkippedFrames', async () => {
      const skipping = await Protocol.load('schemas/chat.proto', { unknown: 'skip', invalid: 'skip' })
      const unlisted = hex('0063 00000000'.repeat(3))
      const invalid = hex('0003 00000002 0a05'.repeat(3))
      const reader = readerOf(
        [unlisted, invalid, says(1), unlisted, invalid, hex('0063 00000000')],
        { maxConsecutiveSkippedFrames: 6 },
        skipping,
      )
      const { messages, fault } = await (consumers['for await'] as NonNullable<typeof consumers.readMessage>)(reader)
      expect(messages).to.have.length(1)
      expect(fault).to.include({ code: 'ERR_QBP_FLOOD', limit: 6 })
    })

    it('is none if it takes longer than a second', async () => {
      const reader = new QbpReadable(protocol, { maxConsecutiveEmptyFrames: 4 })
      await withClock(1_100, async () => {
        for (let n = 0; n < 40; n++) reader.write(hex('0002 00000000'))
        for (let n = 0; n < 40; n++) expect(await reader.readMessage()).to.include({ $name: 'Leave' })
      })
    })
  })

  it('refuses bad options', () => {
    const bad = [
      { maxBodyBytes: 0 },
      { maxBodyBytes: 1.5 },
      { maxBodyBytes: '1' },
      { readableHighWaterMark: -1 },
      { maxConsecutiveEmptyFrames: 0 },
      { maxConsecutiveSkippedFrames: Number.NaN },
    ]
    for (const options of bad) {
      expect(() => new QbpReadable(protocol, options as ReadableOptions), JSON.stringify(options))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    }
  })

  it('works with the other things of node:stream', async () => {
    expect(await readerOf([says(3)]).toArray()).to.have.length(3)
    expect(
      await readerOf([says(3)])
        .take(2)
        .toArray(),
    ).to.have.length(2)
    const web = Readable.toWeb(readerOf([says(3)])).getReader()
    expect((await web.read()).value).to.include({ text: 'hi' })
    const reader = Readable.from([says(3)]).pipe(new QbpReadable(protocol))
    expect(await reader.map((message: { text: string }) => message.text).toArray()).to.deep.equal(['hi', 'hi', 'hi'])
  })
})

/** Runs with a clock that goes on by so many milliseconds each time somebody looks at it. */
async function withClock<T>(stepMs: number, run: () => Promise<T>): Promise<T> {
  let clock = performance.now()
  const own = Object.getOwnPropertyDescriptor(performance, 'now') // Node has it on the prototype, Bun here.
  performance.now = () => {
    clock += stepMs
    return clock
  }
  try {
    return await run()
  } finally {
    if (own === undefined) delete (performance as { now?: unknown }).now
    else Object.defineProperty(performance, 'now', own)
  }
}

async function consumeAll(reader: QbpReadable): Promise<void> {
  for await (const _ of reader);
}
