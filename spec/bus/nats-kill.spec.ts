import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { Bus } from '../../lib/bus/contract.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { bytes, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'
import { Tally } from '../support/tally.ts'

/** What spec/support/bus-node.ts reports. */
interface Report {
  readonly ready?: boolean
  readonly live?: number
  readonly log?: number
  readonly lane?: number
  readonly read?: number
  readonly epoch?: string
  readonly offset?: string
}

// Times below are the length of the load, not limits: nothing is asserted about them.
const AWAY_MS = 300

describe('natsBus over kill -9', function () {
  this.timeout(20_000)
  let server: NatsServer
  let buses: Bus[] = []
  let victim: ChildProcess | undefined

  before(async function () {
    server = await NatsServer.start(this)
  })

  after(() => server?.stop())

  afterEach(async () => {
    victim?.kill('SIGKILL')
    await Promise.all(buses.map((bus) => bus.close()))
    buses = []
  })

  const node = async (prefix: string): Promise<Bus> => {
    const bus = await natsBus({ servers: server.url, prefix })
    buses.push(bus)
    return bus
  }

  const crash = async () => {
    await server.kill()
    await pause(AWAY_MS)
    await server.up()
  }

  it('delivers live frames at most once, in order, and refuses them while the server is away', async () => {
    const [a, b] = [await node('live'), await node('live')]
    const tally = new Tally()
    await b.subscribe('room', (frame) => tally.deliver(Number(text(frame))))
    let isCrashing = true
    const crashing = pause(200)
      .then(crash)
      .then(() => pause(AWAY_MS))
      .then(() => {
        isCrashing = false
      })
    let n = 0
    while (isCrashing || !a.isUp || !b.isUp) {
      n++
      try {
        await a.publish('room', bytes(String(n)))
        tally.acknowledge(n)
      } catch (error) {
        expect(error).to.have.property('code', 'ERR_QBP_BUS_DOWN')
        tally.refused++
      }
      if (n % 10 === 0) await turn()
    }
    await crashing
    await a.publish('room', bytes(String(++n)))
    tally.acknowledge(n)
    await until(() => tally.has(n)) // It goes on after what was refused.
    tally.print('live')
    expect(tally.refused).to.be.greaterThan(0)
    expect(tally).to.include({ duplicated: 0, reordered: 0, unacknowledged: 0 })
  })

  it('loses no durable frame that was acknowledged, repeats none, and has one order', async () => {
    const [a, b, reader] = [await node('log'), await node('log'), await node('log')]
    const tallies = [new Tally(), new Tally()]
    const order: string[] = []
    const offsets: bigint[] = []
    await reader.subscribe(
      'room',
      (frame, { offset }) => {
        const [who, n] = text(frame).split(':').map(Number) as [number, number]
        tallies[who]?.deliver(n)
        order.push(text(frame))
        offsets.push(offset)
      },
      { since: 'now', onGap: () => expect.fail('there is no gap') },
    )
    let isLoading = true
    const load = [a, b].map(async (bus, who) => {
      for (let n = 1; isLoading; n += 20) {
        await Promise.all(
          Array.from({ length: 20 }, async (_, i) => {
            await bus.publish('room', bytes(`${who}:${n + i}`), { durable: true })
            tallies[who]?.acknowledge(n + i)
          }),
        )
      }
    })
    for (let n = 0; n < 2; n++) {
      await pause(200)
      await crash()
    }
    await until(() => tallies.every((tally) => tally.sent > 100))
    isLoading = false
    await Promise.all(load)
    await until(() => tallies.every((tally) => tally.delivered === tally.sent))
    for (const [who, tally] of tallies.entries()) {
      tally.print(`durable, publisher ${who}`)
      expect(tally.sent).to.be.greaterThan(100)
      expect(tally).to.include({ lost: 0, duplicated: 0, reordered: 0, unacknowledged: 0 })
    }
    expect(offsets.every((offset, i) => i === 0 || offset > (offsets[i - 1] as bigint))).to.equal(true)
    // Who comes later reads the very same.
    const replayed: string[] = []
    await a.subscribe('room', (frame) => replayed.push(text(frame)), { since: 'first', echo: true })
    await until(() => replayed.length >= order.length)
    expect(replayed).to.deep.equal(order)
  })

  it('keeps what a killed node had acknowledged, drops its presence, and lets another read on where it was', async () => {
    const bus = await node('victim')
    const [live, logs] = [new Tally(), [new Tally(), new Tally()]]
    const feed = new Tally()
    const presence: (string | null)[] = []
    await bus.subscribe('live', (frame) => live.deliver(Number(text(frame))))
    for (const [lane, tally] of logs.entries()) {
      await bus.subscribe(`log-${lane}`, (frame) => tally.deliver(Number(text(frame))), { since: 'first' })
    }
    await bus.store.watch(['presence'], ({ value }) => presence.push(value && text(value)))
    const args = [
      join(__dirname, '../../scripts/ts.cjs'),
      join(__dirname, '../support/bus-node.ts'),
      server.url,
      'victim',
    ]
    victim = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let readTo = { epoch: 'none', offset: 0n }
    let isReady = false
    victim.on('message', (report: Report) => {
      if (report.ready) isReady = true
      else if (report.live) live.acknowledge(report.live)
      else if (report.log) logs[report.lane ?? 0]?.acknowledge(report.log)
      else if (report.read) {
        feed.deliver(report.read)
        readTo = { epoch: report.epoch ?? '', offset: BigInt(report.offset ?? 0) }
      }
    })
    await until(() => isReady)
    let isFeeding = true
    const feeding = (async () => {
      for (let n = 1; isFeeding; n++) {
        await bus.publish('feed', bytes(String(n)), { durable: true })
        feed.acknowledge(n)
      }
    })()
    await until(() => [...logs, live].every((tally) => tally.sent > 10) && live.delivered > 10 && feed.delivered > 0)
    const gone = once(victim, 'exit')
    victim.kill('SIGKILL')
    await gone
    isFeeding = false
    await feeding
    await until(() => presence.at(-1) === null)

    const taken = feed.delivered
    await bus.subscribe('feed', (frame) => feed.deliver(Number(text(frame))), { since: readTo, echo: true })
    await until(() => feed.delivered === feed.sent)
    await until(() => logs.every((tally) => tally.lost === 0))
    live.print('live, of the killed node')
    for (const tally of logs) {
      tally.print('durable, of the killed node')
      expect(tally.sent).to.be.greaterThan(10)
      expect(tally).to.include({ lost: 0, duplicated: 0, reordered: 0 })
    }
    feed.print(`a feed, ${taken} read by the killed node, then resumed by another`)
    expect(taken).to.be.greaterThan(0)
    expect(feed).to.include({ lost: 0, duplicated: 0, reordered: 0 })
    expect(live).to.include({ duplicated: 0, reordered: 0 })
    expect(live.delivered).to.be.greaterThan(10)
    // While it lived a renewal may have been late under its load: each presence has ended once, the last one by the kill.
    expect(presence.filter((each, i) => each === null && typeof presence[i - 1] !== 'string')).to.deep.equal([])
  })
})
