import { expect } from 'chai'
import { answers, gateway, hello, type Reading, v1, v2 } from '../../examples/applications/gateway.ts'
import { Link } from '../../lib/index.ts'
import { ScriptedPeer } from '../../lib/testing/index.ts'
import { rejection } from '../support/rejection.ts'

const options = { answers, timeoutMs: 200 }

async function peerOf(g: ReturnType<typeof gateway>, device: string, versions: number[]) {
  const peer = new ScriptedPeer(hello, 'client')
  g.server.attach(peer.duplex)
  await peer.send({ $name: 'Hello', device, versions, $header: { seq: 9 } })
  const { version, $header } = await peer.expect({ $name: 'HelloAck' })
  expect($header.seq).to.equal(9)
  return { peer, version }
}

/** A device of either version, which does not hear the first `deaf` commands. */
async function device(g: ReturnType<typeof gateway>, id: string, versions: number[], deaf = 0) {
  const { peer, version } = await peerOf(g, id, versions)
  let unheard = deaf
  if (version === 1) {
    const link = new Link((await peer.goOn(v1)).connection, options)
    void (async () => {
      for await (const message of link) {
        if (message.$name === 'Ping') await link.answer(message, { $name: 'Pong' })
        if (message.$name !== 'Command' || unheard-- > 0) continue
        await link.answer(message, { $name: 'Result', ok: true, text: `${message.verb} ${message.arg}` })
      }
    })().catch(() => {})
    return (celsius: number) => link.request({ $name: 'Telemetry', celsius })
  }
  const link = new Link((await peer.goOn(v2)).connection, options)
  void (async () => {
    for await (const message of link) {
      if (message.$name === 'Ping') await link.answer(message, { $name: 'Pong' })
      if (message.$name !== 'Command') continue
      const text = message.reboot ? `reboot ${message.reboot.delayS}` : `setRate ${message.setRate?.perMinute}`
      await link.answer(message, { $name: 'Result', text })
    }
  })().catch(() => {})
  return (celsius: number) => link.request({ $name: 'Telemetry', milliCelsius: celsius * 1000, sensor: 's' })
}

describe('the gateway example', () => {
  it('serves devices of both versions at once', async () => {
    const readings: Reading[] = []
    const g = gateway((reading) => readings.push(reading))
    const devices = await Promise.all(Array.from({ length: 100 }, (_, n) => device(g, `d${n}`, n % 2 ? [1, 2] : [1])))
    const acks = await Promise.all(devices.map((telemetry, n) => telemetry(n / 2)))
    expect(new Set(acks.map(({ $name }) => $name))).to.deep.equal(new Set(['Ack']))
    expect(readings.map(({ celsius }) => celsius).sort((a, b) => a - b)).to.deep.equal(devices.map((_, n) => n / 2))
    expect([await g.command('d0', 'reboot', 5), await g.command('d1', 'rate', 6)]).to.deep.equal([
      'reboot 5',
      'setRate 6',
    ])
    await g.server.close({ graceMs: 100 })
  })

  it('sends a command again that was lost, and gives up after its tries', async () => {
    const g = gateway(() => {}, { timeoutMs: 20, tries: 1 })
    await device(g, 'deaf', [1], 1)
    expect(await rejection(g.command('deaf', 'reboot', 1))).to.have.property('code', 'ERR_QBP_READ_TIMEOUT')
    expect(await g.command('deaf', 'reboot', 2)).to.equal('reboot 2')
    expect(await rejection(g.command('none', 'reboot', 2))).to.have.property('message', 'no device none')
    await g.server.close({ graceMs: 100 })
  })

  it('drops a device that answers no heartbeat, and refuses a version that is none', async () => {
    const g = gateway(() => {}, { heartbeatMs: 20 })
    const mute = await peerOf(g, 'mute', [2])
    expect(g.server.named('mute')).to.not.equal(undefined)
    expect(await mute.peer.connection.closed).to.have.property('code', 'ECONNRESET')
    const strange = await peerOf(g, 'strange', [7])
    expect(strange.version).to.equal(0)
    await strange.peer.expectEnd()
    await strange.peer.end()
    await g.server.close({ graceMs: 100 })
  })
})
