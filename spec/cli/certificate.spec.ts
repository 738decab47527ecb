import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type net from 'node:net'
import tls from 'node:tls'
import { expect } from 'chai'
import { makeCertificate } from '../../lib/cli/tap/certificate.ts'

describe('a certificate made on the spot', () => {
  it('is for loopback and the hosts it is given, signed by itself, a week long', async () => {
    const { cert, fingerprint } = await makeCertificate(['chat.example', '192.0.2.7', '2001:db8::1:0:7'])
    const certificate = new X509Certificate(cert)
    expect(certificate.verify(certificate.publicKey)).to.equal(true)
    expect(certificate.ca).to.equal(true)
    expect(certificate.fingerprint256).to.equal(fingerprint)
    for (const host of ['localhost', 'chat.example']) expect(certificate.checkHost(host), host).to.equal(host)
    for (const ip of ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::1:0:7'])
      expect(certificate.checkIP(ip), ip).to.not.equal(undefined)
    expect(certificate.checkHost('elsewhere.example')).to.equal(undefined)
    const left = Date.parse(certificate.validTo) - Date.now()
    expect(left / 86_400_000).to.be.within(6, 8)
    expect(Date.parse(certificate.validFrom)).to.be.below(Date.now())
  })

  it('is another one each time', async () => {
    const [a, b] = (await Promise.all([makeCertificate([]), makeCertificate([])])).map(
      ({ cert }) => new X509Certificate(cert),
    )
    expect(a?.serialNumber).to.not.equal(b?.serialNumber)
    expect(a?.fingerprint256).to.not.equal(b?.fingerprint256)
  })

  it('is what a client that trusts it alone speaks TLS with', async () => {
    const { cert, key } = await makeCertificate([])
    const server = tls.createServer({ cert, key }, (socket) => socket.end('hello'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port } = server.address() as net.AddressInfo
      const socket = tls.connect({ host: '127.0.0.1', port, ca: cert, servername: 'localhost' })
      const [text] = (await once(socket.setEncoding('utf8'), 'data')) as [string]
      expect(text).to.equal('hello')
      expect(socket.authorized).to.equal(true)
      socket.destroy()
    } finally {
      server.close()
    }
  })
})
