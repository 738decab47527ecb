import { expect } from 'chai'
import { LocalHub, localBus } from '../../lib/bus/local/local-bus.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'

describe('localBus', () => {
  it('is a bus of its own without a hub, and shares what it is given', async () => {
    const shared = new LocalHub()
    await using a = localBus({ hub: shared, node: 'a' })
    await using b = localBus({ hub: shared })
    await using other = localBus()
    const heard: string[] = []
    a.on('frame', (frame) => heard.push(text(frame)))
    await b.send('a', bytes('hello'))
    expect(heard).to.deep.equal(['hello'])
    expect(await codeOf(other.send('a', bytes('hello')))).to.equal('ERR_QBP_NO_NODE')
  })

  it('drops what is older than logMaxAgeMs, and reports it', async () => {
    const young = new LocalHub({ logMaxAgeMs: 20 })
    await using bus = young.bus()
    const first = await bus.publish('log', bytes('1'), { durable: true })
    await bus.publish('log', bytes('2'), { durable: true })
    const start = performance.now()
    await until(() => performance.now() - start > 40)
    const gaps: bigint[] = []
    await bus.subscribe('log', () => expect.fail('trimmed'), {
      since: first,
      onGap: (gap) => gaps.push(gap.resumed.offset),
    })
    await until(() => gaps.length === 1)
    expect(gaps).to.deep.equal([2n])
  })

  it('trims a log of many frames in linear time', async () => {
    const small = new LocalHub({ logMaxFrames: 10 })
    await using bus = small.bus()
    const frame = bytes('x')
    for (let n = 0; n < 100_000; n++) await bus.publish('log', frame, { durable: true })
    const offsets: bigint[] = []
    await bus.subscribe('log', (_, position) => offsets.push(position.offset), { since: 'first', echo: true })
    await until(() => offsets.length === 10)
    expect(offsets.at(-1)).to.equal(100_000n)
  })

  it('lets timers have their turn, however many readers have missed a lot', async () => {
    await using bus = localBus()
    const frame = bytes('x')
    for (let n = 0; n < 2000; n++) await bus.publish('log', frame, { durable: true })
    let [caughtUp, turns] = [0, 0]
    const readers = 300
    const timer = setInterval(() => turns++, 1)
    const options = { since: 'first', echo: true, onCaughtUp: () => caughtUp++ } as const
    let heard = 0
    for (let n = 0; n < readers; n++) void bus.subscribe('log', () => heard++, options)
    await until(() => caughtUp === readers)
    clearInterval(timer)
    expect(heard).to.equal(readers * 2000)
    expect(turns).to.be.greaterThan(2000 / 256) // one for each time that all readers had a piece, at least
  })

  it('refuses bad options', () => {
    for (const options of [{ timeoutMs: 0 }, { timeoutMs: 60_001 }, { timeoutMs: Number.NaN }]) {
      expect(() => localBus(options)).to.throw('timeoutMs')
    }
    expect(() => new LocalHub({ maxTtlMs: 2 ** 31 })).to.throw('maxTtlMs')
    expect(() => new LocalHub({ logMaxFrames: 0 })).to.throw('logMaxFrames')
  })
})
