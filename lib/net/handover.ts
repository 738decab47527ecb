// A connection's duplex goes to somebody else: to TLS, and back from it, or to another protocol for good.

import { Duplex, Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { QbpError } from '../base/errors.ts'
import type { Plumbing } from './plumbing.ts'

/**
 * Takes the duplex off its reader and writer: paused, with all that was written sent, and all that was not read put back in
 * front.
 *
 * @param over the fault of a connection that is over, else null; it is asked once all is sent.
 * @throws the fault.
 */
export async function handOver(plumbing: Plumbing, over: () => Error | null): Promise<Duplex> {
  const { duplex } = plumbing
  plumbing.stop()
  // Until the operating system has all: TLS would overtake what the socket itself still holds. The callback of an empty write
  // would say when that is, but a WebSocket sends that as a message.
  for (let ms = 1; duplex.writableLength > 0 && !duplex.destroyed; ms = Math.min(2 * ms, 50)) await wait(ms)
  const fault = over()
  if (fault !== null) throw fault
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
