import dns from 'node:dns'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type tls from 'node:tls'
import { expect } from 'chai'
import { type ConnectOptions, connect, type Handler } from '../../lib/index.ts'
import { type Certificates, certificates } from '../support/certificates.ts'
import { protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { portOf, serve } from '../support/transports.ts'

const echo: Handler<typeof protocol> = async (reader, writer) => {
  for await (const message of reader) await writer.writeMessage(message)
}

/** A server of raw sockets. */
async function raw(accept: (socket: net.Socket) => void): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    accept(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('connect', () => {
  describe(
    'fails',
    settled(() => {
      const host = '127.0.0.1'

      it('with the error of the socket where nobody listens', async () => {
        const free = await raw(() => {})
        await free[Symbol.asyncDispose]()
        expect(await rejection(connect(protocol, { host, port: free.port }))).to.have.property('code', 'ECONNREFUSED')
        expect(await rejection(connect(protocol, { path: '/nowhere/qbp.sock' }))).to.have.property('code', 'ENOENT')
      })

      it('with ERR_QBP_CONNECT_TIMEOUT where the handshake takes too long', async () => {
        await using silent = await raw(() => {})
        const fault = await rejection(connect(protocol, { host, port: silent.port, tls: true, connectTimeoutMs: 20 }))
        expect(fault).to.include({ code: 'ERR_QBP_CONNECT_TIMEOUT', limit: 20 })
        expect(fault.message).to.contain(`127.0.0.1:${silent.port}`)
      })

      it("with the signal's reason, before, while it connects, and in the handshake", async () => {
        await using silent = await raw(() => {})
        const reason = new Error('enough')
        expect(
          await rejection(connect(protocol, { host, port: silent.port, signal: AbortSignal.abort(reason) })),
        ).to.equal(reason)
        for (const waitMs of [0, 20]) {
          const controller = new AbortController()
          const connecting = rejection(
            connect(protocol, { host, port: silent.port, tls: true, signal: controller.signal }),
          )
          if (waitMs > 0) await setTimeout(waitMs)
          controller.abort(reason)
          expect(await connecting).to.equal(reason)
        }
      })

      it('with what each address of a name says, where nobody is there', async () => {
        const { port } = await (async () => {
          await using gone = await raw(() => {})
          return gone
        })()
        const lookup = (_name: string, _options: object, done: (error: null, found: object[]) => void) =>
          done(null, [
            { address: '127.0.0.1', family: 4 },
            { address: '127.0.0.2', family: 4 },
          ])
        const { lookup: usual } = dns
        dns.lookup = lookup as never
        try {
          const fault = (await rejection(connect(protocol, { host: 'two.test', port }))) as Error
          expect(fault).to.have.property('code', 'ECONNREFUSED')
          expect(fault.message).to.equal(
            `connect ECONNREFUSED 127.0.0.1:${port}, connect ECONNREFUSED 127.0.0.2:${port}`,
          )
        } finally {
          dns.lookup = usual
        }
      })

      it('with ERR_QBP_BAD_OPTION before a byte is sent', async () => {
        let accepted = 0
        await using server = await raw(() => accepted++)
        const bad: object[] = [
          {},
          { port: 1, path: '/x' },
          { port: server.port, maxBodyBytes: 0 },
          { port: server.port, connectTimeoutMs: 0 },
        ]
        for (const options of bad)
          expect(await rejection(connect(protocol, { host, ...options } as ConnectOptions))).to.have.property(
            'code',
            'ERR_QBP_BAD_OPTION',
          )
        await setTimeout(5)
        expect(accepted).to.equal(0)
      })
    }),
  )

  it('has no use for its signal once connected', async () => {
    await using server = await serve({}, echo)
    const controller = new AbortController()
    await using client = await connect(protocol, { port: portOf(server), host: '127.0.0.1', signal: controller.signal })
    controller.abort()
    await client.writer.writeMessage({ $name: 'Say', text: 'hi' })
    expect(await client.reader.readMessage()).to.include({ text: 'hi' })
  })
})

describe(
  'TLS',
  settled(() => {
    let known: Certificates
    before(async () => {
      known = await certificates()
    })
    const host = 'localhost'

    /** What a client and the server hear of a handshake. */
    async function attempt(
      server: tls.TlsOptions,
      client: tls.ConnectionOptions,
    ): Promise<{ client: string; server: string }> {
      await using serving = await serve({ tls: server }, echo)
      const port = portOf(serving)
      let reported = ''
      serving.on('clientError', (error: Error & { code?: string }) => {
        reported = `${error.code}: ${error.message}`
      })
      try {
        await using connection = await connect(protocol, {
          host: '127.0.0.1',
          port,
          tls: { servername: host, ...client },
        })
        await connection.writer.writeMessage({ $name: 'Leave' })
        // With TLS 1.3 a client is connected before the server has judged its certificate.
        const answer = await connection.reader.readMessage()
        for (let n = 0; n < 50 && answer === null && reported === ''; n++) await setTimeout(2)
        return { client: answer === null ? 'ended' : 'connected', server: reported }
      } catch (error) {
        for (let n = 0; n < 50 && reported === ''; n++) await setTimeout(2)
        return { client: `${(error as { code?: string }).code}: ${(error as Error).message}`, server: reported }
      }
    }

    it('is 1.3 where both can, and 1.2 at the least', async () => {
      await using server = await serve({ tls: known.server }, echo)
      const port = portOf(server)
      const versions: (string | null)[] = []
      server.on('connection', ({ socket }) => versions.push(socket.getProtocol()))
      server.on('clientError', () => {})
      for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
        await using client = await connect(protocol, { host, port, tls: { ca: known.ca, maxVersion } })
        versions.push(client.socket.getProtocol())
      }
      expect(versions.sort()).to.deep.equal(['TLSv1.2', 'TLSv1.2', 'TLSv1.3', 'TLSv1.3'])
      const old = await attempt(known.server, {
        ca: known.ca,
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ...('boringssl' in process.versions ? {} : { ciphers: 'DEFAULT@SECLEVEL=0' }), // Bun's has no levels.
      })
      expect(old.client).to.match(/^ERR_QBP_TLS/)
      expect(old.server).to.match(
        /^ERR_QBP_TLS: The TLS handshake failed: the peer has no TLS version that is allowed here/,
      )
    })

    it('refuses certificates that have expired, are of another name, or that nobody vouches for', async () => {
      const { ca } = known
      expect((await attempt(known.expired, { ca })).client).to.equal(
        "ERR_QBP_TLS: The TLS handshake failed: the peer's certificate has expired.",
      )
      expect((await attempt(known.wrongName, { ca })).client).to.match(
        /^ERR_QBP_TLS: The TLS handshake failed: Hostname\/IP does not match certificate's altnames: .*elsewhere\.test\.$/,
      )
      expect((await attempt(known.stranger, { ca })).client).to.match(
        /the peer's certificate is not trusted \(UNABLE_TO/,
      )
      expect((await attempt(known.server, { ca })).client).to.equal('connected')
    })

    it('asks the client for its certificate, and has it on the connection', async () => {
      const mutual = { ...known.server, requestCert: true, ca: known.ca }
      let subject: unknown
      await using server = await serve({ tls: mutual }, (reader, writer, connection) => {
        subject = connection.peerCertificate?.subject.CN
        return echo(reader, writer, connection)
      })
      {
        await using client = await connect(protocol, {
          host,
          port: portOf(server),
          tls: { ca: known.ca, ...known.client },
        })
        await client.writer.writeMessage({ $name: 'Leave' })
        await client.reader.readMessage()
        expect(client.peerCertificate?.subject.CN).to.equal('server')
      }
      expect(subject).to.equal('client')
      const none = await attempt(mutual, { ca: known.ca })
      expect(none.client).to.not.equal('connected')
      expect(none.server).to.match(/^ERR_QBP_TLS: .*the peer has no certificate, and one is required/)
      const stranger = await attempt(mutual, { ca: known.ca, ...known.stranger })
      expect(stranger.client).to.not.equal('connected')
      expect(stranger.server).to.match(/^ERR_QBP_TLS: .*(not trusted|UNABLE)/)
    })

    it('says so where one side speaks plain', async () => {
      const server = await serve({ tls: known.server }, echo)
      const reported = once(server, 'clientError')
      const plain = await connect(protocol, { host: '127.0.0.1', port: portOf(server) })
      await plain.writer.writeMessage({ $name: 'Say', text: 'hello?' })
      await plain.reader.readMessage().catch(() => {})
      await plain.close()
      const [fault, connection] = await reported
      expect(fault).to.have.property('code', 'ERR_QBP_TLS')
      expect(fault.message).to.equal('The TLS handshake failed: the peer does not speak TLS.')
      expect(connection).to.equal(null)
      await server.close()

      await using plainServer = await raw((socket) => socket.end('220 hello\r\n'))
      const refused = await rejection(connect(protocol, { host: '127.0.0.1', port: plainServer.port, tls: true }))
      expect(refused.message).to.equal('The TLS handshake failed: the peer does not speak TLS.')
      expect(refused.cause).to.be.instanceOf(Error)
    })

    it('gives a handshake no longer than handshakeTimeoutMs', async () => {
      const server = await serve({ tls: known.server, handshakeTimeoutMs: 20 }, echo)
      const reported = once(server, 'clientError')
      const silent = net.connect(portOf(server), '127.0.0.1').on('error', () => {})
      silent.resume()
      expect((await reported)[0]).to.include({ code: 'ERR_QBP_HANDSHAKE_TIMEOUT', limit: 20 })
      if (!silent.destroyed) await once(silent, 'close')
      await server.close()
    })
  }),
)
