import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import vm from 'node:vm'
import { expect } from 'chai'
import { Protocol, QbpConnection, QbpReadable, QbpWritable, type WritableOptions } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'

const LONG = 16_384

type Every = Record<string, unknown>

const load = (header: string) =>
  Protocol.load('spec/protos/kinds.proto', {
    header,
    types: { Every: 1, Tunnel: { type: 2, body: 'raw' } },
  })

/** What a writer gives to those who read it. */
async function chunksOf(protocol: Protocol, messages: readonly object[], options: WritableOptions): Promise<Buffer[]> {
  const writer = new QbpWritable(protocol, { maxBodyBytes: 2 ** 24, ...options })
  const chunks: Buffer[] = []
  writer.on('data', (chunk) => chunks.push(chunk))
  for (const message of messages) writer.write(message as never)
  writer.end()
  await once(writer, 'end')
  return chunks
}

/** A message with long bytes in any of its places. */
function randomEvery(random: () => number, depth: number): Every {
  const below = (limit: number) => Math.floor(random() * limit)
  const bytes = () => Buffer.alloc([0, 3, LONG - 1, LONG, LONG + below(3000)][below(5)] as number, below(256))
  const message: Every = {}
  const put = (name: string, value: () => unknown) => {
    if (below(2) === 0) message[name] = value()
  }
  put('anInt64', () => (below(2) === 0 ? 7n : '7')) // Text is coerced: the body is written twice.
  put('aString', () => 'x'.repeat(below(300)))
  put('aBytes', bytes)
  put('blobs', () => [bytes(), bytes()])
  put('chunks', () => ({ true: bytes() }))
  if (depth > 0) {
    put('itself', () => randomEvery(random, depth - 1))
    put('many', () => [randomEvery(random, depth - 1), {}, randomEvery(random, 0)])
    put('byName', () => ({ it: randomEvery(random, depth - 1) }))
  }
  put('maybe', () => below(1000))
  return message
}

describe('a writer with shareBytes', () => {
  for (const header of [
    'type:u16 length:u32',
    'length:varint type:varint',
    '"QB" type:u8 length:u32 body crc32c(body):u32',
  ]) {
    it(`writes the same bytes as without, by '${header}'`, async () => {
      const protocol = await load(header)
      const random = randomNumbers(5)
      const messages = Array.from({ length: 60 }, (_, n) =>
        n % 7 === 3
          ? { $name: 'Tunnel', body: Buffer.alloc(n * 1000, n) }
          : { $name: 'Every', ...randomEvery(random, 3) },
      )
      const written = async (options: WritableOptions) =>
        Buffer.concat(await chunksOf(protocol, messages, { maxQueuedBytes: 2 ** 28, ...options }))
      const plain = await written({})
      expect((await written({ shareBytes: true })).equals(plain)).to.equal(true)
      expect((await written({ shareBytes: true, chunk: 'message' })).equals(plain)).to.equal(true)
    })
  }

  it('does not copy long bytes, and copies short ones', async () => {
    const protocol = await load('type:u16 length:u32')
    const [long, short] = [Buffer.alloc(LONG, 1), Buffer.alloc(LONG - 1, 2)]
    const raw = new Uint8Array(LONG).fill(3)
    const messages = [
      { $name: 'Every', aBytes: long },
      { $name: 'Every', aBytes: short, maybe: 1 },
      { $name: 'Tunnel', body: raw },
    ]
    const chunks = await chunksOf(protocol, messages, { shareBytes: true })
    const owned = (bytes: Uint8Array) =>
      chunks.filter(({ buffer }) => buffer === bytes.buffer).map(({ length }) => length)
    expect([owned(long), owned(raw), owned(short)]).to.deep.equal([[LONG], [LONG], []])
  })

  it('takes bytes of other realms and classes as they are, and copies memory that threads share', async () => {
    const protocol = await load('type:u16 length:u32')
    class Lying extends Uint8Array {
      override get length(): number {
        return 5
      }
    }
    const threads = new Uint8Array(new SharedArrayBuffer(LONG)).fill(4)
    const all = [new Lying(LONG).fill(2), vm.runInNewContext(`new Uint8Array(${LONG}).fill(3)`), threads]
    const chunks = await chunksOf(
      protocol,
      all.map((aBytes) => ({ $name: 'Every', aBytes })),
      { shareBytes: true },
    )
    const long = chunks.filter(({ length }) => length === LONG)
    expect(long.map((chunk) => [chunk[0], chunk[LONG - 1]])).to.deep.equal([
      [2, 2],
      [3, 3],
      [4, 4],
    ])
    expect(long[2]?.buffer).to.not.equal(threads.buffer)
  })

  it('keeps its order where a getter writes another message, and nothing of one that is refused', async () => {
    const protocol = await load('type:u16 length:u32')
    const writer = new QbpWritable(protocol, { shareBytes: true })
    const chunks: Buffer[] = []
    writer.on('data', (chunk) => chunks.push(chunk))
    const every = (n: number, more: object = {}) => ({
      $name: 'Every' as const,
      aBytes: Buffer.alloc(LONG + n, n),
      ...more,
    })
    writer.write(every(1) as never)
    const nesting = every(2)
    Object.defineProperty(nesting, 'maybe', {
      enumerable: true,
      get() {
        writer.write(every(3) as never)
        return 9
      },
    })
    writer.write(nesting as never)
    expect(() => writer.write(every(4, { maybe: 'no number' }) as never)).to.throw('maybe')
    writer.write(every(5, { anInt64: '12' }) as never)
    writer.end()
    await once(writer, 'end')
    const reader = new QbpReadable(protocol)
    reader.end(Buffer.concat(chunks))
    const found: unknown[] = []
    for await (const { aBytes } of reader as AsyncIterable<{ aBytes: Uint8Array }>)
      found.push([aBytes.length - LONG, new Set(aBytes)])
    expect(found).to.deep.equal([1, 3, 2, 5].map((n) => [n, new Set([n])]))
  })
})

