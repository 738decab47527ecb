import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { expect } from 'chai'
import { type Certificates, certificates } from './certificates.ts'
import { settled } from './settled.ts'

describe(
  'certificates',
  settled(() => {
    let made: Certificates
    before(async () => {
      made = await certificates()
    })

    /** Connects over TLS: what the server saw as the client's common name, or the code of the client's error. */
    async function handshake(serving: TlsOptions, connecting: ConnectionOptions = {}): Promise<string> {
      const server = createServer(serving, (socket) => {
        socket.on('error', () => {})
        socket.end(String(socket.getPeerCertificate().subject?.CN))
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const client: TLSSocket = connect({ port, host: '127.0.0.1', ca: made.ca, ...connecting })
      try {
        return await new Promise<string>((resolve) => {
          client.on('data', (seen) => resolve(String(seen)))
          client.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
          client.on('close', () => resolve('closed'))
        })
      } finally {
        client.destroy()
        server.close()
      }
    }

    /** What a client sees that TLS 1.3 has let write already when the server refuses it: the alert, or only the end of it all. */
    const refused = (alert: string) => new RegExp(`^(${alert}|ECONNRESET|EPIPE|closed)$`)

    it('of a server are trusted for localhost and 127.0.0.1', async () => {
      expect(await handshake(made.server)).to.equal('undefined')
      expect(await handshake(made.server, { servername: 'localhost' })).to.equal('undefined')
    })

    it('of a client are seen by the server', async () => {
      const mutual = { ...made.server, ca: made.ca, requestCert: true }
      expect(await handshake(mutual, made.client)).to.equal('client')
      expect(await handshake(mutual)).to.match(refused('ERR_SSL_TLSV13?_ALERT_CERTIFICATE_REQUIRED'))
      expect(await handshake(mutual, made.stranger)).to.match(refused('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'))
    })

    it('that are expired, for another name or of a stranger are refused', async () => {
      expect(await handshake(made.expired)).to.equal('CERT_HAS_EXPIRED')
      expect(await handshake(made.wrongName)).to.equal('ERR_TLS_CERT_ALTNAME_INVALID')
      expect(await handshake(made.wrongName, { servername: 'elsewhere.test' })).to.equal('undefined')
      expect(await handshake(made.stranger)).to.match(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT/)
    })
  }),
)
