// Buffers of batches that were sent, for the next ones. Memory that the process has in use already is written in a tenth of the time that
// fresh memory takes, whose pages the system has to find and to clear first, and makes no work for the collection of garbage.

import { alloc } from '../codec/wire.ts'

/** So many buffers are looked at, and so many bytes are kept at most. */
const MOST = 16
const MOST_BYTES = 2 ** 26

interface Spare {
  readonly size: number
  /** Weak: a spare buffer is garbage like any other once a collection comes, and an idle process keeps none for long. */
  readonly buffer: WeakRef<Uint8Array>
}

const spares: Spare[] = []
let bytes = 0

/** A buffer of at least `size` bytes, and not much more, that is nowhere else in use; its content is undefined. */
export function lend(size: number): Uint8Array {
  for (let i = spares.length - 1; i >= 0; i--) {
    const spare = spares[i] as Spare
    if (spare.size < size || spare.size > size + (size >> 1)) continue
    spares.splice(i, 1)
    bytes -= spare.size
    const buffer = spare.buffer.deref()
    if (buffer !== undefined) return buffer
  }
  return alloc(size)
}

/** Takes back a buffer of `lend` that nobody looks at any more. */
export function giveBack(buffer: Uint8Array): void {
  const size = buffer.length
  if (size > MOST_BYTES) return
  spares.push({ size, buffer: new WeakRef(buffer) })
  bytes += size
  while (spares.length > MOST || bytes > MOST_BYTES) bytes -= (spares.shift() as Spare).size
}
