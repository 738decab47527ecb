import net from 'node:net'
import tls from 'node:tls'
import { Fault, UsageError } from '../command/fault.ts'
import type { OptionTable } from '../command/help.ts'
import { writeWhole } from '../files/output-file.ts'
import { textFile } from '../files/text-file.ts'
import { type MadeCertificate, makeCertificate } from '../tap/certificate.ts'

/** Where to connect to, or to listen at. */
export type Address = { host: string; port: number } | { path: string }

/** Reads `HOST:PORT`, `[::1]:PORT`, `PORT` on this machine, or `unix:PATH`. @throws {UsageError} */
export function parseAddress(text: string | undefined, what: string): Address {
  if (text === undefined) throw new UsageError(`no ${what} is given: HOST:PORT or unix:PATH.`)
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length) }
  const [, v6, host = v6 ?? 'localhost', port = ''] = /^(?:(?:\[([^\]]*)\]|([^:]*)):)?(\d{1,5})$/.exec(text) ?? []
  if (port !== '' && Number(port) < 65536) return { host, port: Number(port) }
  throw new UsageError(
    `the ${what} is '${text}'; it may be HOST:PORT, PORT, unix:PATH, or the name of a target in qbp.json.`,
  )
}

/** As it was given. */
export const addressText = (address: Address): string => {
  if ('path' in address) return `unix:${address.path}`
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}

/** The options of TLS that verbs which connect have. */
export const tlsOptions = {
  tls: { type: 'boolean', help: 'speak TLS' },
  insecure: { type: 'boolean', help: 'take any certificate of the server' },
  ca: { type: 'string', value: 'FILE', help: 'the authority that must have signed it' },
  cert: { type: 'string', value: 'FILE', help: "this side's own certificate" },
  key: { type: 'string', value: 'FILE', help: 'its key' },
  servername: { type: 'string', value: 'NAME', help: 'the name that it must be for (default: the host)' },
} as const satisfies OptionTable

interface TlsValues {
  tls?: boolean
  insecure?: boolean
  ca?: string
  cert?: string
  key?: string
  servername?: string
}

/** The options of node:tls, or undefined where TLS is not asked for. @throws {UsageError} {@link Fault} for a file that cannot be read. */
export async function tlsFrom({
  tls: wanted,
  insecure,
  ca,
  cert,
  key,
  servername,
}: TlsValues): Promise<tls.ConnectionOptions | undefined> {
  if (wanted !== true) {
    if (insecure || ca || cert || key || servername) throw new UsageError('these options need --tls.')
    return undefined
  }
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key go together.')
  const form = {
    ...(insecure === true && { rejectUnauthorized: false }),
    ...(ca !== undefined && { ca: await pem(ca) }),
    ...(cert !== undefined && { cert: await pem(cert) }),
    ...(key !== undefined && { key: await pem(key) }),
    ...(servername !== undefined && { servername }),
  }
  try {
    tls.createSecureContext(form)
  } catch (error) {
    const files = [ca, cert, key].filter((path) => path !== undefined).join(', ')
    throw new Fault(`${files}: no PEM of a certificate and its key (${(error as Error).message}).`, { cause: error })
  }
  return form
}

/** The options of TLS that a tap has towards its clients. */
export const listenTlsOptions = {
  'listen-tls': {
    type: 'boolean',
    help: 'speak TLS to clients: with a certificate made for this run, unless one is given',
  },
  'listen-cert': { type: 'string', value: 'FILE', help: 'this certificate (PEM)' },
  'listen-key': { type: 'string', value: 'FILE', help: 'its key' },
  'listen-ca': {
    type: 'string',
    value: 'FILE',
    help: 'write the certificate made for this run there, for clients to trust',
  },
} as const satisfies OptionTable

/** What a tap speaks TLS to clients with, and what there is to say of it; undefined where it speaks none. */
export async function listenerTls(
  values: { [O in keyof typeof listenTlsOptions]?: string | boolean },
  hosts: readonly string[],
): Promise<{ tls: tls.TlsOptions; made?: MadeCertificate } | undefined> {
  const { 'listen-tls': wanted, 'listen-ca': ca } = values
  const [cert, key] = [values['listen-cert'], values['listen-key']] as (string | undefined)[]
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--listen-cert and --listen-key go together.')
  if (cert !== undefined && ca !== undefined)
    throw new UsageError('--listen-ca is for a certificate made here, and --listen-cert gives one.')
  if (cert !== undefined) return { tls: (await tlsFrom({ tls: true, cert, key: String(key) })) as tls.TlsOptions }
  if (wanted !== true && ca === undefined) return undefined
  const made = await makeCertificate(hosts)
  if (ca !== undefined) await writeWhole(String(ca), made.cert)
  return { tls: { cert: made.cert, key: made.key }, made }
}

/** The text of a PEM file. @throws {Fault} for one without a block: Node takes an empty one for none given. */
async function pem(path: string): Promise<string> {
  const text = await textFile(path)
  if (text.includes('-----BEGIN ')) return text
  throw new Fault(`${path}: no PEM of a certificate or a key: it has no -----BEGIN.`)
}

/** Opens a socket, half-open allowed; it need not be connected yet. */
export function openSocket(address: Address, tlsOptions?: tls.ConnectionOptions): net.Socket {
  const target = { ...address, allowHalfOpen: true, noDelay: true }
  if (tlsOptions === undefined) return net.connect(target as net.NetConnectOpts)
  const servername = 'host' in address && net.isIP(address.host) === 0 ? address.host : ''
  return tls.connect({ servername, ...target, ...tlsOptions } as tls.ConnectionOptions)
}
