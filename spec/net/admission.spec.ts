import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import tls from 'node:tls'
import { expect } from 'chai'
import { createServer, type Handler, QbpConnection, type ServerOptions } from '../../lib/index.ts'
import { clientOf, isLoopback } from '../../lib/net/address.ts'
import { Admission } from '../../lib/net/admission.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { certificates } from '../support/certificates.ts'
import { protocol } from '../support/chat.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

const say = (text: string) => ({ $name: 'Say' as const, text })
const echo: Handler<typeof protocol> = async (reader, writer) => {
  for await (const message of reader) await writer.writeMessage(message)
}

describe('a client, to a limit', () => {
  const rows: [what: string, one: string, other: string, same: boolean][] = [
    ['an IPv4 address', '192.0.2.1', '192.0.2.2', false],
    ['an IPv4 address in IPv6', '192.0.2.1', '::ffff:192.0.2.1', true],
    ['an IPv4 address in IPv6, in hexadecimal', '::ffff:c000:201', '::FFFF:192.0.2.1', true],
    ['an IPv4 address in IPv6 beside another', '::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['an IPv4 address behind NAT64', '64:ff9b::192.0.2.1', '192.0.2.1', true],
    ['two of them', '64:ff9b::192.0.2.1', '64:ff9b::192.0.2.2', false],
    ['an IPv4 address behind 6to4', '2002:c000:201:1::5', '2002:c000:201:2::6', true],
    ['a /64 of IPv6', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
    ['a /64 beside the next', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['an address in other words', '2001:db8::1', '2001:0DB8:0:0:0:0:0:1', true],
    ['an address in brackets', '[2001:db8::1]', '2001:db8::2', true],
    ['a machine of the link', 'fe80::1%eth0', 'fe80::2%eth0', false],
    ['one link beside another', 'fe80::1%eth0', 'fe80::1%eth1', false],
    ['this machine', '::1', '::2', false],
    ['a name', 'proxy', 'other', false],
  ]
  for (const [what, one, other, same] of rows) {
    it(`is ${what}: ${one} and ${other} are ${same ? 'one' : 'two'}`, () => {
      expect(clientOf(one) === clientOf(other)).to.equal(same)
    })
  }

  it('is this machine however that is written', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1'])
      expect(isLoopback(clientOf(address)), address).to.equal(true)
    for (const address of ['128.0.0.1', '::2', '2001:db8::1', '::ffff:192.0.2.1'])
      expect(isLoopback(clientOf(address)), address).to.equal(false)
  })
})

describe('Admission', () => {
  const from = (remoteAddress?: string) => Object.assign(new Duplex({ read() {} }), { remoteAddress })

  it('counts a /64, and an IPv4 address in any form, as one', () => {
    const admission = new Admission({ maxConnectionsPerAddress: 10 })
    let admitted = 0
    for (let n = 1; n <= 50; n++) if (admission.admit(from(`2001:db8::${n.toString(16)}`)) === null) admitted++
    for (let n = 1; n <= 50; n++)
      if (admission.admit(from(n % 2 ? '192.0.2.1' : '::ffff:192.0.2.1')) === null) admitted++
    expect(admitted).to.equal(20)
  })

  it('counts a duplex out once, by its close or by hand, and forgets its client', async () => {
    const admission = new Admission({ maxConnections: 2, maxConnectionsPerAddress: 1 })
    const one = from('2001:db8::1')
    expect(admission.admit(one)).to.equal(null)
    expect(admission.admit(from('2001:db8::2'))).to.include({ limit: 1, option: 'maxConnectionsPerAddress' })
    admission.release(one)
    admission.release(one)
    one.destroy()
    await setImmediate()
    expect(admission.admit(from('2001:db8::2'))).to.equal(null)
    expect(admission.admit(from())).to.equal(null)
    expect(admission.admit(from())).to.include({ limit: 2, option: 'maxConnections' })
  })
})

describe(
  'attach',
  settled(() => {
    const limits: [ServerOptions, string | undefined][] = [
      [{ maxConnections: 2 }, undefined],
      [{ maxConnectionsPerAddress: 2 }, '192.0.2.1'],
    ]
    for (const [options, remoteAddress] of limits) {
      it(`obeys ${Object.keys(options)[0]}: one too many is destroyed, reported, and never served`, async () => {
        let served = 0
        const server = createServer(protocol, options, async (reader) => {
          served++
          for await (const _ of reader);
        })
        const refused: unknown[] = []
        server.on('clientError', (error, connection) => refused.push(error, connection))
        const pairs = [0, 1, 2].map(() => duplexPair())
        const connections = pairs.map(([near, far]) => {
          far.on('error', () => {})
          return server.attach(Object.assign(near, { remoteAddress }))
        })
        expect(await connections[2]?.closed).to.have.property('code', 'ERR_QBP_TOO_MANY_CONNECTIONS')
        expect(pairs[2]?.[0].destroyed).to.equal(true)
        expect(refused).to.deep.equal([await connections[2]?.closed, connections[2]])
        expect(served).to.equal(2)
        expect(server.stats().faults).to.deep.equal({ ERR_QBP_TOO_MANY_CONNECTIONS: 1 })
        pairs[0]?.[1].resume().end()
        await connections[0]?.closed
        await setImmediate()
        const [near, far] = duplexPair()
        server.attach(Object.assign(near, { remoteAddress }))
        expect(served).to.equal(3)
        for (const [, other] of [...pairs.slice(1), [near, far]]) other?.resume().end()
        await server.close()
      })
    }

    it('counts together with sockets', async () => {
      const server = await serve({ maxConnections: 1 }, echo)
      server.on('clientError', () => {})
      const [near, far] = duplexPair()
      server.attach(near)
      const socket = net.connect(portOf(server), '127.0.0.1')
      expect((await once(socket, 'error'))[0]).to.have.property('code', 'ECONNRESET')
      far.resume().end()
      await server.close()
    })

    it('counts out a duplex that emits no close, and one that is refused not at all', async () => {
      const server = createServer(protocol, { maxConnections: 1 }, async (reader) => {
        for await (const _ of reader);
      })
      server.on('clientError', () => {})
      for (let n = 0; n < 3; n++) {
        const silent = new Duplex({
          read() {},
          write: (_chunk, _encoding, done) => done(),
          emitClose: false,
        })
        const connection = server.attach(silent)
        const [near, far] = duplexPair()
        far.on('error', () => {})
        expect(await server.attach(near).closed).to.have.property('code', 'ERR_QBP_TOO_MANY_CONNECTIONS')
        silent.push(null)
        expect(await connection.closed, `${n}`).to.equal(null)
        await setImmediate()
      }
      await server.close()
    })

    it('speaks TLS where the server does, and serves no peer that does not', async () => {
      const known = await certificates()
      const served: boolean[] = []
      const server = createServer(protocol, { tls: known.server }, async (reader, writer, connection) => {
        served.push('encrypted' in connection.socket)
        for await (const message of reader) await writer.writeMessage(message)
      })
      const faults: unknown[] = []
      server.on('clientError', (error) => faults.push((error as { code?: string }).code))
      const [plainNear, plainFar] = duplexPair()
      plainFar.on('error', () => {}).resume()
      const refused = server.attach(plainNear)
      plainFar.write(Buffer.from('0002 00000000'.replace(' ', ''), 'hex'))
      expect(await refused.closed).to.have.property('code', 'ERR_QBP_TLS')
      expect(served).to.deep.equal([])
      expect(faults).to.deep.equal(['ERR_QBP_TLS'])

      const [near, far] = duplexPair()
      server.attach(near)
      const client = new QbpConnection(protocol, far, { role: 'client' })
      await client.startTls({ ca: known.ca, servername: 'localhost' })
      await client.writer.writeMessage(say('in private'))
      expect(await client.reader.readMessage()).to.include({ text: 'in private' })
      await client.close()

      const [secureNear, secureFar] = duplexPair()
      server.attach(secureNear, { tls: false })
      const trusted = new QbpConnection(protocol, secureFar, { role: 'client' })
      await trusted.writer.writeMessage(say('secure already'))
      expect(await trusted.reader.readMessage()).to.include({ text: 'secure already' })
      await trusted.close()
      expect(served).to.deep.equal([true, false])
      await server.close()
    })

    it('takes a TLSSocket as it is', async () => {
      const known = await certificates()
      const server = createServer(protocol, { tls: known.server }, echo)
      const front = tls.createServer(known.server, (socket) => server.attach(socket)).listen(0, '127.0.0.1')
      await once(front, 'listening')
      const socket = tls.connect({ port: (front.address() as net.AddressInfo).port, ca: known.ca, host: '127.0.0.1' })
      const client = new QbpConnection(protocol, socket, { role: 'client' })
      await client.writer.writeMessage(say('hi'))
      expect(await client.reader.readMessage()).to.include({ text: 'hi' })
      await client.close()
      front.close()
      await server.close()
    })

    it('ends a handshake that is under way when the server closes, and begins none after', async () => {
      const known = await certificates()
      const server = createServer(protocol, { tls: known.server }, echo)
      server.on('clientError', () => {})
      const pairs = [duplexPair(), duplexPair()]
      for (const [, far] of pairs) far.on('error', () => {}).resume()
      const under = server.attach((pairs[0] as unknown as [Duplex, Duplex])[0])
      await setTimeout(5)
      await server.close()
      await under.closed
      await server.attach((pairs[1] as unknown as [Duplex, Duplex])[0]).closed
    })
  }),
)
