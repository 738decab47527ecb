import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { duplexPair } from '../../lib/testing/pair.ts'

/** What comes until the end, chunk by chunk. A `for await` would destroy the duplex behind it. */
async function chunksOf(stream: Readable): Promise<string[]> {
  const chunks: string[] = []
  stream.on('data', (chunk) => chunks.push(String(chunk)))
  await once(stream, 'end')
  return chunks
}

describe('an in-memory pair', () => {
  it('brings each side what the other writes, and ends side by side', async () => {
    const [left, right] = duplexPair()
    left.end('to the right')
    expect(await chunksOf(right)).to.deep.equal(['to the right'])
    expect(right.writable).to.equal(true)
    right.end('to the left')
    expect(await chunksOf(left)).to.deep.equal(['to the left'])
  })

  it('pushes back, and drains when the other side has read', async () => {
    const [left, right] = duplexPair({ highWaterMarkBytes: 10 })
    left.write(Buffer.alloc(10))
    expect(left.write(Buffer.alloc(10))).to.equal(false)
    await setImmediate()
    expect(left.writableNeedDrain).to.equal(true)
    right.resume()
    await once(left, 'drain')
  })

  it('cuts into slices', async () => {
    const [left, right] = duplexPair({ sliceBytes: 1 })
    left.end('abc')
    expect(await chunksOf(right)).to.deep.equal(['a', 'b', 'c'])
  })

  it('refuses slices of nothing, times before now and losses that cannot be counted', () => {
    const wrong = [{ sliceBytes: 0 }, { sliceBytes: Number.NaN }, { latencyMs: -1 }, { latencyMs: Number.NaN }]
    for (const options of [...wrong, { highWaterMarkBytes: 'x' }] as never[])
      expect(() => duplexPair(options))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    const [, , wire] = duplexPair({ latencyMs: 0 })
    for (const chunks of [-1, 0.5, Number.NaN])
      expect(() => wire.there.lose(chunks))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
  })

  it('brings bytes and ends later, in order', async () => {
    const [left, right] = duplexPair({ latencyMs: 2 })
    left.write('a')
    left.end('b')
    expect(right.readableLength).to.equal(0)
    expect(await chunksOf(right)).to.deep.equal(['a', 'b'])
  })

  it('resets the other side where one is destroyed before its end, and only there', async () => {
    const [left, right] = duplexPair()
    left.destroy()
    const [error] = await once(right, 'error')
    expect(error).to.have.property('code', 'ECONNRESET')

    const [near, far] = duplexPair()
    near.end()
    far.end()
    near.resume()
    far.resume()
    await Promise.all([once(near, 'close'), once(far, 'close')])
  })
})
