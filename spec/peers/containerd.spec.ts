import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { run as call } from '../../lib/cli/verbs/call.ts'
import { type AnyClient, connect, Protocol, type QbpConnection } from '../../lib/index.ts'
import { rejection } from '../calls/support.ts'
import { cli } from '../support/cli.ts'
import { temporaryFolder } from '../support/languages.ts'
import { ROOT } from '../support/pages.ts'
import { type Child, peer, start } from '../support/peers.ts'

const CONTAINERD = join(ROOT, '.peers/containerd/usr/bin/containerd')

/** One that asks for nothing outside its folder, and begins no containers. */
const config = (folder: string) => `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [${['btrfs', 'zfs', 'devmapper', 'aufs', 'overlayfs'].map((name) => `"io.containerd.snapshotter.v1.${name}"`)}, "io.containerd.grpc.v1.cri"]
[grpc]
address = "${folder}/grpc.sock"
[ttrpc]
address = "${folder}/ttrpc.sock"
`

describe('containerd, called over ttrpc', function () {
  this.timeout(20_000)
  let containerd: Child
  let connection: QbpConnection
  let events: AnyClient
  let folder: string

  before(async function () {
    peer(this, { needs: [CONTAINERD], bring: 'npm run peers' })
    folder = temporaryFolder()
    writeFileSync(join(folder, 'config.toml'), config(folder))
    containerd = start(CONTAINERD, ['-c', join(folder, 'config.toml')])
    while (!containerd.stderr().includes('successfully booted')) await wait(10)
    const protocol = await Protocol.load(join(__dirname, 'containerd.proto'), { calls: 'ttrpc' })
    connection = (await connect(protocol, { path: join(folder, 'ttrpc.sock') })) as QbpConnection
    // As a shim of this namespace says it.
    events = connection.client('Events', { metadata: { 'containerd-namespace-ttrpc': 'qbp' } })
  })
  after(async () => {
    await connection?.close()
    await containerd?.stop()
  })

  const envelope = (name: string) => ({
    timestamp: { seconds: BigInt(Math.floor(Date.now() / 1000)) },
    namespace: 'qbp',
    topic: '/qbp/spec',
    event: {
      type_url: 'containerd.events.NamespaceCreate',
      value: Buffer.from(`\n${String.fromCharCode(name.length)}${name}`),
    },
  })

  it('takes an event, and answers with nothing', async () => {
    expect({ ...(await events.forward({ envelope: envelope('a') })) }).to.deep.equal({ $name: 'google.protobuf.Empty' })
  })

  it('takes many at a time', async () => {
    const all = Array.from({ length: 200 }, (_, i) =>
      events.forward({ envelope: envelope(`n${i}`) }, { timeoutMs: 10_000 }),
    )
    expect(await Promise.all(all)).to.have.lengthOf(200)
  })

  it('says by its code, and in words, why it refuses one', async () => {
    const wrong = { ...envelope('a'), topic: 'no slash' }
    const error = await rejection(events.forward({ envelope: wrong }))
    expect(error).to.include({ code: 'INVALID_ARGUMENT', sent: true })
    expect(error.message).to.include('no slash')
  })

  it('says of a method that it lacks that it is UNIMPLEMENTED', async () => {
    expect(await rejection(events.backward({}))).to.include({ code: 'UNIMPLEMENTED' })
  })

  it('is called from the command line', async () => {
    const called = (method: string, request: string) => {
      const where = [`unix:${join(folder, 'ttrpc.sock')}`, method, request, '--dialect', 'ttrpc']
      const schema = ['--schema', join(__dirname, 'containerd.proto'), '--metadata', 'containerd-namespace-ttrpc=qbp']
      return cli(call, [...where, ...schema])
    }
    const event = { '@type': 'type.googleapis.com/google.protobuf.Empty' }
    const request = { envelope: { timestamp: new Date(), namespace: 'qbp', topic: '/qbp/spec', event } }
    const fields = JSON.stringify(request)
    expect(await called('Events/Forward', fields)).to.include({ code: 0, stdout: '{}\n', stderr: '' })
    const refused = await called('Events/Forward', '{envelope: {topic: "no slash", namespace: "qbp"}}')
    expect(refused.code).to.equal(1)
    expect(refused.stderr).to.include('INVALID_ARGUMENT')
  })

  it('is gone when it is killed: a call that was not sent says so', async () => {
    await containerd.stop()
    await connection.ended
    expect(await rejection(events.forward({}))).to.include({ code: 'UNAVAILABLE', sent: false })
  })
})
