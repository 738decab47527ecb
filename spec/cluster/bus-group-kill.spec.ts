import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { type Bus, BusGroup, formatPosition, type Position, parsePosition, Sessions } from '../../lib/index.ts'
import { until } from '../support/engines.ts'
import { Client, protocol, say } from '../support/grid.ts'
import { NatsServer } from '../support/nats-server.ts'
import { Tally } from '../support/tally.ts'

// Times below are the length of the load, not limits: nothing is asserted about them.
const AWAY_MS = 300
const PRESENCE_MS = 400

describe('BusGroup over kill -9', function () {
  this.timeout(90_000)
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

  const groupOn = (bus: Bus) =>
    new BusGroup(protocol, bus, 'lobby', {
      durable: true,
      presenceTtlMs: PRESENCE_MS,
      stamp: (message: object, at: Position) => ({ ...message, $name: 'Said' as const, position: formatPosition(at) }),
    })

  it('of the NATS server loses nothing of durable groups, resumes sessions, and drops no member', async () => {
    const [a, b] = [groupOn(await node('nats')), groupOn(await node('nats'))]
    const [sessionsA, sessionsB] = [new Sessions(buses[0] as Bus), new Sessions(buses[1] as Bus)]
    const session = await sessionsA.open({ name: 'ann' })
    const [stays, comesBack, stuck] = [new Client(), new Client(), new Client({ reads: false, maxQueuedBytes: 10_000 })]
    await b.join(stays.writer, { name: 'ben' })
    await a.join(comesBack.writer, { name: 'ann' })
    await b.join(stuck.writer, { name: 'cleo' })
    const tallies = [new Tally(), new Tally()]
    let isLoading = true
    const load = [a, b].map(async (group, who) => {
      for (let n = 1; isLoading; n += 10) {
        await Promise.all(
          Array.from({ length: 10 }, async (_, i) => {
            await group.broadcast(say(`${who}:${n + i}`))
            tallies[who]?.acknowledge(n + i)
          }),
        )
      }
    })
    await until(() => stuck.fault !== undefined)
    await until(() => comesBack.heard.length > 50)
    comesBack.writer.destroy()
    const names = async () => (await a.members()).map(({ name }) => name)
    while (String(await names()) !== 'ben') await pause(2)
    await server.kill()
    await pause(AWAY_MS)
    await server.up()
    await until(() => buses.every((bus) => bus.isUp))
    const members = await names()
    const resumed = await sessionsB.resume(session.token)
    expect(resumed?.state).to.deep.equal({ name: 'ann' })
    const again = new Client()
    await b.join(again.writer, { name: 'ann', since: parsePosition(comesBack.positions.at(-1) ?? '') })
    const { position } = stuck.fault as Error & { position: string }
    const unstuck = new Client()
    await a.join(unstuck.writer, { name: 'cleo', since: parsePosition(position) })
    await until(() => tallies.every((tally) => tally.sent > 50))
    isLoading = false
    await Promise.all(load)
    const all = () => tallies.reduce((sum, tally) => sum + tally.sent, 0)
    await until(() => stays.heard.length >= all() && comesBack.heard.length + again.heard.length >= all())
    await until(() => unstuck.positions.at(-1) === stays.positions.at(-1))
    for (const text of [...comesBack.heard, ...again.heard]) {
      const [who, n] = text.split(':').map(Number) as [number, number]
      tallies[who]?.deliver(n)
    }
    for (const [who, tally] of tallies.entries()) {
      tally.print(`durable group, publisher ${who}, heard by a client that came back to another node`)
      expect(tally.sent).to.be.greaterThan(50)
      expect(tally).to.include({ lost: 0, duplicated: 0, reordered: 0, unacknowledged: 0 })
    }
    expect([...comesBack.heard, ...again.heard]).to.deep.equal(stays.heard)
    expect(unstuck.positions).to.deep.equal(stays.positions.slice(stays.positions.indexOf(position) + 1))
    expect(members).to.deep.equal(['ben'])
    console.log(`      a slow client was dropped at ${position} and resumed from there: missed 0`)
  })

  it('of a node keeps what it had acknowledged, drops its members, and lets its client go on elsewhere', async () => {
    const group = groupOn(await node('victim'))
    const watcher = new Client()
    await group.join(watcher.writer, { name: 'ben' })
    const args = [
      join(__dirname, '../../scripts/ts.cjs'),
      join(__dirname, '../support/grid-node.ts'),
      server.url,
      'victim',
    ]
    victim = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const heard: string[] = []
    const tally = new Tally()
    let position = ''
    let isReady = false
    victim.on('message', (report: { ready?: true; sent?: number; heard?: string; position?: string }) => {
      if (report.ready) isReady = true
      else if (report.sent !== undefined) tally.acknowledge(report.sent)
      else {
        heard.push(report.heard ?? '')
        position = report.position ?? ''
      }
    })
    await until(() => isReady)
    const names = async () => (await group.members()).map(({ name, node }) => `${name}@${node === 'victim'}`)
    while ((await names()).length < 2) await pause(5)
    expect(await names()).to.deep.equal(['ben@false', 'ann@true'])
    let isTalking = true
    const talking = (async () => {
      for (let n = 1; isTalking; n++) await group.broadcast(say(`b${n}`))
    })()
    await until(() => tally.sent > 10)
    const gone = once(victim, 'exit')
    victim.kill('SIGKILL')
    await gone
    while ((await names()).length > 1) await pause(5)
    const again = new Client()
    await group.join(again.writer, { name: 'ann', since: parsePosition(position) })
    isTalking = false
    await talking
    await until(() => again.positions.at(-1) === watcher.positions.at(-1) && watcher.heard.length > 0)
    await until(() => heard.length + again.heard.length === watcher.heard.length)
    expect([...heard, ...again.heard]).to.deep.equal(watcher.heard)
    for (const text of watcher.heard) if (text.startsWith('v')) tally.deliver(Number(text.slice(1)))
    tally.print(
      `durable group, of the killed node; its client heard ${heard.length} there and ${again.heard.length} elsewhere`,
    )
    expect(tally.sent).to.be.greaterThan(10)
    expect(tally).to.include({ lost: 0, duplicated: 0, reordered: 0 })
  })
})
