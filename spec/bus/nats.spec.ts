import { mock } from 'node:test'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'
import { Wire } from '../support/wire.ts'

describe('natsBus', () => {
  let server: NatsServer
  let run = 0

  before(async function () {
    server = await NatsServer.start(this)
  })

  after(() => server?.stop())

  beforeEach(() => {
    run++
  })

  it('rejects where no server is, and when the signal aborts', async () => {
    expect(await codeOf(natsBus({ servers: '127.0.0.1:1' }))).to.equal('ERR_QBP_BUS_DOWN')
    expect(await codeOf(natsBus({ servers: server.url, signal: AbortSignal.abort() }))).to.equal(20)
  })

  it('passes credentials through', async function () {
    const guarded = await NatsServer.start(this, '--user', 'qbp', '--pass', 'secret')
    try {
      expect(await codeOf(natsBus({ servers: guarded.url }))).to.equal('ERR_QBP_BUS_DOWN')
      await using bus = await natsBus({ servers: guarded.url, user: 'qbp', pass: 'secret' })
      expect((await bus.publish('log', bytes('x'), { durable: true })).offset > 0n).to.equal(true)
    } finally {
      await guarded.stop()
    }
  })

  it('refuses bad options before it connects', async () => {
    const servers = '127.0.0.1:1'
    for (const bad of [{ replicas: 0 }, { timeoutMs: 0 }, { logMaxAgeMs: 1000 }, { maxTtlMs: 0.5 }]) {
      expect(await codeOf(natsBus({ servers, ...bad }))).to.equal('ERR_QBP_BAD_OPTION')
    }
    for (const bad of [{ node: '' }, { prefix: '' }]) {
      expect(await codeOf(natsBus({ servers, ...bad }))).to.equal('ERR_QBP_BAD_NAME')
    }
  })

  describe('over a wire that is cut', () => {
    let wire: Wire

    beforeEach(async () => {
      wire = await Wire.to(server.port)
    })

    afterEach(() => wire.close())

    it('stores once what was stored already when its acknowledgement got lost', async () => {
      await using a = await natsBus({ servers: wire.url, prefix: `wire-${run}` })
      await using b = await natsBus({ servers: server.url, prefix: `wire-${run}` })
      const heard: string[] = []
      const changes: string[] = []
      await b.subscribe('log', (frame) => heard.push(text(frame)), { since: 'first' })
      await b.store.watch(['k'], ({ value }) => changes.push(`${value && text(value)}`))
      await a.publish('log', bytes('first'), { durable: true })
      await a.store.put(['k', '0'], bytes('first'))

      wire.isDeaf = true
      const published = [1, 2, 3].map((n) => a.publish('log', bytes(`${n}`), { durable: true }))
      const unconditional = a.store.put(['k', '0'], bytes('second'))
      await until(() => heard.length >= 2 && changes.length === 2)
      wire.cut()
      wire.isDeaf = false
      const offsets = (await Promise.all(published)).map((position) => position.offset)
      expect(offsets).to.deep.equal([...new Set(offsets)].sort((x, y) => (x < y ? -1 : 1)))
      expect((await b.store.get(['k', '0']))?.revision).to.deep.equal(await unconditional)
      await a.publish('log', bytes('last'), { durable: true })
      await until(() => heard.length === 5)
      expect(heard).to.deep.equal(['first', '1', '2', '3', 'last'])
      expect(changes).to.deep.equal(['first', 'second'])
    })

    it('resolves a write with a revision that was done, also when its answer got lost', async () => {
      await using a = await natsBus({ servers: wire.url, prefix: `wire-${run}` })
      await using b = await natsBus({ servers: server.url, prefix: `wire-${run}` })
      const revision = await a.store.put(['k', '0'], bytes('0'))
      for (let n = 1; n <= 8; n++) {
        // Cut sooner or later into the write: before it was read, before it was written, before it was acknowledged.
        const put = a.store.put(['k', `${n}`], bytes(`${n}`), { revision: null })
        for (let turn = 0; turn < n; turn++) await new Promise((resolve) => setImmediate(resolve))
        wire.cut()
        const done = await put
        expect((await b.store.get(['k', `${n}`]))?.revision).to.deep.equal(done)
        expect(done.epoch).to.equal(revision.epoch)
        await until(() => a.isUp)
      }
    }).timeout(15_000)

    it('begins to watch although what was there ran out before it was reported', async () => {
      const prefix = `wire-${run}`
      await using bus = await natsBus({ servers: wire.url, prefix })
      await using operator = await connect({ servers: server.url })
      const { streams } = await jetstreamManager(operator)
      await bus.store.put(['k', 'x'], bytes('x'))
      let purged = 0
      wire.before = (said) => {
        if (!said.includes('CONSUMER.CREATE')) return
        return streams.purge(`${prefix}-store`).then((done) => {
          purged += done.purged
        })
      }
      const changes: unknown[] = []
      const watch = await bus.store.watch(['k'], (change) => changes.push(change))
      expect(purged).to.be.greaterThan(0)
      expect(changes).to.deep.equal([])
      watch.close()
    })

    it('reads a log to its end, without gap or repetition, over any number of cuts', async () => {
      await using a = await natsBus({ servers: wire.url, prefix: `wire-${run}` })
      await using b = await natsBus({ servers: server.url, prefix: `wire-${run}` })
      const heard: number[] = []
      await a.subscribe('log', (frame) => heard.push(Number(text(frame))), {
        since: 'first',
        onGap: () => expect.fail('there is no gap'),
      })
      for (let n = 1; n <= 2000; n++) {
        await b.publish('log', bytes(`${n}`), { durable: true })
        if (n % 200 === 0) wire.cut()
      }
      await until(() => heard.length >= 2000)
      expect(heard).to.deep.equal(Array.from({ length: 2000 }, (_, n) => n + 1))
    })
  })

  it('gives a durable publication up by mocked timers', async function () {
    const turns = async () => {
      for (let n = 0; n < 20; n++) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    const own = await NatsServer.start(this)
    const bus = await natsBus({ servers: own.url, timeoutMs: 60_000 })
    await bus.publish('log', bytes('x'), { durable: true })
    await own.kill()
    await until(() => !bus.isUp)
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() })
    try {
      const published = codeOf(bus.publish('log', bytes('x'), { durable: true }))
      await turns()
      mock.timers.tick(59_000)
      await turns()
      expect(await Promise.race([published, 'waits'])).to.equal('waits')
      mock.timers.tick(1_000)
      expect(await published).to.equal('ERR_QBP_BUS_TIMEOUT')
    } finally {
      mock.timers.reset()
    }
    await bus.close()
    await own.stop()
  })

  it('leaves no socket and no timer open', async () => {
    const held = () =>
      process
        .getActiveResourcesInfo()
        .filter((each) => each !== 'Immediate')
        .sort()
    await new Promise((resolve) => setImmediate(resolve)) // the runner has started its own timer by then
    const before = held()
    const bus = await natsBus({ servers: server.url, prefix: `test-${run}` })
    await bus.subscribe('room', () => {})
    await bus.subscribe('log', () => {}, { since: 'now' })
    await bus.store.watch([], () => {})
    await bus.store.put(['k'], bytes('x'), { ttlMs: 10_000 })
    await bus.publish('log', bytes('x'), { durable: true })
    await bus.close()
    await until(() => held().length <= before.length)
    expect(held()).to.deep.equal(before)
  })
})
