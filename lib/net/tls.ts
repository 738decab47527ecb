import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import { Countdown } from '../event-loop/timers.ts'

/** Options of node:tls: for a client those of `tls.connect`, for a server those of `tls.createServer`. */
export type TlsOptions = tls.ConnectionOptions | tls.TlsOptions

/** How long a TLS handshake may take by default: it costs this side more than the peer, and buys it nothing. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** What every TLS here has, unless the user's own options say otherwise: 1.3 where both can, never less than 1.2. */
const DEFAULTS = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', allowHalfOpen: true } as const

/** The error of a handshake that took too long. */
export function handshakeTimeout(limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_HANDSHAKE_TIMEOUT',
    `The TLS handshake was not done after ${limit} ms, which is handshakeTimeoutMs.`,
    { limit },
  )
}

/** The error of a handshake that failed, in words that say whose fault it is; OpenSSL's own are its cause. */
function handshakeFault(cause: NodeJS.ErrnoException, socket?: tls.TLSSocket): QbpError {
  const code = String(socket?.authorizationError ?? cause.code ?? '')
  return new QbpError('ERR_QBP_TLS', `The TLS handshake failed: ${reason(code, cause)}.`, { cause })
}

function reason(code: string, { message }: Error): string {
  // What OpenSSL, or BoringSSL on Bun, says of bytes that are no TLS record depends on which bytes they are.
  if (
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE|UNEXPECTED_(MESSAGE|RECORD)/.test(
      code,
    )
  )
    return 'the peer does not speak TLS'
  if (/wrong version number|http request|packet length too long/.test(message)) return 'the peer does not speak TLS'
  if (code === 'CERT_HAS_EXPIRED') return "the peer's certificate has expired"
  if (code === 'CERT_NOT_YET_VALID') return "the peer's certificate is not valid yet"
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return message.replace(/\.$/, '')
  if (/SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/.test(code))
    return `the peer's certificate is not trusted (${code})`
  if (/PEER_DID_NOT_RETURN_A_CERTIFICATE/.test(code)) return 'the peer has no certificate, and one is required'
  if (/UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION/.test(code))
    return `the peer has no TLS version that is allowed here (${code})`
  if (code === 'ECONNRESET') return 'the peer closed the connection'
  return code === '' ? message : `${message} (${code})`
}

/**
 * Speaks TLS as a server on sockets that were accepted elsewhere. A tls.Server that never listens does what a TLSSocket
 * alone would not: it judges the client's certificate, and keeps session tickets.
 *
 * @returns what takes a duplex. How long its handshake may take is for the caller to see.
 */
export function acceptor<D extends Duplex>(
  options: tls.TlsOptions,
  accepted: (socket: tls.TLSSocket, wire: D) => void,
  failed: (fault: QbpError, wire: D) => void,
): (duplex: D) => void {
  // Node's own limit runs out before what waits in the kernel is read, and it cannot be turned off.
  const server = tls.createServer({ ...DEFAULTS, ...options, handshakeTimeout: 2 ** 31 - 1 })
  let last: D | null = null
  // node:tls keeps what a TLSSocket stands on to itself, but gives it this name, also where it is no socket.
  // A duplex that is no socket may be missing there; it is the one that an upgrade has given, and there is no other.
  const wireOf = (socket: tls.TLSSocket) => (socket as unknown as { _parent: D | null })._parent ?? (last as D)
  server.on('secureConnection', (socket) => {
    const wire = wireOf(socket)
    wire.allowHalfOpen = socket.allowHalfOpen = true
    accepted(socket, wire)
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    failed(handshakeFault(error, socket), wireOf(socket))
    socket.destroy()
  })
  return (duplex) => {
    last = duplex
    duplex.allowHalfOpen = false // During the handshake: else the end of a client that gave it up would go unnoticed.
    server.emit('connection', duplex)
  }
}

/**
 * Goes on in TLS on a duplex that has been speaking plain. Bytes that were put back in front of it go to TLS too.
 *
 * @returns the TLSSocket, its handshake done. On a failure the duplex is destroyed.
 * @throws {QbpError} ERR_QBP_TLS with Node's own error as its cause, ERR_QBP_HANDSHAKE_TIMEOUT, or ERR_QBP_CLOSED.
 */
export function upgrade(duplex: Duplex, role: Role, options: TlsOptions, timeoutMs: number): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const late = new Countdown(timeoutMs, () => fail(handshakeTimeout(timeoutMs)))
    const cut = () => fail(new QbpError('ERR_QBP_CLOSED', 'The connection closed during the TLS handshake.'))
    const done = (socket: tls.TLSSocket) => {
      settle()
      resolve(socket)
    }
    const fail = (fault: Error) => {
      settle()
      duplex.destroy()
      reject(fault)
    }
    const settle = () => {
      late.cancel()
      duplex.off('close', cut)
    }
    duplex.on('close', cut)
    duplex.on('error', ignore) // What stands on it reports.
    if (role === 'server') {
      acceptor(options as tls.TlsOptions, done, fail)(duplex)
      return
    }
    const socket = tls.connect({ ...DEFAULTS, ...options, socket: duplex as Socket } as tls.ConnectionOptions)
    const failed = (error: Error) => fail(handshakeFault(error, socket))
    socket.on('error', ignore)
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      socket.off('error', failed)
      done(socket)
    })
  })
}

/** The certificate that the peer has shown, if it has. */
export function certificateOf(
  duplex: Duplex & { getPeerCertificate?: () => tls.PeerCertificate | null },
): tls.PeerCertificate | null {
  const certificate = duplex.getPeerCertificate?.()
  return certificate && Object.keys(certificate).length > 0 ? certificate : null
}

function ignore(): void {}
