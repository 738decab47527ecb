// A connection's duplex goes to somebody else: to TLS, and back from it, or to another protocol for good.

import { Duplex, Readable } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import { Countdown, look } from '../event-loop/timers.ts'
import type { Plumbing } from './plumbing.ts'
import { handshakeTimeout, type TlsOptions, upgrade } from './tls.ts'

/** The connection that hands its duplex over. */
interface Giver {
  readonly connection: {
    readonly reader: { readonly destroyed: boolean; readonly readableLength: number }
    readonly writer: { readonly writableEnded: boolean }
  }
  readonly plumbing: Plumbing
  readonly conversation: {
    readonly calls: { readonly isIdle: boolean } | null
    readonly settings: { readonly role: Role | undefined; readonly handshakeTimeoutMs: number }
  }
  readonly isClosing: boolean
  readonly life: { readonly outcome: Error | null }
  destroy(fault: Error): void
}

/** The connection, where it goes on itself. */
interface Taker {
  release(timeoutMs: number): Promise<Duplex>
  go(duplex: Duplex): void
  finish(): void
}

/**
 * Takes the duplex off its reader and writer: paused, with all that was written sent, and all that was not read put back in
 * front. After `timeoutMs` the connection is destroyed.
 *
 * @throws the fault of a connection that is over by then.
 */
export async function handOver(giver: Giver, timeoutMs: number): Promise<Duplex> {
  const late = new Countdown(timeoutMs, () => giver.destroy(handshakeTimeout(timeoutMs)))
  try {
    return await take(giver)
  } finally {
    late.cancel()
  }
}

async function take(giver: Giver): Promise<Duplex> {
  const { plumbing } = giver
  const { duplex } = plumbing
  plumbing.stop()
  // Until the operating system has all: TLS would overtake what the socket itself still holds. The callback of an empty write
  // would say when that is, but a WebSocket sends that as a message.
  for (let ms = 1; duplex.writableLength > 0 && !duplex.destroyed; ms = Math.min(2 * ms, 50)) await look(ms)
  if (giver.isClosing)
    throw giver.life.outcome ?? new QbpError('ERR_QBP_CLOSED', 'The connection closed before all was sent.')
  const rest = plumbing.leave()
  if (rest.length === 0) return duplex
  if (!duplex.readableEnded) {
    duplex.unshift(rest)
    return duplex
  }
  return Duplex.from({ readable: Readable.from([rest]), writable: duplex }) // Nothing can be put back after an end.
}

/**
 * Checks that the duplex can go to somebody else.
 *
 * @param isAwaited whether somebody waits for a message.
 * @throws {QbpError} ERR_QBP_CLOSED, or ERR_QBP_BUSY while somebody reads, or during another handover.
 */
export function checkHandover({ connection, plumbing, isClosing }: Giver, isAwaited: boolean): void {
  if (isClosing) throw new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
  if (plumbing.isMoving) throw new QbpError('ERR_QBP_BUSY', 'Another startTls or detach is under way.')
  if (isAwaited || connection.reader.readableLength > 0)
    throw new QbpError(
      'ERR_QBP_BUSY',
      'Somebody reads from the connection, or messages were decoded that nobody took: pause first.',
    )
}

/** Checks, beside that, that another protocol can go on here. @throws {QbpError} ERR_QBP_CLOSED, or ERR_QBP_BUSY while calls are under way. */
export function checkChange({ connection, plumbing, conversation }: Giver): void {
  const isBroken = connection.reader.destroyed && !plumbing.isReaderEnded
  if (isBroken || connection.writer.writableEnded)
    throw new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed or the writer has ended: nothing can go on.')
  if (conversation.calls?.isIdle === false)
    throw new QbpError('ERR_QBP_BUSY', 'Calls are under way: let them finish first.')
}

/** Goes on in TLS. @throws {QbpError} as `startTls` of a connection. */
export async function secure(taker: Giver & Taker, options: TlsOptions): Promise<void> {
  const { role, handshakeTimeoutMs } = taker.conversation.settings
  if (role === undefined)
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      "TLS has a client and a server: make the connection with role: 'client' or 'server'.",
    )
  const plain = await taker.release(handshakeTimeoutMs)
  let socket: Duplex
  try {
    socket = await upgrade(plain, role, options, handshakeTimeoutMs)
  } catch (error) {
    const fault = taker.life.outcome ?? (error as Error)
    taker.destroy(fault) // A handshake that could not even begin has left the duplex open.
    taker.finish()
    throw fault
  }
  taker.go(socket)
}
