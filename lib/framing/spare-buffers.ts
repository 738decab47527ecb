import { alloc } from '../codec/wire.ts'

/** So many buffers and bytes are kept at most. */
const MOST = 16
const MOST_BYTES = 2 ** 26

interface Spare {
  readonly size: number
  /** Weak: a spare buffer is garbage like any other once a collection comes, and an idle process keeps none for long. */
  readonly buffer: WeakRef<Uint8Array>
}

/**
 * Buffers that were sent, for what is written next. Memory that the process has in use already is written in a tenth of the time that
 * fresh memory takes, whose pages the system has to find and to clear first, and makes no work for the collection of garbage.
 */
export class SpareBuffers {
  readonly #spares: Spare[] = []
  #bytes = 0

  /** A buffer of at least `size` bytes, and not much more, that is nowhere else in use; its content is undefined. */
  lend(size: number): Uint8Array {
    for (let i = this.#spares.length - 1; i >= 0; i--) {
      const spare = this.#spares[i] as Spare
      if (spare.size < size || spare.size > size + (size >> 1)) continue
      this.#spares.splice(i, 1)
      this.#bytes -= spare.size
      const buffer = spare.buffer.deref()
      if (buffer !== undefined) return buffer
    }
    return alloc(size)
  }

  /** Takes back a buffer of `lend` that nobody looks at any more. */
  giveBack(buffer: Uint8Array): void {
    const size = buffer.length
    if (size > MOST_BYTES) return
    this.#spares.push({ size, buffer: new WeakRef(buffer) })
    this.#bytes += size
    while (this.#spares.length > MOST || this.#bytes > MOST_BYTES) this.#bytes -= (this.#spares.shift() as Spare).size
  }
}

/** Those of this process. */
export const spareBuffers = new SpareBuffers()
