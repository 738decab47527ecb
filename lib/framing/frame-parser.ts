// Chunks to frames, without a stream: bytes are fed in, and frames are asked for. A frame that lies whole in
// a chunk stays there; only one that straddles chunks is copied together, into a tail that holds nothing else. So memory
// follows the bytes received, time is linear in them however they are cut, and what was not asked for lies untouched.

import { QbpError } from '../base/errors.ts'
import { bytesOf } from '../codec/bytes.ts'
import type { FrameHeader } from './frame-header.ts'
import { FrameTail, join } from './frame-tail.ts'
import type { Head, HeaderFields } from './head.ts'
import { locatedAt, truncated } from './place-faults.ts'
import type { Resync } from './resync.ts'

const NOTHING = new Uint8Array(0)
/** That of all parsers to which none has come: most frames lie whole in a chunk. */
const NO_TAIL = new FrameTail()
/** The bytes are no frame: where the next one begins is to be found. */
const NONE = -2

/** The default of `maxHeaderBytes`. */
export const MAX_HEADER_BYTES = 65_536

/** The frames of one byte stream, in one direction. */
export class FrameParser implements Head {
  /** The current frame, after `next()` was true: its type, its body's length, the layout's own fields. */
  type: number | string = 0
  length = 0
  fields: HeaderFields | null = null
  /** Why a section of the current frame's header does not decode, if one does not. */
  fault: QbpError | null = null
  /** Where the current frame's body lies: `buffer[start..end)`, valid until the next call. Its bytes belong to the feeder. */
  buffer: Uint8Array = NOTHING
  start = 0
  /** Bytes of the current frame, its header included, and where it ends in `buffer`. */
  size = 0
  frameEnd = 0
  /** The current frame's first byte in the stream, or the next one's while there is none, and how many frames came before it. */
  offset = 0
  index = 0
  /** What was sent before the first frame, once it has come: null before, and where the layout has nothing there. */
  preamble: HeaderFields | null = null
  /** Of the frame that is not whole yet: bytes that it has at least, and whether that is all of it. */
  needs = 0
  isEndKnown = false
  readonly maxBodyBytes: number
  readonly maxHeaderBytes: number
  /** From how many bytes on a part of the current frame may be a view of `buffer`, which nobody else has then; 0: none may. */
  ownFrom = 0
  /** How frames are found after bytes that are none; null where such bytes are a fault. */
  readonly resync: Resync | null

  readonly #header: FrameHeader
  #awaitsPreamble: boolean
  #chunk: Uint8Array = NOTHING
  #pos = 0
  /** The beginning of a frame whose end has not come; the rest of it is in `chunk`, or yet to come. */
  #tail = NO_TAIL
  /** Whether nobody else has the chunk. */
  #isOwn = false

  /** @param hasPreamble whether the stream begins with the layout's preamble, if that has one. */
  constructor(
    header: FrameHeader,
    maxBodyBytes: number,
    maxHeaderBytes: number = MAX_HEADER_BYTES,
    hasPreamble = true,
    resync: Resync | null = null,
  ) {
    this.resync = resync
    this.#header = header
    this.maxBodyBytes = maxBodyBytes
    this.maxHeaderBytes = maxHeaderBytes
    this.#awaitsPreamble = hasPreamble && header.preamble !== null
  }

  /** Where the current frame's body ends in `buffer`. */
  get end(): number {
    return this.start + this.length
  }

  /** Where the current frame begins in `buffer`: the whole frame is `buffer[begin..frameEnd)`. */
  get begin(): number {
    return this.frameEnd - this.size
  }

  /** Bytes fed and not yet part of a frame that was asked for. */
  get pending(): number {
    return this.#tail.length + this.#chunk.length - this.#pos
  }

  /**
   * Takes the next chunk of the stream. It is not copied: it must not change until all of its frames have been asked for.
   *
   * To be called only after `next()` was false, or when nothing is pending.
   *
   * @param isOwn whether nobody else has the chunk, so that it may be kept.
   *
   * @throws {QbpError} ERR_QBP_NOT_BYTES for anything but a Uint8Array.
   */
  feed(chunk: Uint8Array, isOwn = false): void {
    const bytes = bytesOf('A chunk', chunk)
    this.#chunk = this.#pos === this.#chunk.length ? bytes : join(this.#chunk, this.#pos, bytes)
    this.#pos = 0
    this.#isOwn = isOwn && this.#chunk === chunk
  }

