import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import tls from 'node:tls'
import { expect } from 'chai'
import {
  connect,
  createServer,
  type Handler,
  headers,
  Protocol,
  QbpReadable,
  type QbpServer,
  QbpWritable,
} from '../../lib/index.ts'
import { type Certificates, certificates } from '../support/certificates.ts'

// Connections that begin in one language and go on in another: TLS by `startTls`, anything by `detach`. The frames are those
// of MySQL's X Protocol and of Riak, whose tables differ between the two directions.

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

const TLS_CAPABILITY = { name: 'tls', value: { type: 1, scalar: { type: 7, vBool: true } } }
const CAPABILITIES_SET = { $name: 'CapabilitiesSet', capabilities: { capabilities: [TLS_CAPABILITY] } }
/** The same as a client of MySQL sends it: 20 bytes behind the length, type 2. */
const CAPABILITIES_SET_FRAME = hex('14000000 02 0a11 0a0f 0a03746c73 1208 0801 1204 0807 4001')
const OK_FRAME = hex('01000000 00')

async function listening<P extends Protocol>(server: QbpServer<P>): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** Resolves once this many bytes have come to a socket, read or not. */
async function arrived(socket: net.Socket, bytes: number): Promise<void> {
  for (let turn = 0; socket.bytesRead < bytes && turn < 1000; turn++) await new Promise((done) => setTimeout(done, 1))
  expect(socket.bytesRead).to.be.at.least(bytes)
}

/** What comes up to the end. Unlike an iterator, and all that is built on one, it leaves the writing side open. */
async function all(duplex: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  duplex.on('data', (chunk) => chunks.push(chunk)).resume()
  await once(duplex, 'end')
  return Buffer.concat(chunks)
}

/** A socket by which the first bytes to be written go behind others, in one chunk. */
function behind(first: Buffer, socket: net.Socket): Duplex {
  let prefix: Buffer | undefined = first
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, callback) {
      socket.write(prefix === undefined ? chunk : Buffer.concat([prefix, chunk]), callback)
      prefix = undefined
    },
    final(callback) {
      socket.end(callback)
    },
    destroy(error, callback) {
      socket.destroy()
      callback(error)
    },
  })
  socket.on('data', (chunk) => duplex.push(chunk))
  socket.on('end', () => duplex.push(null))
  socket.on('error', (error) => duplex.destroy(error))
  return duplex
}

