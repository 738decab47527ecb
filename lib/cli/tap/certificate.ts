// A certificate made on the spot, for a tap that speaks TLS to clients. It is its own authority, for loopback and the names it is
// given, and holds for a week.

import { X509Certificate } from 'node:crypto'
import net from 'node:net'

/** A certificate and its key, as PEM. */
export interface MadeCertificate {
  readonly cert: string
  readonly key: string
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint: string
}

const DAY_MS = 86_400_000
const DAYS = 7

/** Makes a certificate for `localhost`, 127.0.0.1, ::1 and the hosts. */
export async function makeCertificate(hosts: readonly string[]): Promise<MadeCertificate> {
  // Only here: a tap without TLS starts the quicker.
  const { generate } = await import('./selfsigned.ts')
  const now = Date.now()
  const altNames = [...new Set(['localhost', '127.0.0.1', '::1', ...hosts])].map((host) =>
    net.isIP(host) === 0 ? { type: 2 as const, value: host } : { type: 7 as const, ip: host },
  )
  const made = await generate([{ name: 'commonName', value: 'qbp tap' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - DAY_MS),
    notAfterDate: new Date(now + DAYS * DAY_MS),
    extensions: [
      // An authority of its own: so a client may be given it as one.
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { cert: made.cert, key: made.private, fingerprint: new X509Certificate(made.cert).fingerprint256 }
}
