import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Bus } from '../../lib/bus/contract.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { BusGroup, Sessions } from '../../lib/index.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { Client, protocol, say } from '../support/grid.ts'
import { NatsServer } from '../support/nats-server.ts'

// What docs/cluster.md says that a user needs, for the prefix `qbp` and the inbox prefix `_INBOX_qbp`.
const PERMISSIONS = `
  publish: { allow: [
    "qbp.>",
    "_INBOX_qbp.>",
    "$JS.API.STREAM.*.qbp-logs", "$JS.API.STREAM.*.qbp-store",
    "$JS.API.STREAM.MSG.GET.qbp-logs", "$JS.API.STREAM.MSG.GET.qbp-store",
    "$JS.API.STREAM.MSG.DELETE.qbp-store",
    "$JS.API.CONSUMER.*.qbp-logs.>", "$JS.API.CONSUMER.*.qbp-store.>",
    "$JS.API.CONSUMER.CREATE.qbp-logs", "$JS.API.CONSUMER.CREATE.qbp-store",
    "$JS.API.CONSUMER.MSG.NEXT.qbp-logs.*",
    "$JS.FC.>"
  ] }
  subscribe: { allow: ["qbp.live.>", "qbp.tail.>", "qbp.node.>", "_INBOX_qbp.>"] }`

const CONFIG = `
  jetstream: { max_file_store: 3000000 }
  authorization: { users: [
    { user: node, password: secret, permissions: { ${PERMISSIONS} } }
    { user: deaf, password: secret, permissions: {
      publish: { allow: [">"], deny: ["qbp.live.mute", "qbp.logs.mute"] }, subscribe: { deny: ["qbp.live.deaf", "qbp.tail.deaf"] } } }
    { user: free, password: secret }
  ] }`

describe('natsBus with few permissions', function () {
  this.timeout(20_000)
  let server: NatsServer
  let folder: string
  let buses: Bus[] = []

  before(async function () {
    folder = mkdtempSync(join(tmpdir(), 'qbp-permissions-'))
    const file = join(folder, 'nats.conf')
    writeFileSync(file, CONFIG)
    server = await NatsServer.start(this, '-c', file)
  })

  after(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()))
    buses = []
  })

  const node = async (user: string, options: Parameters<typeof natsBus>[0] = {}) => {
    const bus = await natsBus({ servers: server.url, user, pass: 'secret', ...options })
    buses.push(bus)
    return bus
  }

  it('does everything with those that the docs list', async () => {
    const [a, b] = [
      await node('node', { inboxPrefix: '_INBOX_qbp' }),
      await node('node', { inboxPrefix: '_INBOX_qbp' }),
    ]
    for (const bus of [a, b]) bus.on('error', (error) => expect.fail(String(error)))
    for (const durable of [false, true]) {
      await using near = new BusGroup(protocol, a, 'hall', { durable })
      await using far = new BusGroup(protocol, b, 'hall', { durable })
      const [ann, ben] = [new Client(), new Client()]
      const start = await near.join(ann.writer, { name: 'ann' })
      await far.join(ben.writer, { name: 'ben' })
      await near.broadcast(say('1'))
      await far.broadcast(say('2'))
      await until(() => ann.heard.length === 2 && ben.heard.length === 2)
      while ((await near.members()).length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
      if (start === undefined) continue
      for (const since of [start, 'first', { last: 2 }] as const) {
        const again = new Client()
        await far.join(again.writer, { since })
        await until(() => again.heard.length >= 2)
      }
    }
    const session = await new Sessions(a).open({ name: 'ann' })
    expect((await new Sessions(b).resume(session.token))?.state).to.deep.equal({ name: 'ann' })
  })

  it('rejects a subscription that is refused, and a durable publication at once', async () => {
    const bus = await node('deaf')
    expect(await codeOf(bus.subscribe('deaf', () => {}))).to.equal('ERR_QBP_BUS_REFUSED')
    expect(await codeOf(bus.subscribe('deaf', () => {}, { since: 'now' }))).to.equal('ERR_QBP_BUS_REFUSED')
    expect(await codeOf(bus.publish('mute', bytes('x'), { durable: true }))).to.equal('ERR_QBP_BUS_REFUSED')
    await using group = new BusGroup(protocol, bus, 'deaf')
    expect(await codeOf(group.join(new Client().writer))).to.equal('ERR_QBP_BUS_REFUSED')
    expect(group.size).to.equal(0)
  })

  it('reports a live publication that is refused, and rejects those after it', async () => {
    const bus = await node('deaf')
    const errors: unknown[] = []
    bus.on('error', (error) => errors.push(error))
    await bus.publish('mute', bytes('x'))
    await until(() => errors.length === 1)
    expect(errors[0]).to.have.property('code', 'ERR_QBP_BUS_REFUSED')
    expect(await codeOf(bus.publish('mute', bytes('x')))).to.equal('ERR_QBP_BUS_REFUSED')
    await bus.publish('spoken', bytes('x'))
    expect(errors.length).to.equal(1)
  })

  it('is refused at once where there is no room, and reads on', async () => {
    const bus = await node('free')
    const big = new Uint8Array(200_000)
    const codes = new Set<unknown>()
    const heard: number[] = []
    await bus.subscribe('log', (frame) => heard.push(frame.length), { since: 'now', echo: true })
    let stored = 0
    for (let n = 0; n < 40; n++) {
      const code = await codeOf(bus.publish('log', big, { durable: true }))
      if (code === 'resolved') stored++
      else codes.add(code)
    }
    expect([...codes]).to.deep.equal(['ERR_QBP_BUS_REFUSED'])
    await until(() => heard.length === stored)
    expect(text(new Uint8Array(0))).to.equal('')
  })
})
