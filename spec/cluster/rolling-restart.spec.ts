import { setTimeout as pause } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect } from 'chai'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { BusGroup, formatPosition, parsePosition, Sessions } from '../../lib/index.ts'
import { until } from '../support/engines.ts'
import { Client, protocol, say } from '../support/grid.ts'
import { NatsServer } from '../support/nats-server.ts'

describe('a rolling restart, in the order of docs/cluster.md', function () {
  this.timeout(60_000)

  it('loses nothing: the servers of NATS one by one, then the nodes', async function () {
    await (await NatsServer.start(this)).stop()
    const servers = await NatsServer.cluster(3)
    const urls = servers.map(({ url }) => url)
    const options = { servers: urls, replicas: 3, reconnectTimeWait: 50, prefix: 'rolling' }
    const node = async () => {
      const bus = await natsBus(options)
      const group = new BusGroup(protocol, bus, 'hall', {
        durable: true,
        stamp: (message, position) =>
          message.$name === 'Said' ? { ...message, position: formatPosition(position) } : message,
      })
      const sessions = new Sessions<{ name: string }>(bus)
      const close = async () => {
        await sessions.close()
        await group.close()
        await bus.close()
      }
      return { group, sessions, close }
    }
    let [one, other, speaker] = [await node(), await node(), await node()]

    let client = new Client()
    const { token } = await one.sessions.open({ name: 'ann' })
    await one.group.join(client.writer, { name: 'ann' })
    const heard: string[] = []
    const comeBack = async (to: typeof one) => {
      heard.push(...client.heard)
      const position = client.positions.at(-1)
      const session = await to.sessions.resume(token)
      expect(session?.state).to.deep.equal({ name: 'ann' })
      client = new Client()
      await to.group.join(client.writer, { name: 'ann', since: parsePosition(position as string) })
    }

    let [said, isOver] = [0, false]
    const speaking = (async () => {
      while (!isOver) {
        await speaker.group.broadcast(say(`${++said}`))
        await pause(2)
      }
    })()

    const operator = await connect({ servers: urls, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
    const isCurrent = async () => {
      const { streams } = await jetstreamManager(operator, { timeout: 500, checkAPI: false })
      const infos = await Promise.all(['rolling-logs', 'rolling-store'].map((name) => streams.info(name)))
      const followers = infos.map(({ cluster }) => cluster?.replicas?.filter((each) => each.current && !each.offline))
      return infos.every(({ cluster }) => cluster?.leader) && followers.every((each) => each?.length === 2)
    }
    const current = async () => {
      while (!(await isCurrent().catch(() => false))) await pause(50)
    }
    for (const server of servers) {
      await current()
      await server.end()
      const before = said
      await server.up()
      await until(() => said > before + 5)
    }
    await current()

    await until(() => client.heard.length > 0)
    for (let n = 0; n < 2; n++) {
      const closing = one.close()
      await comeBack(other)
      await closing
      await until(() => client.heard.length > 0)
      one = other
      other = await node()
    }
    isOver = true
    await speaking
    await until(() => heard.length + client.heard.length >= said)
    expect([...heard, ...client.heard]).to.deep.equal(Array.from({ length: said }, (_, n) => `${n + 1}`))
    await Promise.all([one, other, speaker].map((each) => each.close()))
    await operator.close()
    await Promise.all(servers.map((server) => server.stop()))
  })
})