  /**
   * Goes on to the next whole frame, if its last byte has come.
   *
   * Bytes stay pending until their frame is whole. That keeps `finish()` honest about a stream cut right after a header.
   *
   * @returns true with the fields above set, or false until more bytes are fed.
   * @throws {QbpError} ERR_QBP_TOO_LONG if the header announces more than `maxBodyBytes` or `maxHeaderBytes`,
   * ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT, ERR_QBP_BAD_LENGTH or ERR_QBP_BAD_CHECKSUM for a frame that is none. The stream
   * is out of step then: every further call throws the same.
   */
  next(): boolean {
    if (this.size > 0) {
      this.offset += this.size
      this.index++
      this.size = 0
    }
    if (this.#awaitsPreamble && !this.#nextPreamble()) return false
    if (this.#tail.length > 0) return this.#nextFromTail()
    const { length } = this.#chunk
    const start = this.#pos
    const end = start < length ? this.#read(this.#chunk, start, length) : -1
    return end < 0 ? this.#without(end, start) : this.#lies(start, end)
  }

  /** The frame lies in the chunk. */
  #lies(start: number, end: number): true {
    this.buffer = this.#chunk
    this.ownFrom = 0
    this.frameEnd = this.#pos = end
    this.size = end - start
    return true
  }

  /** No frame lies at `start` of the chunk: not whole, or there is none. */
  #without(found: number, start: number): boolean {
    const { length } = this.#chunk
    let end = found
    let pos = start
    while (end === NONE) {
      const next = this.resync?.after(this.#chunk, pos, this.offset, this.#header.reached) ?? length
      this.offset += next - pos
      this.#pos = pos = next
      end = pos < length ? this.#read(this.#chunk, pos, length) : -1
    }
    if (end >= 0) return this.#lies(pos, end)
    this.#keep(pos)
    return false
  }

  /** All pending bytes, as a copy: those after the last frame that was asked for. Nothing is pending afterwards. */
  rest(): Uint8Array {
    const rest = this.#gather()
    this.#chunk = NOTHING
    return rest
  }

  /** What is pending, in one array: no tail is left, and the chunk has been read. */
  #gather(): Uint8Array {
    const all = join(this.#tail.whole().subarray(0, this.#tail.length), 0, this.#chunk.subarray(this.#pos))
    this.#tail.clear()
    this.#pos = 0
    return all
  }

  /** The end of the stream. @throws {QbpError} ERR_QBP_TRUNCATED if a byte of a next frame has come. */
  finish(): void {
    if (this.pending === 0) return
    throw this.located(truncated(this.#awaitsPreamble ? 'the preamble' : 'a frame', this.pending, this))
  }

  /** The same fault with its place in the stream: every fault of a frame goes through here. */
  located(fault: QbpError): QbpError {
    return locatedAt(fault, this.offset, this.index)
  }

  /** The end of the frame, with the head read; -1 until it is whole, or NONE. */
  #read(buf: Uint8Array, pos: number, end: number): number {
    try {
      return this.#awaitsPreamble
        ? (this.#header.preamble?.reader.read(buf, pos, end, this) ?? pos)
        : this.#header.read(buf, pos, end, this)
    } catch (fault) {
      if (!(fault instanceof QbpError)) throw fault
      if (this.resync === null || this.#awaitsPreamble) throw this.located(fault)
      return NONE
    }
  }

  /** Takes what stands before the first frame. */
  #nextPreamble(): boolean {
    let end = -1
    if (this.#tail.length > 0) {
      if (this.#completeTail() < 0) return false
      end = this.#tail.length
      this.#tail.clear()
    } else {
      const start = this.#pos
      if (start < this.#chunk.length) end = this.#read(this.#chunk, start, this.#chunk.length)
      if (end < 0) {
        this.#keep(start)
        return false
      }
      this.#pos = end
      end -= start
    }
    if (this.fault !== null) throw this.located(this.fault)
    this.offset = end
    this.preamble = this.fields ?? {}
    this.fields = null
    this.needs = 0
    this.#awaitsPreamble = false
    return true
  }

  /** Begins a tail with what is left of the chunk, if anything is, and lets go of the chunk. */
  #keep(start: number): void {
    this.#pos = start
    if (start < this.#chunk.length) this.#append(this.#chunk.length - start)
    this.#chunk = this.buffer = NOTHING
    this.#pos = 0
  }

  #nextFromTail(): boolean {
    const end = this.#completeTail()
    if (end === NONE) {
      this.#chunk = this.#gather()
      return this.#without(NONE, 0)
    }
    if (end < 0) return false
    this.buffer = this.#tail.whole()
    this.ownFrom = this.#tail.ownFrom
    this.frameEnd = this.size = this.#tail.length
    this.#tail.clear()
    this.needs = 0
    return true
  }

  /** Brings bytes of the chunk after the tail until its frame is whole. Never one too many. */
  #completeTail(): number {
    for (;;) {
      this.#append(Math.min(this.needs - this.#tail.length, this.#chunk.length - this.#pos))
      if (this.#tail.length < this.needs) return -1
      const end = this.#read(this.#tail.whole(), 0, this.#tail.length)
      if (end !== -1) return end
    }
  }

  /** Moves bytes from the chunk to the tail. */
  #append(count: number): void {
    if (this.#tail === NO_TAIL) this.#tail = new FrameTail()
    this.#tail.append(this.#chunk, this.#pos, count, this.#isOwn, this)
    this.#pos += count
  }

  /** A long part of the current frame, which is whole and the parser's own, has missed its alignment by so much. */
  align(shift: number): void {
    this.#tail.align(shift)
  }
}
