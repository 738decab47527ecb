import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { expect } from 'chai'
import type { Bus, Gap, Position } from '../../lib/bus/contract.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { Sessions } from '../../lib/index.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'

// What an operator of NATS does, and what happens around a server, while nodes are connected.

describe('natsBus and its operator', function () {
  this.timeout(20_000)
  let server: NatsServer
  let operator: NatsConnection
  let run = 0
  let buses: Bus[] = []
  const prefix = () => `operator-${run}`

  before(async function () {
    server = await NatsServer.start(this)
    operator = await connect({ servers: server.url, maxReconnectAttempts: -1 })
  })
  after(async () => {
    await operator?.close()
    await server?.stop()
  })
  beforeEach(() => {
    run++
  })
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    buses = []
  })

  const node = async (options: Parameters<typeof natsBus>[0] = {}) => {
    const bus = await natsBus({ servers: server.url, prefix: prefix(), ...options })
    buses.push(bus)
    return bus
  }
  const publish = async (bus: Bus, channel: string, from: number, to: number): Promise<Position[]> => {
    const positions: Position[] = []
    for (let n = from; n <= to; n++) positions.push(await bus.publish(channel, bytes(`${n}`), { durable: true }))
    return positions
  }
  /** What a reader hears: frames, and gaps by their reason. */
  const listen = async (bus: Bus, channel: string, since: Position | 'now' | 'first'): Promise<string[]> => {
    const heard: string[] = []
    const onGap = ({ reason }: Gap) => heard.push(reason)
    await bus.subscribe(channel, (frame) => heard.push(text(frame)), { since, onGap })
    return heard
  }
  const streams = async () => (await jetstreamManager(operator)).streams

  it('goes on in a new stream after the old one was deleted, and reports the loss', async () => {
    const [a, b] = [await node(), await node()]
    const [first] = await publish(a, 'log', 1, 3)
    const heard = await listen(b, 'log', first as Position)
    await until(() => heard.length === 2)
    await (await streams()).delete(`${prefix()}-logs`)
    const [again] = await publish(a, 'log', 4, 4)
    expect(again?.epoch).not.to.equal(first?.epoch)
    await until(() => heard.includes('4'))
    expect(heard).to.deep.equal(['2', '3', 'lost', '4'])
    await publish(a, 'log', 5, 5)
    await until(() => heard.includes('5'))
    expect(await listen(b, 'log', first as Position)).to.include('lost')
  })

  it('reports the loss of a stream that is deleted while frames come, though its numbers go on where the old ones ended', async () => {
    const [a, b] = [await node(), await node()]
    const heard = await listen(b, 'log', 'now')
    await publish(a, 'log', 1, 20)
    await until(() => heard.length === 20)
    await (await streams()).delete(`${prefix()}-logs`)
    await publish(a, 'log', 21, 60)
    await until(() => heard.at(-1) === '60')
    const numbers = Array.from({ length: 60 }, (_, n) => `${n + 1}`)
    expect(heard).to.deep.equal([...numbers.slice(0, 20), 'lost', ...numbers.slice(20)])
  })

  it('reads what comes after a quiet reader’s stream was deleted, though nobody here publishes', async () => {
    const [a, b] = [await node(), await node()]
    await publish(a, 'log', 1, 3)
    const heard = await listen(b, 'log', 'now')
    await (await streams()).delete(`${prefix()}-logs`)
    await until(() => heard.length === 1) // by the comparison of what is quiet
    expect(heard).to.deep.equal(['lost'])
    await publish(a, 'log', 4, 4)
    await until(() => heard.length === 2)
    expect(heard).to.deep.equal(['lost', '4'])
  })

  it('reports a gap for what was purged, to those away alone', async () => {
    const [a, b] = [await node(), await node()]
    const [first] = await publish(a, 'log', 1, 5)
    const heard = await listen(b, 'log', 'now')
    await (await streams()).purge(`${prefix()}-logs`)
    await publish(a, 'log', 6, 6)
    await until(() => heard.length === 1)
    expect(heard).to.deep.equal(['6'])
    const late = await listen(b, 'log', first as Position)
    await until(() => late.length === 2)
    expect(late).to.deep.equal(['trimmed', '6'])
  })

  it('passes over single messages that were deleted, and knows a place whose message was', async () => {
    const [a, b] = [await node(), await node()]
    const positions = await publish(a, 'log', 1, 5)
    for (const i of [1, 2]) {
      const seq = Number((positions[i] as Position).offset >> 10n)
      await (await streams()).deleteMessage(`${prefix()}-logs`, seq)
    }
    const heard = await listen(b, 'log', positions[0] as Position)
    await until(() => heard.at(-1) === '5')
    expect(heard).to.deep.equal(['4', '5'])
    const late = await listen(b, 'log', positions[1] as Position)
    await until(() => late.at(-1) === '5')
    expect(late).to.deep.equal(['4', '5'])
  })

  it('refuses a publication to a sealed stream at once, and reads on', async () => {
    const [a, b] = [await node(), await node()]
    const [first] = await publish(a, 'log', 1, 3)
    const info = await (await streams()).info(`${prefix()}-logs`)
    await (await streams()).update(info.config.name, { ...info.config, sealed: true } as object)
    expect(await codeOf(a.publish('log', bytes('x'), { durable: true }))).to.equal('ERR_QBP_BUS_REFUSED')
    const heard = await listen(b, 'log', first as Position)
    await until(() => heard.length === 2)
    expect(heard).to.deep.equal(['2', '3'])
  })

  it('reports a gap where max_age was reached while a client was away', async () => {
    const options = { timeoutMs: 100, logMaxAgeMs: 400 }
    const [a, b] = [await node(options), await node(options)]
    const [first, second] = await publish(a, 'log', 1, 2)
    await publish(a, 'other', 1, 1)
    const info = async () => (await (await streams()).info(`${prefix()}-logs`)).state.messages
    for (let left = await info(); left > 0; left = await info()) await new Promise((resolve) => setTimeout(resolve, 50))
    await publish(a, 'log', 3, 3)
    const [early, end] = [await listen(b, 'log', first as Position), await listen(b, 'log', second as Position)]
    await until(() => early.at(-1) === '3' && end.at(-1) === '3')
    expect(early).to.deep.equal(['trimmed', '3'])
    expect(end.filter((each) => each === 'lost')).to.deep.equal([])
  })

  it('reports a gap to all who were away where an operator’s limits have cut, also where nothing stood yet', async () => {
    const [a, b] = [await node(), await node()]
    await publish(a, 'other', 1, 1)
    const stream = `${prefix()}-logs`
    const { config } = await (await streams()).info(stream)
    const second = 1_000_000_000
    const limits = [
      { max_msgs_per_subject: 3 },
      { max_msgs: 3 },
      { max_bytes: 1_000 },
      { max_age: second, duplicate_window: second },
    ]
    for (const limit of limits) {
      const log = Object.keys(limit).join()
      const empty = await b.subscribe(log, () => {}, { since: 'now' })
      const { position: nothing } = empty
      empty.close()
      const [first] = await publish(a, log, 1, 20)
      await (await streams()).update(stream, { ...config, ...limit })
      const left = async () => (await (await streams()).info(stream)).state.messages
      for (let messages = await left(); 'max_age' in limit && messages > 0; messages = await left())
        await new Promise((resolve) => setTimeout(resolve, 50))
      for (const since of [nothing, first]) {
        const heard = await listen(b, log, since as Position)
        await publish(a, log, 21, 21)
        await until(() => heard.at(-1) === '21')
        expect(heard[0], log).to.equal('trimmed')
      }
      await (await streams()).update(stream, config)
    }
  })

  it('reports a gap by the limits that the stream has, where those of another node were first', async () => {
    const [a, b] = [await node({ logMaxFrames: 5 }), await node()]
    await publish(a, 'other', 1, 1)
    const empty = await b.subscribe('log', () => {}, { since: 'now' })
    const { position } = empty
    empty.close()
    await publish(a, 'log', 1, 10)
    for (const bus of [a, b]) {
      const heard = await listen(bus, 'log', position as Position)
      await until(() => heard.length === (bus === a ? 1 : 6))
      expect(heard).to.deep.equal(['trimmed', ...(bus === a ? [] : ['6', '7', '8', '9', '10'])])
    }
  })

  it('does without a right clock of its own', async () => {
    const [a, b] = [await node(), await node()]
    const now = Date.now
    try {
      for (const off of [-86_400_000, 86_400_000 * 400]) {
        Date.now = () => now() + off
        const heard = await listen(b, `log ${off}`, 'now')
        const empty = await b.subscribe(`log ${off}`, () => {}, { since: 'now' })
        const session = await new Sessions(b).open({ off })
        await publish(a, `log ${off}`, 1, 3)
        await until(() => heard.length === 3)
        Date.now = now
        const resumed = await listen(a, `log ${off}`, empty.position as Position)
        expect(resumed.filter((each) => each === 'lost')).to.deep.equal([])
        expect((await new Sessions(a).resume(session.token))?.state).to.deep.equal({ off })
      }
    } finally {
      Date.now = now
    }
  })

  it('keeps two buses of one account apart by their prefixes alone', async () => {
    const [a, b] = [await node({ node: 'x' }), await node({ node: 'x', prefix: `${prefix()}-other` })]
    const heard = [await listen(b, 'log', 'first')]
    await b.subscribe('log', (frame) => heard[0]?.push(text(frame)))
    b.on('frame', (frame) => heard[0]?.push(text(frame)))
    await a.publish('log', bytes('1'))
    await publish(a, 'log', 1, 1)
    await a.store.put(['k'], bytes('1'))
    expect(await codeOf(a.send('y', bytes('x')))).to.equal('ERR_QBP_NO_NODE')
    await a.send('x', bytes('x'))
    await publish(b, 'log', 2, 2)
    expect([heard[0], await b.store.get(['k'])]).to.deep.equal([[], undefined])
  })

  it('keeps logs apart whatever the names of their channels hold', async () => {
    const [a, b] = [await node(), await node()]
    const names = [
      'a',
      'A',
      '>',
      '*',
      '.',
      'a.b',
      'a.*',
      ' ',
      '\r\n',
      '\0',
      '$JS.API',
      '_61',
      '/',
      '..',
      'é',
      '房间',
      '🙂',
      'x'.repeat(512),
    ]
    const heard = new Map<string, string[]>()
    for (const name of names) heard.set(name, await listen(b, name, 'first'))
    await Promise.all(names.map((name, n) => publish(a, name, n, n)))
    await until(() => [...heard.values()].every((each) => each.length > 0))
    expect([...heard.values()].map(String)).to.deep.equal(names.map((_, n) => `${n}`))
    for (const name of ['', 'x'.repeat(10_000), '\ud800']) {
      const code = 'ERR_QBP_BAD_NAME'
      expect(await codeOf(a.publish(name, bytes(''), { durable: true }))).to.equal(code)
      expect(await codeOf(a.subscribe(name, () => {}, { since: 'now' }))).to.equal(code)
    }
  })

  it('refuses logs and the store at once where JetStream is off, and does the rest', async () => {
    const plain = await NatsServer.launchPlain()
    try {
      const [a, b] = [await node({ servers: plain.url, node: 'a' }), await node({ servers: plain.url, node: 'b' })]
      const heard: string[] = []
      await b.subscribe('room', (frame) => heard.push(text(frame)))
      b.on('frame', (frame) => heard.push(text(frame)))
      await a.publish('room', bytes('live'))
      await until(() => heard.length === 1)
      await a.send('b', bytes('sent'))
      expect(heard).to.deep.equal(['live', 'sent'])
      const refused = await Promise.all(
        [
          a.publish('log', bytes('x'), { durable: true }),
          a.subscribe('log', () => {}, { since: 'now' }),
          a.store.get(['k']),
          a.store.put(['k'], bytes('x')),
          a.store.watch(['k'], () => {}),
          new Sessions(a).open({}),
        ].map(codeOf),
      )
      expect(refused).to.deep.equal(refused.map(() => 'ERR_QBP_BUS_REFUSED'))
    } finally {
      await plain.stop()
    }
  })

  it('comes back by itself after its user was taken away and given again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qbp-auth-'))
    const file = join(folder, 'nats.conf')
    const write = (pass: string) =>
      writeFileSync(
        file,
        `jetstream: { store_dir: "${folder}" }\n` +
          `authorization: { users: [{ user: node, password: ${pass} }, { user: other, password: other }] }\n`,
      )
    write('first')
    const guarded = await NatsServer.launchPlain('-c', file)
    try {
      const bus = await node({ servers: guarded.url, user: 'node', pass: 'first' })
      const other = await node({ servers: guarded.url, user: 'other', pass: 'other' })
      const heard = await listen(bus, 'log', 'now')
      write('second')
      guarded.signal('SIGHUP')
      await until(() => !bus.isUp)
      expect(await codeOf(bus.publish('log', bytes('x')))).to.equal('ERR_QBP_BUS_DOWN')
      await publish(other, 'log', 1, 1)
      write('first')
      guarded.signal('SIGHUP')
      await until(() => bus.isUp && heard.length === 1)
      expect(heard).to.deep.equal(['1'])
    } finally {
      await guarded.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('moves to another server while its own is in lame duck mode, and loses nothing', async () => {
    const servers = await NatsServer.cluster(2, 'lame_duck_duration: "30s"\nlame_duck_grace_period: "100ms"\n', false)
    const [first, second] = servers as [NatsServer, NatsServer]
    try {
      const options = { servers: [first.url, second.url], noRandomize: true }
      const bus = await node(options)
      const heard: string[] = []
      const other = await node({ servers: second.url })
      await other.subscribe('room', (frame) => heard.push(text(frame)))
      let downs = 0
      bus.on('down', () => downs++)
      first.signal('SIGUSR2')
      await until(() => downs > 0 && bus.isUp)
      await bus.publish('room', bytes('after'))
      await until(() => heard.length === 1)
      expect(heard).to.deep.equal(['after'])
    } finally {
      await Promise.all(servers.map((each) => each.stop()))
    }
  })
})
