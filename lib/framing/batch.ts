import type { Output } from '../codec/type.ts'
import { alloc } from '../codec/wire.ts'

/** A batch leaves when it has this many bytes, at the end of the tick at the latest. */
export const BATCH_BYTES = 65_536
/** Room for a batch and a message of ordinary size; a larger one gets a larger buffer, which leaves with it. */
const SCRATCH_BYTES = 2 * BATCH_BYTES

/**
 * Where all writers of the process encode. It belongs to one batch at a time, from its first message of a tick until it is
 * taken or another batch wants it: so an idle connection holds no buffer, and a busy one never waits for another.
 */
class Scratch implements Output {
  buf = alloc(SCRATCH_BYTES)
  /** Behind the last whole frame. */
  pos = 0
  owner: Batch | null = null

  grow(pos: number, size: number): Uint8Array {
    const buf = alloc(Math.max(this.buf.length * 2, pos + size))
    buf.set(this.buf.subarray(0, pos))
    this.buf = buf
    return buf
  }

  /** What is there: as a copy of its own if it is small, else the buffer itself, and the scratch gets a new one. */
  take(): Uint8Array {
    const { buf, pos } = this
    this.pos = 0
    if (pos >= BATCH_BYTES) {
      this.buf = alloc(SCRATCH_BYTES)
      return buf.subarray(0, pos)
    }
    const batch = alloc(pos)
    batch.set(buf.subarray(0, pos))
    return batch
  }
}

const scratch = new Scratch()

/** The frames that one writer has written and not sent yet. */
export class Batch {
  /** Parts that another batch took out of the scratch, in order. */
  #parts: Uint8Array[] | null = null
  #partBytes = 0

  /** Bytes of whole frames. */
  get length(): number {
    return scratch.owner === this ? this.#partBytes + scratch.pos : this.#partBytes
  }

  /**
   * Where the next frame is to be written: at `pos` of the output. It is part of the batch once `pos` stands behind it;
   * a frame that is given up half-written leaves nothing.
   */
  open(): Output & { pos: number } {
    if (scratch.owner !== this) {
      const { owner } = scratch
      if (owner !== null) owner.#leave()
      scratch.owner = this
    }
    return scratch
  }

  /** Puts a whole frame behind the others as it is: many batches may hold its bytes, and nobody changes them. */
  add(frame: Uint8Array): void {
    if (scratch.owner === this) this.#leave()
    this.#append(frame)
  }

  #append(part: Uint8Array): void {
    this.#parts ??= []
    this.#parts.push(part)
    this.#partBytes += part.length
  }

  /** The next chunk: whole frames, as many as a batch takes, or null if there is none. They are no part of the batch then. */
  take(): Uint8Array | null {
    if (scratch.owner === this) this.#leave()
    const parts = this.#parts
    if (parts === null) return null
    let bytes = 0
    let count = 0
    while (count < parts.length && bytes < BATCH_BYTES) bytes += (parts[count++] as Uint8Array).length
    this.#partBytes -= bytes
    this.#parts = count === parts.length ? null : parts.slice(count)
    return count === 1 ? (parts[0] as Uint8Array) : join(parts.slice(0, count), bytes)
  }

  /** Gives up all frames. */
  clear(): void {
    if (scratch.owner === this) this.#leave()
    this.#parts = null
    this.#partBytes = 0
  }

  #leave(): void {
    if (scratch.pos > 0) this.#append(scratch.take())
    scratch.owner = null
  }
}

function join(parts: Uint8Array[], length: number): Uint8Array {
  const joined = alloc(length)
  let pos = 0
  for (const part of parts) {
    joined.set(part, pos)
    pos += part.length
  }
  return joined
}