describe('an upgrade between two frames', () => {
  let mysqlx: Protocol
  let riak: Protocol
  let identities: Certificates
  before(async () => {
    identities = await certificates()
    mysqlx = await Protocol.load(join(__dirname, 'mysqlx.proto'), {
      header: headers.mysqlx,
      types: { client: '(client_message_id)', server: '(server_message_id)' },
    })
    riak = await Protocol.load(join(__dirname, 'riak.proto'), {
      header: headers.riak,
      types: {
        client: {
          RpbPingReq: { type: 1, body: 'empty' },
          RpbGetReq: 9,
          RpbAuthReq: 253,
          RpbStartTls: { type: 255, body: 'empty' },
        },
        server: {
          RpbErrorResp: 0,
          RpbPingResp: { type: 2, body: 'empty' },
          RpbGetResp: 10,
          RpbAuthResp: { type: 254, body: 'empty' },
          RpbStartTls: { type: 255, body: 'empty' },
        },
      },
    })
  })

  describe('has the frames of the documentation', () => {
    const vectors = () => [
      { protocol: mysqlx, role: 'client', message: CAPABILITIES_SET, bytes: CAPABILITIES_SET_FRAME },
      { protocol: mysqlx, role: 'client', message: { $name: 'CapabilitiesGet' }, bytes: hex('01000000 01') },
      { protocol: mysqlx, role: 'server', message: { $name: 'Ok' }, bytes: OK_FRAME },
      // One message, two numbers: 5 from the client, 3 from the server.
      { protocol: mysqlx, role: 'client', message: proof('x'), bytes: hex('04000000 05 0a0178') },
      { protocol: mysqlx, role: 'server', message: proof('x'), bytes: hex('04000000 03 0a0178') },
      { protocol: riak, role: 'client', message: GET, bytes: hex('00000007 09 0a0162 12016b') },
      { protocol: riak, role: 'client', message: { $name: 'RpbStartTls' }, bytes: hex('00000001 ff') },
      { protocol: riak, role: 'server', message: { $name: 'RpbPingResp' }, bytes: hex('00000001 02') },
    ]
    const GET = { $name: 'RpbGetReq', bucket: Buffer.from('b'), key: Buffer.from('k') }
    const proof = (text: string) => ({ $name: 'AuthenticateContinue', authData: Buffer.from(text) })

    it('in both directions', async () => {
      for (const { protocol, role, message, bytes } of vectors()) {
        const [ours, theirs] = role === 'client' ? (['client', 'server'] as const) : (['server', 'client'] as const)
        const writer = new QbpWritable(protocol, { role: ours })
        writer.end(message)
        expect(await buffer(writer)).to.deep.equal(bytes)
        const reader = new QbpReadable(protocol, { role: theirs })
        reader.end(bytes)
        expect(await reader.readMessages()).to.deep.equal([message])
      }
    })

    it('refuses to send what is the other role’s to send', () => {
      const writer = new QbpWritable(mysqlx, { role: 'client' })
      expect(() => writer.write({ $name: 'Ok' }))
        .to.throw(/Ok/)
        .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
    })
  })

  describe('of MySQL X', () => {
    /** A server that goes over to TLS when it is asked to, and then logs in who has the password. */
    const handler: Handler = async (reader, writer, connection) => {
      for await (const message of reader) {
        switch (message.$name) {
          case 'CapabilitiesGet':
            await writer.writeMessage({ $name: 'Capabilities', capabilities: [TLS_CAPABILITY] })
            break
          case 'CapabilitiesSet':
            await writer.writeMessage({ $name: 'Ok' })
            await connection.startTls(identities.server)
            break
          case 'AuthenticateStart':
            await writer.writeMessage({ $name: 'AuthenticateContinue', authData: Buffer.from('salt') })
            break
          case 'AuthenticateContinue':
            await writer.writeMessage({ $name: 'AuthenticateOk', authData: message.authData })
            break
          case 'Close':
            return writer.writeMessage({ $name: 'Ok', msg: 'bye!' })
        }
      }
    }

    it('keeps reader and writer, and logs in over TLS', async () => {
      await using server = createServer(mysqlx, handler)
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port })
      const { reader, writer, socket: plain } = connection
      await writer.writeMessage({ $name: 'CapabilitiesGet' })
      expect(await reader.readMessage()).to.deep.equal({ $name: 'Capabilities', capabilities: [TLS_CAPABILITY] })
      await writer.writeMessage(CAPABILITIES_SET)
      expect(await reader.readMessage()).to.deep.equal({ $name: 'Ok' })

      const secure = await connection.startTls({ ca: identities.ca, servername: 'localhost' })
      expect(secure).to.equal(connection)
      expect(secure.socket).to.be.instanceOf(tls.TLSSocket).and.not.equal(plain)
      expect(secure.socket.getPeerCertificate().subject.CN).to.equal('server')
      expect([connection.reader, connection.writer]).to.deep.equal([reader, writer])

      await writer.writeMessage({ $name: 'AuthenticateStart', mechName: 'SHA256_MEMORY' })
      expect(await reader.readMessage()).to.deep.include({ $name: 'AuthenticateContinue' })
      await writer.writeMessage({ $name: 'AuthenticateContinue', authData: Buffer.alloc(70_000, 7) })
      expect(await reader.readMessage()).to.deep.equal({
        $name: 'AuthenticateOk',
        authData: Buffer.alloc(70_000, 7),
      })
      await writer.writeMessage({ $name: 'Close' })
      expect(await reader.readMessage()).to.deep.equal({ $name: 'Ok', msg: 'bye!' })
      expect(await reader.readMessage()).to.equal(null)
      expect(await connection.close()).to.equal(null)
    })

    it('gives TLS the ClientHello that came in one chunk with the request', async () => {
      const server = createServer(mysqlx, async (reader, writer, connection) => {
        expect(await reader.readMessage()).to.deep.equal(CAPABILITIES_SET)
        expect(connection.socket.bytesRead).to.be.greaterThan(CAPABILITIES_SET_FRAME.length)
        await connection.startTls(identities.server) // No Ok in plain text: this client waits for none.
        await writer.writeMessage({ $name: 'Ok', msg: 'safe' })
      })
      await using _ = server
      const socket = net.connect(await listening(server), '127.0.0.1')
      const secure = tls.connect({
        socket: behind(CAPABILITIES_SET_FRAME, socket),
        ca: identities.ca,
        servername: 'localhost',
      })
      expect(await buffer(secure)).to.deep.equal(hex('07000000 00 0a04 73616665')) // Ok, 'safe'
      socket.destroy()
    })

    it('gives TLS the ClientHello that waited while the handler did something else', async () => {
      await using server = createServer(mysqlx, async (reader, writer, connection) => {
        await reader.readMessage()
        await arrived(connection.socket, CAPABILITIES_SET_FRAME.length + 200)
        await connection.startTls(identities.server)
        for await (const message of reader) await writer.writeMessage({ $name: 'Ok', msg: message.$name as string })
      })
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port })
      await connection.writer.writeMessage(CAPABILITIES_SET)
      const upgraded = connection.startTls({ ca: identities.ca, servername: 'localhost' })
      connection.writer.write({ $name: 'CapabilitiesGet' }) // Written meanwhile: it goes over TLS.
      await upgraded
      expect(await connection.reader.readMessage()).to.deep.equal({ $name: 'Ok', msg: 'CapabilitiesGet' })
    })

    it('never hands out plaintext that a client, or somebody between, put behind the request', async () => {
      const received: unknown[] = []
      await using server = createServer(mysqlx, async (reader, writer, connection) => {
        for await (const message of reader) {
          received.push(message.$name)
          if (message.$name !== 'CapabilitiesSet') continue
          await writer.writeMessage({ $name: 'Ok' })
          await connection.startTls(identities.server)
        }
      })
      const failed = once(server, 'clientError')
      const socket = net.connect(await listening(server), '127.0.0.1')
      socket.write(Buffer.concat([CAPABILITIES_SET_FRAME, hex('01000000 01'), hex('01000000 03')]))
      const [fault] = await failed
      expect(fault).to.include({ code: 'ERR_QBP_TLS' })
      expect(received).to.deep.equal(['CapabilitiesSet'])
      socket.on('error', () => {})
      socket.destroy()
    })

    it('never hands out plaintext that a server, or somebody between, put behind the answer', async () => {
      const injected = hex('0d000000 01 1001 1a03626164 2203787878') // An Error.
      const server = net.createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.write(Buffer.concat([OK_FRAME, injected])))
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const connection = await connect(mysqlx, { host: '127.0.0.1', port: (server.address() as AddressInfo).port })
        await connection.writer.writeMessage(CAPABILITIES_SET)
        expect(await connection.reader.readMessage()).to.deep.equal({ $name: 'Ok' })
        await arrived(connection.socket, OK_FRAME.length + injected.length)
        const fault = await connection.startTls({ ca: identities.ca, servername: 'localhost' }).catch((error) => error)
        expect(fault).to.include({ code: 'ERR_QBP_TLS' })
        expect(await connection.reader.readMessage().catch((error) => error)).to.equal(fault)
        expect(await connection.closed).to.equal(fault)
      } finally {
        server.close()
      }
    })

    it('sends all that was written before it, however slowly it is read', async () => {
      const count = 200
      await using server = createServer(mysqlx, async (reader, writer, connection) => {
        let seen = 0
        await new Promise((done) => setTimeout(done, 100)) // Until nothing more goes into the socket's buffers.
        for await (const message of reader) {
          if (message.$name === 'AuthenticateStart') seen++
          if (message.$name !== 'CapabilitiesSet') continue
          await connection.startTls(identities.server)
          await writer.writeMessage({ $name: 'Ok', msg: `${seen}` })
        }
      })
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port, maxQueuedBytes: 2 ** 26 })
      const { reader, writer } = connection
      for (let i = 0; i < count; i++) {
        writer.write({ $name: 'AuthenticateStart', mechName: 'x'.repeat(100_000) })
        if (i % 20 === 0) await new Promise((done) => setTimeout(done, 1)) // Several writes of the socket's.
      }
      writer.write(CAPABILITIES_SET)
      await connection.startTls({ ca: identities.ca, servername: 'localhost' })
      expect(await reader.readMessage()).to.deep.equal({ $name: 'Ok', msg: `${count}` })
    }).timeout(15_000)

    it('is refused while somebody reads, and the connection goes on', async () => {
      await using server = createServer(mysqlx, handler)
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port })
      const reading = connection.reader.readMessage()
      const fault = await connection.startTls().catch((error) => error)
      expect(fault).to.have.property('code', 'ERR_QBP_BUSY')
      await connection.writer.writeMessage({ $name: 'CapabilitiesGet' })
      expect(await reading).to.have.property('$name', 'Capabilities')
    })

    it('is refused while another is under way, which goes on', async () => {
      await using server = createServer(mysqlx, handler)
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port })
      await connection.writer.writeMessage(CAPABILITIES_SET)
      await connection.reader.readMessage()
      const options = { ca: identities.ca, servername: 'localhost' }
      const outcomes = await Promise.allSettled([
        connection.startTls(options),
        connection.startTls(options),
        connection.detach(),
      ])
      expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'done'))).to.deep.equal([
        'done',
        'ERR_QBP_BUSY',
        'ERR_QBP_BUSY',
      ])
      await connection.writer.writeMessage({ $name: 'CapabilitiesGet' })
      expect(await connection.reader.readMessage()).to.have.property('$name', 'Capabilities')
    })

    it('that cannot even begin aborts the connection: the peer sees a reset, no end', async () => {
      await using server = createServer(mysqlx, async (reader, _writer, connection) => {
        await reader.readMessage()
        await connection.startTls({ cert: 'no certificate', key: 'no key' })
      })
      const failed = once(server, 'clientError')
      const port = await listening(server)
      await using connection = await connect(mysqlx, { host: '127.0.0.1', port })
      await connection.writer.writeMessage(CAPABILITIES_SET)
      const fault = await connection.reader.readMessage().catch((error) => error)
      expect(fault).to.have.property('code', 'ECONNRESET')
      expect((await failed)[0].code).to.match(/^ERR_OSSL_/)
    })

    it('fails where the certificate is not trusted, and ends both sides', async () => {
      await using server = createServer(mysqlx, handler)
      const port = await listening(server)
      const connection = await connect(mysqlx, { host: '127.0.0.1', port })
      await connection.writer.writeMessage(CAPABILITIES_SET)
      await connection.reader.readMessage()
      const fault = await connection.startTls({ servername: 'localhost' }).catch((error) => error)
      expect(fault).to.have.property('code', 'ERR_QBP_TLS')
      expect(await connection.closed).to.equal(fault)
      await Promise.all([...server.connections].map(({ closed }) => closed))
    })
  })

  it('is told at once of a client that ends in the middle of the handshake', async () => {
    await using server = createServer(riak, { tls: identities.server }, async () => {})
    const failed = once(server, 'clientError')
    const socket = net.connect(await listening(server), '127.0.0.1')
    socket.end(hex('1603 0100'))
    expect((await failed)[0]).to.include({ code: 'ERR_QBP_TLS' })
    socket.destroy()
  })

  describe('of Riak', () => {
    it('is asked for and granted by empty messages, and then authenticates', async () => {
      await using server = createServer(riak, async (reader, writer, connection) => {
        let user = ''
        for await (const message of reader) {
          switch (message.$name) {
            case 'RpbStartTls':
              await writer.writeMessage({ $name: 'RpbStartTls' })
              await connection.startTls(identities.server)
              break
            case 'RpbAuthReq':
              user = message.user.toString()
              await writer.writeMessage({ $name: 'RpbAuthResp' })
              break
            case 'RpbGetReq':
              await writer.writeMessage(
                user === ''
                  ? { $name: 'RpbErrorResp', errmsg: Buffer.from('who are you?'), errcode: 1 }
                  : { $name: 'RpbGetResp', content: [{ value: Buffer.from(`${user}: ${message.key}`) }] },
              )
              break
            case 'RpbPingReq':
              await writer.writeMessage({ $name: 'RpbPingResp' })
          }
        }
      })
      const port = await listening(server)
      await using connection = await connect(riak, { host: '127.0.0.1', port })
      const { reader, writer } = connection
      const ask = async (message: object) => {
        await writer.writeMessage(message)
        return reader.readMessage()
      }
      const get = { $name: 'RpbGetReq', bucket: Buffer.from('b'), key: Buffer.from('k') }
      expect(await ask(get)).to.deep.include({ $name: 'RpbErrorResp', errcode: 1 })
      expect(await ask({ $name: 'RpbStartTls' })).to.deep.equal({ $name: 'RpbStartTls' })
      await connection.startTls({ ca: identities.ca, servername: 'localhost' })
      expect(
        await ask({ $name: 'RpbAuthReq', user: Buffer.from('duck'), password: Buffer.from('quack') }),
      ).to.deep.equal({ $name: 'RpbAuthResp' })
      expect(await ask(get)).to.deep.equal({ $name: 'RpbGetResp', content: [{ value: Buffer.from('duck: k') }] })
      expect(await ask({ $name: 'RpbPingReq' })).to.deep.equal({ $name: 'RpbPingResp' })
    })
  })

  describe('to a language of another kind', () => {
    const PING = hex('00000001 01')

    it('gives back the socket and what came behind the last frame', async () => {
      let outcome: unknown
      await using server = createServer(riak, async (reader, writer, connection) => {
        await reader.readMessage()
        await writer.writeMessage({ $name: 'RpbPingResp' })
        const { socket } = connection
        const duplex = await connection.detach()
        expect(duplex).to.equal(socket)
        outcome = await connection.closed
        duplex.end(Buffer.concat([Buffer.from('you said '), await all(duplex)]))
      })
      const socket = net.connect({ port: await listening(server), host: '127.0.0.1', allowHalfOpen: true })
      // Behind the ping: the beginning of a frame that never gets whole, and is none; then more, later.
      socket.write(Buffer.concat([PING, hex('00000009 01'), Buffer.from('GET /')]))
      setTimeout(() => socket.end(' HTTP/1.0'), 20)
      expect(await buffer(socket)).to.deep.equal(
        Buffer.concat([
          hex('00000001 02'),
          Buffer.from('you said '),
          hex('00000009 01'),
          Buffer.from('GET / HTTP/1.0'),
        ]),
      )
      expect(outcome).to.equal(null)
    })

    it('gives back what came before an end that was there already', async () => {
      await using server = createServer(riak, async (reader, _writer, connection) => {
        await reader.readMessage()
        await arrived(connection.socket, PING.length + 4)
        await new Promise((done) => setTimeout(done, 20)) // For the end behind it.
        const duplex = await connection.detach()
        duplex.end(Buffer.concat([Buffer.from('you said '), await all(duplex)]))
      })
      const socket = net.connect({ port: await listening(server), host: '127.0.0.1', allowHalfOpen: true })
      socket.end(Buffer.concat([PING, Buffer.from('rest')]))
      expect((await buffer(socket)).toString()).to.equal('you said rest')
    })

    it('lets a client go over too, with what the server sent at once', async () => {
      const server = net.createServer((socket) => {
        socket.once('data', () => socket.write(Buffer.concat([hex('00000001 02'), Buffer.from('welcome')])))
        socket.on('data', (chunk) => String(chunk) === 'bye' && socket.end())
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const connection = await connect(riak, { host: '127.0.0.1', port: (server.address() as AddressInfo).port })
        await connection.writer.writeMessage({ $name: 'RpbPingReq' })
        expect(await connection.reader.readMessage()).to.deep.equal({ $name: 'RpbPingResp' })
        const duplex = await connection.detach()
        const heard = once(duplex, 'data')
        duplex.resume() // It came paused.
        expect(String((await heard)[0])).to.equal('welcome')
        duplex.end('bye')
        await once(duplex, 'close')
        expect(await connection.reader.readMessage()).to.equal(null)
        expect(await connection.writer.writeMessage({ $name: 'RpbPingReq' }).catch((error) => error.code)).to.equal(
          'ERR_QBP_CLOSED',
        )
      } finally {
        server.close()
      }
    })
  })
})
