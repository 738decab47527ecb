import type { Output } from '../codec/type.ts'
import { alloc } from '../codec/wire.ts'
import { giveBack, lend } from './spare-buffers.ts'

/** A batch leaves when it has this many bytes, at the end of the tick at the latest. */
export const BATCH_BYTES = 65_536
/** Room for a batch and a message of ordinary size; a larger one gets a larger buffer, which leaves with it. */
const SCRATCH_BYTES = 2 * BATCH_BYTES
/** Room for a frame that is written while another one is being written. */
const NESTED_BYTES = 1024

/** Where a frame is written: from `pos` on. */
export class Room implements Output {
  buf: Uint8Array
  /** After the last whole frame. */
  pos = 0

  constructor(size: number) {
    this.buf = alloc(size)
  }

  grow(pos: number, size: number): Uint8Array {
    const buf = alloc(Math.max(this.buf.length * 2, pos + size))
    buf.set(this.buf.subarray(0, pos))
    this.buf = buf
    return buf
  }
}

/**
 * Where all writers of the process encode. It belongs to one batch at a time, from its first message of a tick until it is
 * taken or another batch wants it: so an idle connection holds no buffer, and a busy one never waits for another.
 *
 *   0            from                  pos                 buf.length
 *   +------------+---------------------+-------------------+
 *   | moved out  | whole frames        | the open frame    |
 *   +------------+---------------------+-------------------+
 *
 * While a frame is open, user code may run: a getter of the message may write other messages, flush, or destroy a stream.
 * None of that moves what is here.
 */
class Scratch extends Room {
  /** Before the first frame that is not yet one of the batch's parts. */
  from = 0
  owner: Batch | null = null
  /** A frame is being written at `pos`. */
  isOpen = false

  /** The old buffer is spare at once: no frame has left it. */
  override grow(pos: number, size: number): Uint8Array {
    const old = this.buf
    const buf = lend(Math.max(old.length * 2, pos + size))
    buf.set(old.subarray(0, pos))
    this.buf = buf
    giveBack(old)
    return buf
  }

  /** Lets go of the room of a long frame that was refused. Nothing is here. */
  shrink(): void {
    if (this.buf.length <= SCRATCH_BYTES) return
    giveBack(this.buf)
    this.buf = lend(SCRATCH_BYTES)
  }

  /** The frames that are here: as a copy if they are small or a frame is open, else in the buffer itself, which is replaced. */
  take(): Part {
    const { buf, from, pos } = this
    if (this.isOpen) this.from = pos
    else {
      this.from = this.pos = 0
      if (pos >= BATCH_BYTES) {
        this.buf = lend(SCRATCH_BYTES)
        return { bytes: buf.subarray(from, pos), buffer: buf }
      }
    }
    const bytes = alloc(pos - from)
    bytes.set(buf.subarray(from, pos))
    return { bytes, buffer: null }
  }
}

const scratch = new Scratch(SCRATCH_BYTES)

/** Whole frames on their way out of a batch. */
interface Part {
  readonly bytes: Uint8Array
  /** The buffer that they lie in where that holds nothing else, and is nobody's once they are sent; else null. */
  readonly buffer: Uint8Array | null
}

/** The frames that one writer has written and not sent yet. */
export class Batch {
  /** Frames that are not in the scratch, in order; those in the scratch follow them. */
  #parts: Part[] | null = null
  #partBytes = 0
  /** The buffer of the chunk that was taken last, if nobody else has it: to be given back once the chunk is sent; else null. */
  buffer: Uint8Array | null = null
  /** Whether each frame leaves by itself. */
  readonly #isSplit: boolean

  constructor(isSplit = false) {
    this.#isSplit = isSplit
  }

  /** Bytes of whole frames. */
  get length(): number {
    return scratch.owner === this ? this.#partBytes + scratch.pos - scratch.from : this.#partBytes
  }

  /**
   * Begins a frame, at `pos` of the output. `close` or `abandon` must follow, whatever happens.
   *
   * A frame that is opened while another one is open, of this batch or of any other, gets a buffer of its own.
   */
  open(): Room {
    if (scratch.isOpen) return new Room(NESTED_BYTES)
    if (scratch.owner !== this) {
      const { owner } = scratch
      if (owner !== null) owner.#moveOut()
      scratch.owner = this
    }
    scratch.isOpen = true
    return scratch
  }

  /** The frame is whole, from `pos` of the output to `end`: it is part of the batch now. */
  close(output: Room, end: number): void {
    if (output === scratch) {
      scratch.isOpen = false
      scratch.pos = end
      if (this.#isSplit) this.#moveOut()
    } else this.add(output.buf.subarray(0, end))
  }

  /** Gives up the open frame: nothing of it is part of the batch. */
  abandon(output: Room): void {
    if (output === scratch) scratch.isOpen = false
  }

  /** Puts a whole frame after the others as it is: many batches may hold its bytes, and nobody changes them. */
  add(frame: Uint8Array): void {
    this.#moveOut()
    this.#append({ bytes: frame, buffer: null })
  }

  #append(part: Part): void {
    this.#parts ??= []
    this.#parts.push(part)
    this.#partBytes += part.bytes.length
  }

  /** The next chunk: whole frames, as many as a batch takes, or null if there is none. They are no part of the batch then. */
  take(): Uint8Array | null {
    this.#moveOut()
    const parts = this.#parts
    if (parts === null) return null
    let size = 0
    let count = 0
    const most = this.#isSplit ? 1 : BATCH_BYTES
    while (count < parts.length && size < most) size += (parts[count++] as Part).bytes.length
    this.#partBytes -= size
    this.#parts = count === parts.length ? null : parts.slice(count)
    const { bytes, buffer } = parts[0] as Part
    this.buffer = count === 1 ? buffer : null
    return count === 1 ? bytes : join(parts.slice(0, count), size)
  }

  /** Gives up all whole frames. */
  clear(): void {
    this.#moveOut()
    this.#parts = null
    this.#partBytes = 0
  }

  /** Makes the frames in the scratch parts of this batch, and gives the scratch up unless a frame is open. */
  #moveOut(): void {
    if (scratch.owner !== this) return
    if (scratch.pos > scratch.from) this.#append(scratch.take())
    if (scratch.isOpen) return
    scratch.from = scratch.pos = 0
    scratch.owner = null
    scratch.shrink()
  }
}

function join(parts: Part[], length: number): Uint8Array {
  const joined = alloc(length)
  let pos = 0
  for (const { bytes, buffer } of parts) {
    joined.set(bytes, pos)
    pos += bytes.length
    if (buffer !== null) giveBack(buffer)
  }
  return joined
}
