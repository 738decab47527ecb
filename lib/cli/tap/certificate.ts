// A certificate made on the spot, for a tap that speaks TLS to clients: https://www.rfc-editor.org/rfc/rfc5280. It is its own
// authority, for loopback and the names it is given, and holds for a week.

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import net from 'node:net'
import { der, identifier, integer, sequence, set } from './der.ts'

/** A certificate and its key, as PEM. */
export interface MadeCertificate {
  readonly cert: string
  readonly key: string
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint: string
}

const DAY_MS = 86_400_000
const DAYS = 7
const ECDSA_WITH_SHA256 = identifier('1.2.840.10045.4.3.2')
const COMMON_NAME = identifier('2.5.4.3')
const BASIC_CONSTRAINTS = identifier('2.5.29.19')
const ALT_NAMES = identifier('2.5.29.17')
const SERVER_AUTH = sequence(identifier('1.3.6.1.5.5.7.3.1'))
const EXTENDED_KEY_USAGE = identifier('2.5.29.37')

const [BOOLEAN, OCTETS, BITS, UTF8, UTC_TIME] = [0x01, 0x04, 0x03, 0x0c, 0x17] as const
const [DNS_NAME, IP_ADDRESS, VERSION, EXTENSIONS] = [0x82, 0x87, 0xa0, 0xa3] as const

/** Makes a certificate for `localhost`, 127.0.0.1, ::1 and the hosts. */
export function makeCertificate(hosts: readonly string[]): MadeCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const name = sequence(set(sequence(COMMON_NAME, der(UTF8, Buffer.from('qbp tap')))))
  const names = [...new Set(['localhost', '127.0.0.1', '::1', ...hosts])].map(altName)
  const body = sequence(
    der(VERSION, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    sequence(ECDSA_WITH_SHA256),
    name,
    sequence(utcTime(now - DAY_MS), utcTime(now + DAYS * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      EXTENSIONS,
      sequence(
        // An authority of its own: so a client may be given it as one.
        extension(BASIC_CONSTRAINTS, sequence(der(BOOLEAN, Buffer.of(255)))),
        extension(EXTENDED_KEY_USAGE, SERVER_AUTH),
        extension(ALT_NAMES, sequence(...names)),
      ),
    ),
  )
  const signature = der(BITS, Buffer.of(0), sign('sha256', body, privateKey))
  const certificate = new X509Certificate(sequence(body, sequence(ECDSA_WITH_SHA256), signature))
  return {
    cert: certificate.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    fingerprint: certificate.fingerprint256,
  }
}

const extension = (id: Buffer, value: Buffer): Buffer => sequence(id, der(OCTETS, value))

function altName(host: string): Buffer {
  if (net.isIP(host) === 0) return der(DNS_NAME, Buffer.from(host, 'latin1'))
  return der(IP_ADDRESS, net.isIPv4(host) ? Buffer.from(host.split('.').map(Number)) : ipv6(host))
}

function ipv6(host: string): Buffer {
  // As a URL writes it: in groups of hexadecimal digits alone.
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]))
}

/** `261127173424Z`: years up to 2049, as RFC 5280 wants them. */
const utcTime = (ms: number): Buffer =>
  der(UTC_TIME, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`))
