import { alloc } from '../codec/wire.ts'
import { BATCH_BYTES, type Borrowed, FrameRoom, type Part, partOf, Scratch } from './scratch.ts'
import { spareBuffers } from './spare-buffers.ts'

/** Room for a frame that is written while another one is being written. */
const NESTED_BYTES = 1024

const scratch = new Scratch<Batch>()

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
   *
   * @param borrowed takes long bytes by reference, which must not change until they are sent; null where all are to be copied.
   */
  open(borrowed: Borrowed | null = null): FrameRoom {
    if (scratch.isOpen) return new FrameRoom(NESTED_BYTES)
    if (scratch.owner !== this) {
      const { owner } = scratch
      if (owner !== null) owner.#moveOut()
      scratch.owner = this
    }
    scratch.open(this.#isSplit ? null : borrowed)
    return scratch
  }

  /** The frame is whole, from `pos` of the output to `end`: it is part of the batch now. */
  close(output: FrameRoom, end: number): void {
    if (output === scratch) {
      const parts = scratch.close(end)
      if (parts !== null) for (const part of parts) this.#append(part)
      else if (this.#isSplit) this.#moveOut()
    } else this.add(output.buf.subarray(0, end))
  }

  /** Gives up the open frame: nothing of it is part of the batch. */
  abandon(output: FrameRoom): void {
    if (output === scratch) scratch.abandon()
  }

  /** Puts a whole frame after the others as it is: many batches may hold its bytes, and nobody changes them. */
  add(frame: Uint8Array): void {
    this.#moveOut()
    this.#append(partOf(frame))
  }

  #append(part: Part): void {
    this.#parts ??= []
    this.#parts.push(part)
    this.#partBytes += part.size
  }

  /** Whether the next chunk is a piece of a frame, others of which follow at once. */
  get isParted(): boolean {
    const parts = this.#parts
    if (parts === null) return false
    for (const { isBorrowed } of parts) if (isBorrowed) return true
    return false
  }

  /** The next chunk: whole frames, as many as a batch takes, or a piece of one, or null if there is none. It is no part of the batch then. */
  take(): Uint8Array | null {
    if (this.#parts === null && scratch.owner === this && !scratch.isOpen) return this.#takeScratch()
    this.#moveOut()
    const parts = this.#parts
    if (parts === null) return null
    let size = 0
    let count = 0
    const most = this.#isSplit ? 1 : BATCH_BYTES
    while (count < parts.length && size < most && (count === 0 || !(parts[count] as Part).isBorrowed)) {
      size += (parts[count] as Part).size
      if ((parts[count++] as Part).isBorrowed) break
    }
    this.#partBytes -= size
    this.#parts = count === parts.length ? null : parts.slice(count)
    const { bytes, buffer } = parts[0] as Part
    this.buffer = count === 1 ? buffer : null
    return count === 1 ? bytes : join(parts.slice(0, count), size)
  }

  /** The frames in the scratch, where there are no others, as one chunk: most chunks are these, and each object counts. */
  #takeScratch(): Uint8Array | null {
    const { buf, pos, from } = scratch
    const bytes = pos > from ? scratch.takeBytes() : null
    this.buffer = bytes === null || scratch.buf === buf ? null : buf
    scratch.clear()
    scratch.owner = null
    return bytes
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
    scratch.clear()
    scratch.owner = null
  }
}

function join(parts: Part[], length: number): Uint8Array {
  const joined = alloc(length)
  let pos = 0
  for (const { bytes, buffer } of parts) {
    joined.set(bytes, pos)
    pos += bytes.length
    if (buffer !== null) spareBuffers.giveBack(buffer)
  }
  return joined
}
