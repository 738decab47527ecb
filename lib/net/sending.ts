// What a duplex is given to send, and what can be seen of its going.

import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { spareBuffers } from '../framing/spare-buffers.ts'
import type { WriteCallback } from '../streams/write-callbacks.ts'

/** What of bytes given to a duplex can be seen. */
export interface Sending {
  /** Those that the peer has taken, less some constant. */
  readonly taken: number
  /** Whether some wait for it. */
  readonly waits: boolean
  /** How many of them wait in the sockets beneath. */
  readonly waitsBeneath: number
  /** Whether no write is under way, there either. */
  readonly isIdle: boolean
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
  const handle = duplex._handle
  let waitsBeneath = 0
  for (let below = handle?._parent; below; below = below._parent) waitsBeneath += below.writeQueueSize ?? 0
  const untaken = (handle?.writeQueueSize ?? 0) + waitsBeneath
  const isIdle = writableLength + untaken === 0
  return { taken: given - writableLength - untaken, waits: writableLength > 0, waitsBeneath, isIdle }
}

const { write, _write, _writev } = Socket.prototype

/** Whether what a duplex is given goes to the operating system, and nothing of another's sees it on its way. */
const isPlainSocket = (duplex: Duplex): boolean =>
  duplex instanceof Socket && duplex.write === write && duplex._write === _write && duplex._writev === _writev

/**
 * The buffers that hold what a socket was given. They are spare once it has sent all: asked for by a look, as a callback would come a tick
 * too late. Of another duplex nobody can know what still looks at them, and they are not kept.
 */
export class SentBuffers {
  #buffers: Uint8Array[] = []

  /** Adds the buffer of what a duplex was just given to others, where there are some. */
  static with(buffer: Uint8Array, others: SentBuffers | null, duplex: Duplex): SentBuffers | null {
    if (!isPlainSocket(duplex)) return null
    const sent = others ?? new SentBuffers()
    sent.#buffers.push(buffer)
    sent.giveBack(duplex)
    return sent
  }

  giveBack(duplex: Duplex): void {
    if (this.#buffers.length === 0 || duplex.writableLength > 0 || duplex.destroyed || !isPlainSocket(duplex)) return
    for (const buffer of this.#buffers.splice(0)) spareBuffers.giveBack(buffer)
  }
}

/** The fault of bytes that are lost. */
export function lost(bytes: number, why = ' before the connection closed', limit?: number): QbpError {
  const facts = limit === undefined ? {} : { limit }
  return new QbpError('ERR_QBP_CLOSED', `${bytes} bytes could not be sent${why}.`, { size: bytes, ...facts })
}
