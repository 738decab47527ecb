import { setTimeout as pause } from 'node:timers/promises'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect } from 'chai'
import type { Bus, Gap, Position } from '../../lib/bus/contract.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'
import { Wire } from '../support/wire.ts'

describe('the logs of natsBus', function () {
  this.timeout(20_000)
  let server: NatsServer
  let run = 0
  let buses: Bus[] = []

  before(async function () {
    server = await NatsServer.start(this)
  })

  after(() => server?.stop())

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    buses = []
  })

  beforeEach(() => {
    run++
  })

  const node = async (options: Parameters<typeof natsBus>[0] = {}) => {
    const bus = await natsBus({ servers: server.url, prefix: `logs-${run}`, ...options })
    buses.push(bus)
    return bus
  }

  const publish = async (bus: Bus, channel: string, from: number, to: number): Promise<Position[]> => {
    const positions: Position[] = []
    for (let n = from; n <= to; n++) positions.push(await bus.publish(channel, bytes(`${n}`), { durable: true }))
    return positions
  }

  it('take one stream and no consumer, however many channels there are', async () => {
    const [a, b] = [await node(), await node()]
    const heard = new Set<string>()
    const channels = Array.from({ length: 500 }, (_, n) => `room ${n}`)
    await Promise.all(channels.map((each) => b.subscribe(each, (frame) => heard.add(text(frame)), { since: 'now' })))
    await Promise.all(channels.map((each) => a.publish(each, bytes(each), { durable: true })))
    await until(() => heard.size === channels.length)
    await using operator = await connect({ servers: server.url })
    const manager = await jetstreamManager(operator)
    const own = async () => {
      const streams = await manager.streams.list().next()
      return streams.filter(({ config }) => config.name.startsWith(`logs-${run}-`))
    }
    // Whoever came late has read what it missed by a consumer, which is deleted after that.
    while ((await own()).some(({ state }) => state.consumer_count > 0));
    expect((await own()).map(({ config, state }) => [config.name, state.num_subjects])).to.deep.equal([
      [`logs-${run}-logs`, channels.length],
    ])
  })

  it('take prefixes, kinds and channels of any length that a name has', async () => {
    const [long, other] = ['ü'.repeat(256), `${'ü'.repeat(255)}u`]
    const logKinds = { [long]: {}, [other]: {} }
    const [a, b] = [await node({ prefix: long, logKinds }), await node({ prefix: other, logKinds })]
    const heard: string[] = []
    for (const [name, bus] of [['a', a] as const, ['b', b] as const]) {
      for (const logKind of [long, other, undefined]) {
        const kind = logKind === undefined ? {} : { logKind }
        await bus.subscribe(long, (frame) => heard.push(text(frame)), { since: 'first', echo: true, ...kind })
        await bus.publish(long, bytes(name + logKind?.at(-1)), { durable: true, ...kind })
      }
      await bus.store.put(['k'], bytes(name))
    }
    await until(() => heard.length === 6)
    expect(heard.sort()).to.deep.equal(['aundefined', 'au', 'aü', 'bundefined', 'bu', 'bü'].sort())
    expect(
      (await Promise.all([a, b].map((bus) => bus.store.get(['k'])))).map((each) => text(each?.value as Uint8Array)),
    ).to.deep.equal(['a', 'b'])
  })

  it('keep buses apart whose prefixes and channels run into each other', async () => {
    const [a, b] = [await node({ prefix: 'acme' }), await node({ prefix: 'acme-log' })]
    const heard: string[] = []
    await b.subscribe('secret', (frame) => heard.push(text(frame)), { since: 'first' })
    await b.subscribe('log-secret', (frame) => heard.push(text(frame)), { since: 'first' })
    for (const channel of ['log-secret', 'secret', 'logs']) await a.publish(channel, bytes('x'), { durable: true })
    await b.publish('secret', bytes('own'), { durable: true })
    const own: string[] = []
    await b.subscribe('secret', (frame) => own.push(text(frame)), { since: 'first', echo: true })
    await until(() => own.length === 1)
    expect([heard, own]).to.deep.equal([[], ['own']])
  })

  it('report a gap to a reader of what a log that came back as an older copy lacks', async () => {
    const [a, b] = [await node(), await node()]
    const gaps: Gap[] = []
    const heard: string[] = []
    const onGap = (gap: Gap) => gaps.push(gap)
    await b.subscribe('log', (frame) => heard.push(text(frame)), { since: 'now', onGap })
    const [kept] = await publish(a, 'log', 1, 10)
    await until(() => heard.length === 10)
    await server.kill()
    server.save()
    await server.up()
    await until(() => a.isUp && b.isUp)
    const lost = await publish(a, 'log', 11, 20)
    await until(() => heard.length === 20)

    await server.kill()
    server.restore()
    await server.up()
    await until(() => gaps.length === 1)
    expect(gaps[0]).to.include({ channel: 'log', reason: 'lost' })
    expect(gaps[0]?.after).to.deep.equal(lost.at(-1))

    // The same numbers come again, for other frames.
    await until(() => a.isUp)
    await publish(a, 'log', 31, 45)
    await until(() => heard.length === 35)
    for (const since of [lost.at(0), lost.at(-1)]) {
      const reasons: string[] = []
      await b.subscribe('log', () => {}, { since: since as Position, onGap: ({ reason }) => reasons.push(reason) })
      expect(reasons).to.deep.equal(['lost'])
    }
    const again: string[] = []
    const since = kept as Position
    await b.subscribe('log', (frame) => again.push(text(frame)), { since, onGap: () => expect.fail('it is there') })
    await until(() => again.length === 24)
    expect(again).to.deep.equal([...heard.slice(1, 10), ...heard.slice(20)])
    expect(gaps.length).to.equal(1)
  })

  it('report a gap where an operator has deleted what was not read', async () => {
    const [a, b] = [await node(), await node()]
    const [first] = await publish(a, 'log', 1, 10)
    await publish(a, 'other', 1, 1)
    await using operator = await connect({ servers: server.url })
    await (await jetstreamManager(operator)).streams.purge(`logs-${run}-logs`, {
      filter: `logs-${run}.logs.log`,
      keep: 2,
    })
    const heard: string[] = []
    const since = first as Position
    await b.subscribe('log', (frame) => heard.push(text(frame)), { since, onGap: ({ reason }) => heard.push(reason) })
    await until(() => heard.length === 3)
    expect(heard).to.deep.equal(['trimmed', '9', '10'])
  })

  it('report a gap where replicas took back what they had said, and it was sent again', async () => {
    // What a stream then looks like: a message stands in it with the ID of one that was delivered by another number.
    const [a, b] = [await node(), await node()]
    const heard: string[] = []
    await b.subscribe('log', (frame) => heard.push(text(frame)), {
      since: 'now',
      onGap: ({ reason }) => heard.push(reason),
    })
    const [first] = await publish(a, 'log', 1, 1)
    await until(() => heard.length === 1)
    await using operator = await connect({ servers: server.url })
    const manager = await jetstreamManager(operator)
    await manager.streams.update(`logs-${run}-logs`, { duplicate_window: 100_000_000 })
    const again = async () =>
      jetstream(operator).publish(`logs-${run}.logs.log`, bytes('1'), { msgID: first?.mark as string })
    // The server forgets the ID after 0.1 s, a while later where it is busy.
    while ((await again()).duplicate) await pause(50)
    await publish(a, 'log', 2, 2)
    await until(() => heard.at(-1) === '2')
    expect(heard).to.deep.equal(['1', 'lost', '2'])
  })

  it('see what a connection has lost, with the next frame or without one', async () => {
    const wire = await Wire.to(server.port)
    try {
      const [a, b] = [await node(), await node({ servers: wire.url })]
      const heard: string[] = []
      await b.subscribe('log', (frame) => heard.push(text(frame)), { since: 'now', onGap: () => expect.fail('no gap') })
      for (let round = 1; round <= 3; round++) {
        let losses = 0
        wire.loses = (said) => said.includes('.tail.log ') && losses++ === 0
        await publish(a, 'log', 2 * round - 1, 2 * round - 1)
        await until(() => losses === 1)
        if (round < 3) await publish(a, 'log', 2 * round, 2 * round)
        await until(() => heard.at(-1) === `${round < 3 ? 2 * round : 5}`)
      }
      expect(heard).to.deep.equal(['1', '2', '3', '4', '5'])
    } finally {
      await wire.close()
    }
  })

  it('take what comes while a frame is on its way, in order, up to maxQueuedBytes', async () => {
    const wire = await Wire.to(server.port)
    try {
      const a = await node({ servers: wire.url, maxQueuedBytes: 10_000 })
      await a.publish('log', bytes('0'), { durable: true })
      wire.isDeaf = true
      const sent = Array.from({ length: 10 }, () => a.publish('log', new Uint8Array(1000), { durable: true }))
      expect(await codeOf(a.publish('log', bytes('x'), { durable: true }))).to.equal('ERR_QBP_QUEUE_FULL')
      wire.cut()
      wire.isDeaf = false
      await Promise.all(sent)
      await a.publish('log', new Uint8Array(20_000), { durable: true }) // Alone, anything that fits into a frame.
    } finally {
      await wire.close()
    }
  })

  it('publish 2,000 frames a second to one channel over 10 ms of round trip', async () => {
    const wire = await Wire.to(server.port)
    try {
      const a = await node({ servers: wire.url })
      wire.before = () => new Promise((resolve) => setTimeout(resolve, 10))
      await a.publish('log', bytes('0'), { durable: true })
      let trips = 0
      wire.before = () => {
        trips++
        return new Promise((resolve) => setTimeout(resolve, 10))
      }
      await Promise.all(Array.from({ length: 2000 }, (_, n) => a.publish('log', bytes(`${n}`), { durable: true })))
      expect(trips).to.be.lessThan(20)
    } finally {
      await wire.close()
    }
  })
})
