import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JetStreamApiError, jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect } from 'chai'
import type { BusBase } from '../../lib/bus/bus-base.ts'
import type { AllLimits } from '../../lib/bus/bus-options.ts'
import type { NatsLink } from '../../lib/bus/nats/link.ts'
import { LogStream } from '../../lib/bus/nats/log-stream.ts'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { natsSettings } from '../../lib/bus/nats/nats-options.ts'
import { NatsStore } from '../../lib/bus/nats/store.ts'
import { Sessions } from '../../lib/index.ts'
import { bytes, codeOf, text, until } from '../support/engines.ts'
import { NatsServer } from '../support/nats-server.ts'

describe('the streams of natsBus', function () {
  this.timeout(30_000)
  let server: NatsServer

  before(async function () {
    server = await NatsServer.start(this)
  })
  after(() => server?.stop())

  it('lie where storage says, each kind with its own limits, the store as well', async () => {
    const limits = { logMaxFrames: 9, logMaxAgeMs: 120_000, logMaxBytes: 1_000_000 }
    await using bus = await natsBus({
      servers: server.url,
      prefix: 'kept',
      storage: 'memory',
      ...limits,
      maxTtlMs: 300_000,
      logKinds: { brief: { logMaxFrames: 1 } },
    })
    await bus.publish('log', bytes('x'), { durable: true })
    await bus.publish('log', bytes('x'), { durable: true, logKind: 'brief' })
    await bus.store.put(['k'], bytes('x'))
    await using operator = await connect({ servers: server.url })
    const { streams } = await jetstreamManager(operator)
    const [logs, brief, store] = await Promise.all(
      ['kept-logs', 'kept-logs=brief', 'kept-store'].map(async (name) => (await streams.info(name)).config),
    )
    const second = 1_000_000_000
    expect(logs).to.include({
      storage: 'memory',
      max_msgs_per_subject: 10,
      max_bytes: 1_000_000,
      max_age: 120 * second,
    })
    expect(brief).to.include({ storage: 'memory', max_msgs_per_subject: 2, max_bytes: -1, max_age: 86_400 * second })
    expect(store).to.include({ storage: 'memory', max_age: 300 * second })
  })

  it('are asked for with replicas, placement and compression', async () => {
    const settings = natsSettings({ replicas: 3, placement: { cluster: 'east', tags: ['ssd'] }, compression: 's2' })
    const { prefix, keeping, compression, retention } = settings
    const asked: Partial<StreamConfig>[] = []
    const missing = new JetStreamApiError({ code: 404, err_code: 10059, description: 'stream not found' })
    const add = (config: Partial<StreamConfig>) => {
      asked.push(config)
      return Promise.reject(new Error('enough'))
    }
    const streams = { info: () => Promise.reject(missing), add }
    const retry = (_: string, attempt: (timeoutMs: number) => Promise<unknown>) => attempt(1)
    const link = { generation: 1, jsm: { streams }, retry, patience: () => ({}) } as unknown as NatsLink
    const limits = retention.kinds.get(undefined) as AllLimits
    const logs = new LogStream(link, { ...keeping, ...limits, prefix, kind: undefined, compression })
    await codeOf(logs.open())
    const bus = { checkUp: () => {} } as unknown as BusBase
    await codeOf(new NatsStore(bus, link, 'x', prefix, retention.maxTtlMs, keeping).get(['k']))
    expect(asked.map(({ name }) => name)).to.deep.equal(['qbp-logs', 'qbp-store'])
    for (const config of asked) {
      expect(config).to.deep.include({ num_replicas: 3, placement: { cluster: 'east', tags: ['ssd'] } })
    }
    expect(asked[0]?.compression).to.equal('s2')
  })

  it('may be a hub’s, whose domain a node at a leaf names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'qbp-leaf-'))
    const [leafs, own] = [await freePort(), join(folder, 'hub')]
    const file = (name: string, config: string) => {
      const path = join(folder, name)
      writeFileSync(path, config)
      return path
    }
    const hub = await NatsServer.launchPlain(
      '-c',
      file(
        'hub.conf',
        `jetstream: { domain: hub, store_dir: "${own}" }\nleafnodes: { host: 127.0.0.1, port: ${leafs} }\n`,
      ),
    )
    const leaf = await NatsServer.launchPlain(
      '-c',
      file('leaf.conf', `leafnodes: { remotes: [{ url: "nats://127.0.0.1:${leafs}" }], reconnect: 1 }\n`),
    )
    try {
      await using there = await natsBus({ servers: hub.url, node: 'there' })
      await using here = await natsBus({ servers: leaf.url, node: 'here', domain: 'hub' })
      await there.publish('log', bytes('1'), { durable: true })
      const heard: string[] = []
      const hear = (frame: Uint8Array) => heard.push(text(frame))
      const reading = async () => here.subscribe('log', hear, { since: 'first' })
      // The leaf may still be connecting to its hub.
      let isOpen = false
      while (!isOpen)
        isOpen = await reading().then(
          () => true,
          () => false,
        )
      await there.publish('log', bytes('2'), { durable: true })
      await here.publish('log', bytes('own'), { durable: true })
      const session = await new Sessions(here).open({ name: 'ann' })
      expect((await new Sessions(there).resume(session.token))?.state).to.deep.equal({ name: 'ann' })
      await until(() => heard.length === 2)
      expect(heard).to.deep.equal(['1', '2'])
    } finally {
      await Promise.all([hub, leaf].map((each) => each.stop()))
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}
