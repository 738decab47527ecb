// What a duplex is given to send, and what can be seen of its going.

import type { Duplex } from 'node:stream'
import type { WriteCallback } from '../streams/write-callbacks.ts'

/** Bytes given to a duplex that the peer has taken, less some constant; and whether some wait for it. */
export interface Sending {
  readonly taken: number
  readonly waits: boolean
}

/** Of more than so many bytes a duplex that is no socket gets pieces: what it has passed on can be seen by them alone. */
const PIECE_BYTES = 65_536

/** What a socket, and those beneath it, show of a write under way. Node's own timeouts look at the same figure. */
interface Handle {
  readonly writeQueueSize?: number
  readonly _parent?: Handle | null
}
type Handled = Duplex & { readonly _handle?: Handle | null }

/**
 * @param sent is called when the last byte is sent.
 * @returns whether there is room for more; a `write` of an old kind returns nothing.
 */
export function give(duplex: Handled, chunk: Uint8Array, sent?: WriteCallback): boolean {
  if (chunk.length <= PIECE_BYTES || '_handle' in duplex) return duplex.write(chunk, sent) !== false
  let hasRoom = true
  for (let at = 0; at < chunk.length; at += PIECE_BYTES)
    hasRoom =
      duplex.write(chunk.subarray(at, at + PIECE_BYTES), at + PIECE_BYTES < chunk.length ? undefined : sent) !== false
  return hasRoom
}

/** @param given how many bytes it was given, ever. */
export function sendingOf(duplex: Handled, given: number): Sending {
  const { writableLength } = duplex
  let taken = given - writableLength
  for (let handle = duplex._handle; handle; handle = handle._parent) taken -= handle.writeQueueSize ?? 0
  return { taken, waits: writableLength > 0 }
}
