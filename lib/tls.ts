import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { timer } from './deadline.ts'
import { QbpError } from './errors.ts'
import type { Role } from './table.ts'

/** Options of node:tls: for a client those of `tls.connect`, for a server those of `tls.createServer`. */
export type TlsOptions = tls.ConnectionOptions & tls.TlsOptions

/** How long a TLS handshake may take where nobody says otherwise. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/** The error of a handshake that took too long. */
export function handshakeTimeout(limit: number): QbpError {
  return new QbpError(
    'ERR_QBP_HANDSHAKE_TIMEOUT',
    `The TLS handshake was not done after ${limit} ms, which is handshakeTimeoutMs.`,
    { limit },
  )
}

/**
 * Goes on in TLS on a duplex that has been speaking plain. Bytes that were put back in front of it go to TLS too.
 *
 * @returns the TLSSocket, its handshake done. On a failure the duplex is destroyed.
 */
export function upgrade(duplex: Duplex, role: Role, options: TlsOptions, timeoutMs: number): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const late = timer(timeoutMs, () => fail(handshakeTimeout(timeoutMs)))
    const cut = () => fail(new QbpError('ERR_QBP_CLOSED', 'The connection closed during the TLS handshake.'))
    const done = (socket: tls.TLSSocket) => {
      settle()
      resolve(socket)
    }
    const fail = (error: Error) => {
      settle()
      duplex.destroy()
      reject(error)
    }
    const settle = () => {
      clearTimeout(late)
      duplex.off('close', cut)
    }
    duplex.on('close', cut)
    if (role === 'client') {
      const socket = tls.connect({ ...options, socket: duplex as Socket, allowHalfOpen: true } as tls.ConnectionOptions)
      socket.once('error', fail)
      socket.once('secureConnect', () => {
        socket.off('error', fail)
        done(socket)
      })
      return
    }
    // A tls.Server that never listens does what a TLSSocket alone would not: it judges the client's certificate.
    const server = tls.createServer({ ...options } as tls.TlsOptions)
    server.once('tlsClientError', fail)
    server.once('secureConnection', (socket) => {
      duplex.allowHalfOpen = socket.allowHalfOpen = true
      done(socket)
    })
    // Until the handshake is done: half-open, it would not notice that the client has given it up.
    duplex.allowHalfOpen = false
    server.emit('connection', duplex)
  })
}
