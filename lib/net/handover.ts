// A connection's duplex goes to somebody else: to TLS, and back from it, or to another protocol for good.

import { Duplex, Readable } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { Countdown, look } from '../event-loop/timers.ts'
import type { Plumbing } from './plumbing.ts'
import { handshakeTimeout } from './tls.ts'

/** The connection that hands its duplex over. */
interface Giver {
  readonly plumbing: Plumbing
  readonly isClosing: boolean
  readonly life: { readonly outcome: Error | null }
  destroy(fault: Error): void
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

/** The refusal of a handover while somebody reads, or during another; null where it may begin. */
export function handoverRefusal(plumbing: Plumbing, isRead: boolean): QbpError | null {
  if (plumbing.isMoving) return new QbpError('ERR_QBP_BUSY', 'Another startTls or detach is under way.')
  return isRead
    ? new QbpError(
        'ERR_QBP_BUSY',
        'Somebody reads from the connection, or messages were decoded that nobody took: pause first.',
      )
    : null
}
