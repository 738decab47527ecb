import { generate, type SelfsignedOptions } from 'selfsigned'

// Certificates made while the specs run: none stands in the repository, so none runs out or gets trusted anywhere. Keys are
// P-256, which are made in a millisecond.

/** A certificate and its private key, as PEM: the `cert` and `key` of node:tls. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  /** The `ca` of whoever is to trust all below, but for the last. */
  readonly ca: string
  /** A server's, for `localhost`, 127.0.0.1 and ::1. */
  readonly server: Identity
  /** A client's: its subject has the common name `client`. */
  readonly client: Identity
  /** As the server's, but it ran out yesterday. */
  readonly expired: Identity
  /** A server's, for `elsewhere.test` alone. */
  readonly wrongName: Identity
  /** As the server's and the client's, of an authority that `ca` does not know. */
  readonly stranger: Identity
}

const DAY_MS = 86_400_000

let made: Promise<Certificates> | undefined

/** The certificates of this mocha run, made once. */
export function certificates(): Promise<Certificates> {
  made ??= make()
  return made
}

async function make(): Promise<Certificates> {
  const authority = await authorityNamed('Qbp specs')
  const unknown = await authorityNamed('Somebody else')
  const local: readonly Name[] = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
    { type: 7, ip: '::1' },
  ]
  return {
    ca: authority.cert,
    server: await issue(authority, 'server', local),
    client: await issue(authority, 'client', []),
    expired: await issue(authority, 'expired', local, -1),
    wrongName: await issue(authority, 'wrong name', [{ type: 2, value: 'elsewhere.test' }]),
    stranger: await issue(unknown, 'stranger', local),
  }
}

type Name = { readonly type: 2; readonly value: string } | { readonly type: 7; readonly ip: string }
type Extensions = NonNullable<SelfsignedOptions['extensions']>

function authorityNamed(name: string): Promise<Identity> {
  return certificate(name, 1, undefined, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ])
}

function issue(authority: Identity, name: string, names: readonly Name[], endsInDays = 1): Promise<Identity> {
  return certificate(name, endsInDays, authority, [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    // An extension of no names at all is against RFC 5280, 4.2.1.6.
    ...(names.length > 0 ? [{ name: 'subjectAltName' as const, altNames: [...names] }] : []),
  ])
}

async function certificate(
  name: string,
  endsInDays: number,
  ca: Identity | undefined,
  extensions: Extensions,
): Promise<Identity> {
  const now = Date.now()
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 2 * DAY_MS),
    notAfterDate: new Date(now + endsInDays * DAY_MS),
    ...(ca && { ca }),
    extensions,
  })
  return { cert: made.cert, key: made.private }
}
