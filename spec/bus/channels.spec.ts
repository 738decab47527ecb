import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect } from 'chai'
import type { BusChannelEvents } from '../../lib/bus/bus-channels.ts'
import type { Bus, Position } from '../../lib/bus/contract.ts'
import { bytes, codeOf, overBothEngines, until } from '../support/engines.ts'

describe('the diagnostics channels of buses', () => {
  const NAMES = ['qbp:bus:up', 'qbp:bus:down', 'qbp:bus:gap', 'qbp:bus:lag', 'qbp:bus:queue'] as const
  let events: { readonly name: string; readonly event: { readonly bus: Bus } & Record<string, unknown> }[] = []
  const hear = (event: unknown, name: string | symbol) => events.push({ name: String(name), event: event as never })

  beforeEach(() => {
    events = []
    for (const name of NAMES) subscribe(name, hear)
  })
  afterEach(() => {
    for (const name of NAMES) unsubscribe(name, hear)
  })

  const of = <N extends keyof BusChannelEvents>(name: N, bus: Bus) =>
    events
      .filter((each) => each.name === name && each.event.bus === bus)
      .map((each) => each.event as unknown as BusChannelEvents[N])

  overBothEngines((join, engine) => {
    it('report when the engine is away and when it is back', async () => {
      const bus = await join()
      await engine().down()
      await until(() => of('qbp:bus:down', bus).length === 1)
      await engine().up()
      await until(() => of('qbp:bus:up', bus).length === 1)
      expect(of('qbp:bus:down', bus).length).to.equal(1)
    })

    it('report a gap with what its reader hears, and a lag with its channel', async () => {
      const bus = await join({ logMaxFrames: 2 })
      const positions: Position[] = []
      for (let n = 0; n < 6; n++) positions.push(await bus.publish('log', bytes(`${n}`), { durable: true }))
      const [after] = positions as [Position]
      await bus.subscribe('log', () => {}, { since: after })
      await until(() => of('qbp:bus:gap', bus).length === 1)
      expect(of('qbp:bus:gap', bus)[0]?.gap).to.deep.include({ channel: 'log', reason: 'trimmed', after })
      expect(of('qbp:bus:lag', bus).map(({ channel }) => channel)).to.include('log')
    })

    it('report a full queue with how many bytes would wait, and how many may', async () => {
      const bus = await join({ maxQueuedBytes: 10 })
      await bus.publish('log', bytes('0'), { durable: true })
      await engine().down()
      await until(() => !bus.isUp)
      const waiting = bus.publish('log', bytes('12345678'), { durable: true })
      expect(await codeOf(bus.publish('log', bytes('123'), { durable: true }))).to.equal('ERR_QBP_QUEUE_FULL')
      expect(of('qbp:bus:queue', bus)).to.deep.equal([{ bus, bytes: 11, limit: 10 }])
      await engine().up()
      await waiting
    })
  })
})