describe('a connection that shares bytes', () => {
  const load2 = () => load('type:u16 length:u32')
  const content = Buffer.alloc(200_000, 7)
  const every = { $name: 'Every', aBytes: content, maybe: 3 } as never

  /** A duplex that notes what each call of its inside gets; `done` of the last is called by hand. */
  function noting(canJoin: boolean) {
    const calls: number[][] = []
    const held: ((error?: Error) => void)[] = []
    const own = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        calls.push([chunk.length])
        held.push(done)
      },
      ...(canJoin
        ? {
            writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void) {
              calls.push(chunks.map(({ chunk }) => chunk.length))
              held.push(done)
            },
          }
        : {}),
    })
    return { own, calls, held }
  }

  it('gives the pieces of a frame to a duplex in one call, or one after the other where it has none for that', async () => {
    const protocol = await load2()
    for (const canJoin of [true, false]) {
      const { own, calls, held } = noting(canJoin)
      if (!canJoin) Object.assign(own, { cork: undefined, uncork: undefined })
      const { writer } = new QbpConnection(protocol, own, { shareBytes: true })
      const called: unknown[] = []
      writer.write(every, (error) => called.push(error))
      await setImmediate()
      if (canJoin) expect(calls).to.have.length(1)
      while (held.length > 0) {
        expect(called).to.deep.equal([])
        held.shift()?.()
        await setImmediate()
      }
      expect(called).to.deep.equal([null])
      // The body's tag and length, then 64 KiB at a time, as this is no socket; then the field after it.
      expect(calls.flat()).to.deep.equal([10, 65_536, 65_536, 65_536, 200_000 - 3 * 65_536, 2])
    }
  })

  it('says by the callback that the duplex was destroyed in the middle of a frame', async () => {
    const protocol = await load2()
    const { own, held } = noting(false)
    const connection = new QbpConnection(protocol, own, { shareBytes: true })
    const called: unknown[] = []
    connection.writer.write(every, (error) => called.push((error as Error | null)?.message))
    await setImmediate()
    held.shift()?.()
    await setImmediate()
    own.destroy(new Error('gone'))
    await connection.closed
    expect(called).to.deep.equal(['gone'])
  })

  it('fails where bytes that wait were given away, rather than send others in their place', async () => {
    const protocol = await load2()
    const { own, calls, held } = noting(true)
    const connection = new QbpConnection(protocol, own, { shareBytes: true })
    connection.writer.write(every)
    await setImmediate()
    const given = new Uint8Array(50_000)
    const called: unknown[] = []
    connection.writer.write({ $name: 'Every', aBytes: given } as never, (error) =>
      called.push((error as { code?: string }).code),
    )
    structuredClone(given.buffer, { transfer: [given.buffer] })
    held.shift()?.()
    await connection.closed
    expect(called).to.deep.equal(['ERR_QBP_INVALID_MESSAGE'])
    expect(calls).to.have.length(1)
  })
})
