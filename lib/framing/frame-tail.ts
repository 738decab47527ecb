import { alloc } from '../codec/wire.ts'

const NOTHING = new Uint8Array(0)
/** A chunk of at least so many bytes is worth more than the object that stands for it. */
const KEPT_BYTES = 8192
/** Pieces of a longer frame are put together from its half on. Those of a shorter one are in the processor's caches still when it is whole. */
const LONG_BYTES = 2 ** 21

/** A frame that is not whole yet. */
interface Growing {
  readonly needs: number
  readonly isEndKnown: boolean
}

/**
 * The beginning of a frame whose end has not come. It holds what has come, whatever is announced: pieces of chunks that are the parser's own,
 * uncopied, and after them a copy of all others, in room that doubles. Of a long frame the half that comes last is copied as it comes, into
 * one array for all of it.
 */
export class FrameTail {
  /** Bytes that have come. */
  length = 0
  #pieces: Uint8Array[] | null = null
  /** The copy, and the bytes in use of it. */
  #copy: Uint8Array = NOTHING
  #copied = 0
  /** The whole frame begins so many bytes after a multiple of eight. */
  #lead = 0

  /**
   * Takes `chunk[pos..pos + count)`.
   *
   * @param isOwn whether the chunk is the parser's own: nobody else has it, and it may be kept.
   * @param frame of `needs` bytes, or of at least so many.
   */
  append(chunk: Uint8Array, pos: number, count: number, isOwn: boolean, { needs, isEndKnown }: Growing): void {
    const length = this.length + count
    const isHalf = isEndKnown && needs > LONG_BYTES && 2 * length >= needs
    if (isHalf && this.#copy.length < needs) this.#join(needs)
    if (!isHalf && isEndKnown && isOwn && count >= KEPT_BYTES && 2 * count >= chunk.length) {
      this.#pieces ??= []
      if (this.#copied > 0) this.#pieces.push(this.#copy.subarray(0, this.#copied))
      this.#pieces.push(chunk.subarray(pos, pos + count))
      this.#copy = NOTHING
      this.#copied = 0
    } else this.#addCopy(chunk, pos, count, needs)
    this.length = length
  }

  #addCopy(chunk: Uint8Array, pos: number, count: number, needs: number): void {
    const copied = this.#copied + count
    if (copied > this.#copy.length) {
      const most = Math.max(needs - this.length + this.#copied, 64)
      const room = this.#make(Math.max(copied, Math.min(Math.max(copied, this.#copy.length * 2, 64), most)))
      room.set(this.#copy.subarray(0, this.#copied))
      this.#copy = room
    }
    this.#copy.set(chunk.subarray(pos, pos + count), this.#copied)
    this.#copied = copied
  }

  /** All bytes in one array, from its beginning on. */
  whole(): Uint8Array {
    if (this.#pieces !== null) this.#join(this.length)
    return this.#copy
  }

  /** Puts together what has come, in room for `size` bytes. */
  #join(size: number): void {
    const whole = this.#make(size)
    let pos = 0
    for (const piece of [...(this.#pieces ?? []), this.#copy.subarray(0, this.#copied)]) {
      whole.set(piece, pos)
      pos += piece.length
    }
    this.#pieces = null
    this.#copy = whole
    this.#copied = pos
  }

  #make(size: number): Uint8Array {
    return this.#lead === 0 || size < KEPT_BYTES ? alloc(size) : alloc(size + this.#lead).subarray(this.#lead)
  }

  /** From how many bytes on a part of a whole frame may be a view of it: as it is the frame's own, and the part most of it. 0: none. */
  get ownFrom(): number {
    return this.length < KEPT_BYTES ? 0 : this.length >> 1
  }

  /** The next frame begins elsewhere by so much, for its long part to begin at a multiple of eight. */
  align(shift: number): void {
    this.#lead = (this.#lead - shift) & 7
  }

  clear(): void {
    this.#pieces = null
    this.#copy = NOTHING
    this.#copied = this.length = 0
  }
}

/** What is left of a chunk, and what follows it. */
export function join(chunk: Uint8Array, pos: number, more: Uint8Array): Uint8Array {
  const joined = alloc(chunk.length - pos + more.length)
  joined.set(chunk.subarray(pos))
  joined.set(more, chunk.length - pos)
  return joined
}
