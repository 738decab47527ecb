import { once } from 'node:events'
import net from 'node:net'
import type tls from 'node:tls'
import { QbpError } from '../base/errors.ts'
import { given } from '../base/given.ts'
import { listed } from '../base/listed.ts'
import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import { Countdown } from '../event-loop/timers.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { QbpConnection } from './connection.ts'
import { reportRefused } from './diagnostics.ts'
import { type AnyProtocol, CONNECTION_OPTIONS, type ConnectionOptions, ConnectionSettings } from './settings.ts'
import { upgrade } from './tls.ts'

/** Where to connect to and how, beside the options of every connection. */
export interface ConnectOptions<P extends Protocol = AnyProtocol, D = unknown>
  extends Omit<ConnectionOptions<'client', P, D>, 'role'> {
  port?: number | undefined
  /** Default: localhost. */
  host?: string | undefined
  /** A Unix socket's path, instead of a port. */
  path?: string | undefined
  /** Options of `tls.connect`, or true for none, to speak TLS from the first byte. */
  tls?: tls.ConnectionOptions | true | undefined
  /** Ends the attempt with its reason; once connected it has no effect. */
  signal?: AbortSignal | undefined
  /** How long the connection, with its TLS handshake, may take to stand, in milliseconds. Default: 10 s. */
  connectTimeoutMs?: number | undefined
}

const { role: _, ...ROLELESS_OPTIONS } = CONNECTION_OPTIONS
/** The names of ConnectOptions. */
export const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  ...ROLELESS_OPTIONS,
  port: true,
  host: true,
  path: true,
  tls: true,
  signal: true,
  connectTimeoutMs: true,
}

/**
 * Connects to a server.
 *
 * @throws {QbpError} ERR_QBP_CONNECT_TIMEOUT, ERR_QBP_TLS or ERR_QBP_BAD_OPTION; else the socket's own error, or the signal's reason.
 */
export function connect<P extends Protocol, D = unknown>(
  protocol: P,
  options: ConnectOptions<P, D> & { tls: tls.ConnectionOptions | true },
): Promise<QbpConnection<P, 'client', D, tls.TLSSocket>>
export function connect<P extends Protocol, D = unknown>(
  protocol: P,
  options: ConnectOptions<P, D>,
): Promise<QbpConnection<P, 'client', D, net.Socket>>
export async function connect(
  protocol: Protocol,
  options: ConnectOptions,
): Promise<QbpConnection<Protocol, 'client', unknown, net.Socket>> {
  givenProtocol(protocol, 'connect(protocol, options)')
  given(
    options !== undefined,
    options,
    'an object with a port, or the path of a Unix socket,',
    'connect(protocol, options)',
  )
  knownOptions('connect()', options, CONNECT_OPTIONS)
  const { port, host = 'localhost', path, signal, tls: tlsOptions, connectTimeoutMs, ...rest } = options
  const limit = milliseconds('connectTimeoutMs', connectTimeoutMs, 10_000)
  if ((port === undefined) === (path === undefined))
    throw new QbpError('ERR_QBP_BAD_OPTION', 'connect() needs either a port or the path of a Unix socket.')
  const own = new ConnectionSettings(protocol, { ...rest, role: 'client' })
  signal?.throwIfAborted()
  const socket = net.connect({
    ...(path === undefined ? { port: port as number, host } : { path }),
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
  })
  const expiry = new AbortController()
  const late = new Countdown(limit, () => expiry.abort())
  const ends = signal === undefined ? expiry.signal : AbortSignal.any([signal, expiry.signal])
  const leave = () => socket.destroy()
  try {
    await once(socket, 'connect', { signal: ends })
    if (tlsOptions === undefined) return new QbpConnection(protocol, socket, own)
    ends.addEventListener('abort', leave)
    const names = { host, servername: net.isIP(host) ? '' : host }
    const secure = { ...names, ...(tlsOptions === true ? {} : tlsOptions) }
    const upgraded = await upgrade(socket, 'client', secure, Number.POSITIVE_INFINITY)
    return new QbpConnection(protocol, upgraded, own)
  } catch (error) {
    socket.on('error', () => {}) // It may fail once more while it goes.
    socket.destroy()
    signal?.throwIfAborted()
    const where = path ?? `${host}:${port}`
    const fault = expiry.signal.aborted
      ? new QbpError(
          'ERR_QBP_CONNECT_TIMEOUT',
          `${where} did not answer within ${limit} ms, which is connectTimeoutMs.`,
          { limit },
        )
      : said(error as Error)
    reportRefused(null, fault)
    throw fault
  } finally {
    late.cancel()
    ends.removeEventListener('abort', leave)
  }
}

/** A name with several addresses fails with an AggregateError, whose own message is empty. */
function said(error: Error): Error {
  if (error instanceof AggregateError && error.message === '')
    error.message = listed(error.errors.map(({ message }: Error) => message))
  return error
}
