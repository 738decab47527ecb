import { Room } from '../codec/body.ts'
import { alloc } from '../codec/wire.ts'
import { spareBuffers } from './spare-buffers.ts'

/** A batch leaves when it has this many bytes, at the end of the tick at the latest. */
export const BATCH_BYTES = 65_536
/** Room for a batch and a message of ordinary size; a larger one gets a larger buffer, which leaves with it. */
const SCRATCH_BYTES = 2 * BATCH_BYTES
/** Room for what may follow long bytes, so that it asks for no more. */
const SLACK_BYTES = 4096
const FEW_BYTES = 256

/** Where a frame is written: from `pos` on. */
export class FrameRoom extends Room {
  /** After the last whole frame. */
  pos = 0
}

/** Whole frames on their way out of a batch, or a piece of one. */
export interface Part {
  readonly bytes: Uint8Array
  /** How many they are; fewer are there if their owner has given them away meanwhile. */
  readonly size: number
  /** The buffer that they lie in where that holds nothing else, and is nobody's once they are sent; else null. */
  readonly buffer: Uint8Array | null
  /** They are the caller's, by reference. */
  readonly isBorrowed: boolean
}

export const partOf = (bytes: Uint8Array, buffer: Uint8Array | null = null, isBorrowed = false): Part => ({
  bytes,
  size: bytes.length,
  buffer,
  isBorrowed,
})

/** A part of its own of `buf[start..end)`. */
export function copyOf(buf: Uint8Array, start: number, end: number): Part {
  return partOf(copied(buf, start, end))
}

/** Of a few bytes a loop is as fast as Node's copy, and makes no view that is garbage at once. */
function copied(buf: Uint8Array, start: number, end: number): Uint8Array {
  const bytes = alloc(end - start)
  if (end - start > FEW_BYTES) bytes.set(buf.subarray(start, end))
  else for (let i = start; i < end; i++) bytes[i - start] = buf[i] as number
  return bytes
}

/** What a frame has borrowed: bytes that are the caller's, and where they are to stand. See borrowed-bytes.ts. */
export interface Borrowed {
  readonly isEmpty: boolean
  clear(): void
  add(bytes: Uint8Array, pos: number): void
  /** Forgets those from `pos` on. */
  release(pos: number): void
  shift(buf: Uint8Array, start: number, end: number, by: number): void
  /** Copies `from[0..end)` but for the borrowed places. */
  copy(from: Uint8Array, end: number, to: Uint8Array): void
  /** All of `buf[start..end)`, and what was borrowed there. */
  parts(buf: Uint8Array, start: number, end: number): Part[]
}

/**
 * Where all writers of the process encode. It belongs to one batch at a time, from its first message of a tick until it is
 * taken or another batch wants it: so an idle connection holds no buffer, and a busy one never waits for another.
 *
 *   0            from                  pos                                  buf.length
 *   +------------+---------------------+-----------+-----------+------------+
 *   | moved out  | whole frames        | the open  | borrowed, | frame      |
 *   |            |                     |           | unwritten |            |
 *   +------------+---------------------+-----------+-----------+------------+
 *
 * While a frame is open, user code may run: a getter of the message may write other messages, flush, or destroy a stream.
 * None of that moves what is here. Long bytes may be borrowed, where the writer shares bytes: their places are kept free and never
 * touched, so that positions count as ever.
 */
export class Scratch<Owner> extends FrameRoom {
  /** Before the first frame that is not yet one of the batch's parts. */
  from = 0
  owner: Owner | null = null
  /** A frame is being written at `pos`. */
  isOpen = false
  /** What the open frame has borrowed; null where it may borrow nothing. */
  #borrowed: Borrowed | null = null

  constructor() {
    super(SCRATCH_BYTES)
  }

  /** Begins a frame. @param borrowed takes what it borrows; null where it may borrow nothing. */
  open(borrowed: Borrowed | null): void {
    this.isOpen = true
    this.#borrowed = borrowed
    borrowed?.clear()
  }

  /** Gives up the open frame. */
  abandon(): void {
    this.isOpen = false
    this.#borrowed = null
  }

  /** The open frame ends at `end`. @returns all that is here as parts, where some of it is borrowed; else null. */
  close(end: number): Part[] | null {
    const borrowed = this.#borrowed
    this.abandon()
    this.pos = end
    if (borrowed === null || borrowed.isEmpty) return null
    const parts = borrowed.parts(this.buf, this.from, end)
    this.clear()
    return parts
  }

  borrow(bytes: Uint8Array, pos: number): boolean {
    this.#borrowed?.add(bytes, pos)
    return this.#borrowed !== null
  }

  release(pos: number): void {
    this.#borrowed?.release(pos)
  }

  shift(start: number, end: number, by: number): void {
    if (this.#borrowed === null) this.buf.copyWithin(start + by, start, end)
    else this.#borrowed.shift(this.buf, start, end, by)
  }

  /** The old buffer is spare at once: no frame has left it. */
  override grow(pos: number, size: number): Uint8Array {
    const old = this.buf
    const buf = spareBuffers.lend(Math.max(old.length * 2, pos + size + SLACK_BYTES))
    if (this.#borrowed === null) buf.set(old.subarray(0, pos))
    else this.#borrowed.copy(old, pos, buf)
    this.buf = buf
    spareBuffers.giveBack(old)
    return buf
  }

  /** Nothing is here any more, and the room of a long frame is let go. */
  clear(): void {
    this.from = this.pos = 0
    if (this.buf.length <= SCRATCH_BYTES) return
    spareBuffers.giveBack(this.buf)
    this.buf = spareBuffers.lend(SCRATCH_BYTES)
  }

  /** The frames that are here, as a part: see `takeBytes`. */
  take(): Part {
    const { buf } = this
    const bytes = this.takeBytes()
    return partOf(bytes, this.buf === buf ? null : buf)
  }

  /** The frames that are here: as a copy if they are small or a frame is open, else in the buffer itself, which is replaced. */
  takeBytes(): Uint8Array {
    const { buf, from, pos } = this
    if (this.isOpen) this.from = pos
    else {
      this.from = this.pos = 0
      if (pos >= BATCH_BYTES) {
        this.buf = spareBuffers.lend(SCRATCH_BYTES)
        return buf.subarray(from, pos)
      }
    }
    return copied(buf, from, pos)
  }
}
