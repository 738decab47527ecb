import { expect } from 'chai'
import type { Bus, Gap } from '../../lib/bus/contract.ts'
import { LocalHub } from '../../lib/bus/local/local-bus.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { bytes, codeOf, overBothEngines, text, until } from '../support/engines.ts'

describe('what a bus keeps', () => {
  const read = async (bus: Bus, channel: string, logKind?: string): Promise<string[]> => {
    const heard: string[] = []
    let isDone = false
    const options = logKind === undefined ? {} : { logKind }
    const onCaughtUp = () => {
      isDone = true
    }
    const subscription = await bus.subscribe(channel, (frame) => heard.push(text(frame)), {
      since: 'first',
      echo: true,
      onCaughtUp,
      ...options,
    })
    await until(() => isDone)
    subscription.close()
    return heard
  }

  overBothEngines((join, engine) => {
    it('differs by the kind of log, whose channels are its own', async () => {
      const options = { logKinds: { brief: { logMaxFrames: 3 }, 'a.>': { logMaxFrames: 2 } } }
      const [a, b] = [await join(options), await join(options)]
      for (let n = 1; n <= 6; n++) {
        await a.publish('room', bytes(`${n}`), { durable: true })
        await a.publish('room', bytes(`brief ${n}`), { durable: true, logKind: 'brief' })
        await a.publish('room', bytes(`odd ${n}`), { durable: true, logKind: 'a.>' })
      }
      expect(await read(b, 'room')).to.deep.equal(['1', '2', '3', '4', '5', '6'])
      expect(await read(b, 'room', 'brief')).to.deep.equal(['brief 4', 'brief 5', 'brief 6'])
      expect(await read(b, 'room', 'a.>')).to.deep.equal(['odd 5', 'odd 6'])
    })

    it('is refused for a kind that the bus does not know, or live', async () => {
      const bus = await join({ logKinds: { brief: {} } })
      const [frame, logKind] = [bytes('x'), 'breif']
      expect(await codeOf(bus.publish('room', frame, { durable: true, logKind }))).to.equal('ERR_QBP_BAD_OPTION')
      expect(await codeOf(bus.subscribe('room', () => {}, { since: 'now', logKind }))).to.equal('ERR_QBP_BAD_OPTION')
      expect(await codeOf(bus.publish('room', frame, { logKind: 'brief' }))).to.equal('ERR_QBP_BAD_OPTION')
    })

    it('is no more than logMaxBytes over all logs of a kind, the oldest dropped first, and readers hear of it', async () => {
      const [a, b] = [await join({ logMaxBytes: 40_000 }), await join({ logMaxBytes: 40_000 })]
      const first = await a.publish('one', new Uint8Array(10_000), { durable: true })
      for (let n = 1; n <= 6; n++) await a.publish('two', new Uint8Array(10_000), { durable: true })
      await a.publish('one', bytes('last'), { durable: true })
      expect((await read(b, 'two')).length).to.be.within(2, 4)
      expect(await read(b, 'one')).to.deep.equal(['last'])
      const gaps: Gap['reason'][] = []
      await b.subscribe('one', () => {}, { since: first, onGap: ({ reason }) => gaps.push(reason) })
      await b.subscribe('two', () => {}, { since: 'now', onGap: ({ reason }) => gaps.push(reason) })
      expect(gaps.length).to.be.lessThan(2) // the next frame of `one` is there
    })

    it('lets no more than maxQueuedBytes wait for the engine', async () => {
      const bus = await join({ maxQueuedBytes: 10_000 })
      await bus.publish('log', bytes('0'), { durable: true })
      await engine().down()
      await until(() => !bus.isUp)
      const waiting = Array.from({ length: 10 }, () => bus.publish('log', new Uint8Array(1000), { durable: true }))
      expect(await codeOf(bus.publish('log', bytes('x'), { durable: true }))).to.equal('ERR_QBP_QUEUE_FULL')
      await engine().up()
      await Promise.all(waiting)
      await bus.publish('log', new Uint8Array(20_000), { durable: true }) // Alone, anything that fits into a frame.
      expect((await read(bus, 'log')).length).to.equal(12)
    })
  })

  it('takes limits that are positive integers or Infinity', async () => {
    const wrong = [{ logMaxBytes: 0 }, { logMaxFrames: 1.5 }, { logMaxAgeMs: -1 }, { logMaxBytes: Number.NaN }]
    for (const limits of wrong) {
      expect(() => new LocalHub(limits)).to.throw(Object.keys(limits)[0] as string)
      expect(() => new LocalHub({ logKinds: { brief: limits } })).to.throw(`logKinds.brief.${Object.keys(limits)[0]}`)
    }
    expect(() => new LocalHub({ logKinds: { brief: { maxFrames: 1 } as never } })).to.throw('logKinds.brief')
    expect(() => new LocalHub({ logKinds: { '': {} } })).to.throw('an empty name')
    const bad = [
      { maxQueuedBytes: 0 },
      { logKinds: { brief: { logMaxAgeMs: 1 } } },
      { compression: 'gzip' as never },
      { storage: 'disk' as never },
    ]
    for (const options of bad) expect(await codeOf(natsBus(options))).to.equal('ERR_QBP_BAD_OPTION')
    expect(() => new LocalHub().bus({ maxQueuedBytes: -1 })).to.throw('maxQueuedBytes')
  })

  it('is dropped at once, and in little time, where many logs share logMaxBytes', async () => {
    await using bus = new LocalHub({ logMaxBytes: 1000 }).bus()
    for (let n = 0; n < 50_000; n++) await bus.publish(`room ${n % 700}`, bytes('0123456789'), { durable: true })
    let kept = 0
    for (let n = 0; n < 700; n++) kept += (await read(bus, `room ${n}`)).length
    expect(kept).to.equal(100)
  })
})
