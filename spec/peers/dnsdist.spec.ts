import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { createServer, Protocol } from '../../lib/index.ts'
import { temporaryFolder } from '../support/languages.ts'
import { peer, start } from '../support/peers.ts'

// The log of DNS queries that Debian's dnsdist sends, `length:u16` before each message, to a server of ours.

/** A query for the A record of a name. */
function query(id: number, name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([
    Buffer.of(id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0),
    ...labels,
    Buffer.of(0, 0, 1, 0, 1),
  ])
}

describe('dnsdist', function () {
  this.timeout(20_000)
  before(function () {
    peer(this, { needs: ['dnsdist'], apt: 'dnsdist' })
  })

  it('logs every query to a server of ours', async () => {
    const protocol = await Protocol.load(join(__dirname, 'dnsmessage.proto'), {
      header: 'length:u16',
      message: 'PBDNSMessage',
    })
    const logged: unknown[] = []
    let all = () => {}
    const whole = new Promise<void>((resolve) => {
      all = resolve
    })
    await using server = createServer(protocol, async (reader) => {
      for await (const { type, id, question, inBytes } of reader) {
        logged.push([type, id, question.qName, question.qType, Number(inBytes)])
        if (logged.length === 20) all()
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo

    // A port that is free: its own for a moment.
    const probe = createSocket('udp4')
    probe.bind(0, '127.0.0.1')
    await once(probe, 'listening')
    const dns = probe.address().port
    probe.close()
    const config = join(temporaryFolder(), 'dnsdist.conf')
    writeFileSync(
      config,
      `setSecurityPollSuffix("")
       setLocal("127.0.0.1:${dns}")
       log = newRemoteLogger("127.0.0.1:${port}")
       addAction(AllRule(), RemoteLogAction(log))
       addAction(AllRule(), SpoofAction("192.0.2.1"))`,
    )
    const child = start('dnsdist', ['--supervised', '--disable-syslog', '-C', config])
    const socket = createSocket('udp4')
    try {
      const names = Array.from({ length: 20 }, (_, i) => `host${i}.example.org`)
      const answered = new Set<number>()
      socket.on('message', (answer) => answered.add(answer.readUInt16BE()))
      // It is up once it answers.
      while (answered.size === 0) {
        socket.send(query(1000, names[0] as string), dns, '127.0.0.1')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      for (const [i, name] of names.entries()) socket.send(query(i + 1, name), dns, '127.0.0.1')
      await whole
      while (answered.size < 20) await once(socket, 'message')
      const queries = logged.filter((entry) => (entry as unknown[])[1] !== 1000)
      for (const entry of queries) {
        const [type, id, name, qType, bytes] = entry as [number, number, string, number, number]
        expect([type, qType]).to.deep.equal([1, 1])
        expect(name).to.equal(`${names[id - 1]}.`)
        expect(bytes).to.equal(query(id, names[id - 1] as string).length)
      }
    } finally {
      socket.close()
      await child.stop()
    }
  })
})
