// Chunks to frames, without a stream: bytes are fed in, and whoever wants a frame asks for it. A frame that lies whole in
// a chunk stays there; only one that straddles chunks is copied together, into a tail that holds nothing else. So memory
// follows the bytes received, time is linear in them however they are cut, and what was not asked for lies untouched.

import { QbpError } from '../base/errors.ts'
import { bytesOf } from '../codec/bytes.ts'
import { alloc, copy } from '../codec/wire.ts'
import type { Header } from './header.ts'
import type { Head } from './header-code.ts'

const NOTHING = new Uint8Array(0)

/** The frames of one byte stream, in one direction. */
export class FrameParser implements Head {
  /** The current frame, after `next()` was true: its type number, its body's length, the layout's own fields. */
  type = 0
  length = 0
  fields: Record<string, number> | null = null
  /** Where the current frame's body lies: `buffer[start..end)`, valid until the next call. Its bytes belong to who fed them. */
  buffer: Uint8Array = NOTHING
  start = 0
  end = 0
  /** The current frame's first byte in the stream, or the next one's while there is none, and how many frames came before it. */
  offset = 0
  index = 0

  readonly #header: Header
  readonly #maxBodyBytes: number
  #chunk: Uint8Array = NOTHING
  #pos = 0
  /** The beginning of a frame whose end has not come: `tail[0..tailLength)`; the rest of it is in `chunk`, or yet to come. */
  #tail: Uint8Array = NOTHING
  #tailLength = 0
  /** Bytes of the frame in the tail, once its header is whole; 0 before. */
  #tailNeeds = 0
  #frameLength = 0

  constructor(header: Header, maxBodyBytes: number) {
    this.#header = header
    this.#maxBodyBytes = maxBodyBytes
  }

  /** Where the current frame's header begins in `buffer`: the whole frame is `buffer[begin..end)`. */
  get begin(): number {
    return this.end - this.#frameLength
  }

  /** Bytes of the current frame, its header included. */
  get size(): number {
    return this.#frameLength
  }

  /** Bytes fed and not yet part of a frame that was asked for. */
  get pending(): number {
    return this.#tailLength + this.#chunk.length - this.#pos
  }

  /**
   * Takes the next chunk of the stream. It is not copied: it must not change until all of its frames have been asked for.
   *
   * To be called only after `next()` was false, or when nothing is pending.
   *
   * @throws {QbpError} ERR_QBP_NOT_BYTES for anything but a Uint8Array.
   */
  feed(chunk: Uint8Array): void {
    const bytes = bytesOf('A chunk', chunk)
    this.#chunk = this.#pos === this.#chunk.length ? bytes : join(this.#chunk, this.#pos, bytes)
    this.#pos = 0
  }

  /**
   * Goes on to the next whole frame, if its last byte has come.
   *
   * The header stays unread until its body is whole. That keeps `finish()` honest about a stream cut right after a header.
   *
   * @returns true with the fields above set, or false until more bytes are fed.
   * @throws {QbpError} ERR_QBP_TOO_LONG if the header announces more than `maxBodyBytes`, ERR_QBP_BAD_CONSTANT,
   * ERR_QBP_BAD_VARINT or ERR_QBP_BAD_LENGTH for a header that is none. The stream is out of step then: every further
   * call throws the same.
   */
  next(): boolean {
    if (this.#frameLength > 0) {
      this.offset += this.#frameLength
      this.index++
      this.#frameLength = 0
    }
    if (this.#tailLength > 0) return this.#nextFromTail()
    const { length } = this.#chunk
    const start = this.#pos
    const body = start < length ? this.#readHeader(this.#chunk, start, length) : -1
    if (body < 0 || length - body < this.length) {
      this.#keep(start, body < 0 ? 0 : body - start + this.length)
      return false
    }
    this.buffer = this.#chunk
    this.start = body
    this.end = this.#pos = body + this.length
    this.#frameLength = this.end - start
    return true
  }

  /** All pending bytes, as a copy: those behind the last frame that was asked for. Nothing is pending afterwards. */
  rest(): Uint8Array {
    const rest = alloc(this.pending)
    rest.set(this.#tail.subarray(0, this.#tailLength))
    rest.set(this.#chunk.subarray(this.#pos), this.#tailLength)
    this.#tail = this.#chunk = NOTHING
    this.#tailLength = this.#tailNeeds = this.#pos = 0
    return rest
  }

  /** The end of the stream. @throws {QbpError} ERR_QBP_TRUNCATED if a byte of a next frame has come. */
  finish(): void {
    if (this.pending === 0) return
    const needs = this.#tailNeeds > 0 ? `of ${this.#tailNeeds} bytes` : 'whose header was not whole'
    throw this.located(
      new QbpError('ERR_QBP_TRUNCATED', `The stream ended ${this.pending} bytes into a frame ${needs}.`, {
        size: this.pending,
      }),
    )
  }

  /** The same fault with its place in the stream: every fault of a frame goes through here. */
  located(fault: QbpError): QbpError {
    const { code, message, cause, type, messageName, field, size, limit } = fault
    const facts = { cause, type, messageName, field, size, limit, offset: this.offset, frame: this.index }
    const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
    return new QbpError(code, `${message} (frame ${this.index}, at byte ${this.offset} of the stream)`, known)
  }

  /** The position of the body, with the head read, or -1. */
  #readHeader(buf: Uint8Array, pos: number, end: number): number {
    let body: number
    try {
      body = this.#header.read(buf, pos, end, this)
    } catch (fault) {
      throw this.located(fault as QbpError)
    }
    if (body >= 0 && this.length > this.#maxBodyBytes) {
      throw this.located(
        new QbpError(
          'ERR_QBP_TOO_LONG',
          `A body of ${this.length} bytes is announced; maxBodyBytes allows ${this.#maxBodyBytes}.`,
          {
            type: this.type,
            size: this.length,
            limit: this.#maxBodyBytes,
          },
        ),
      )
    }
    return body
  }

  /** Begins a tail with what is left of the chunk, if anything is, and lets go of the chunk. */
  #keep(start: number, needs: number): void {
    this.#tail = copy(this.#chunk, start, this.#chunk.length)
    this.#tailLength = this.#tail.length
    this.#tailNeeds = needs
    this.#chunk = this.buffer = NOTHING
    this.#pos = 0
  }

  #nextFromTail(): boolean {
    if (this.#tailNeeds === 0 && !this.#completeHeader()) return false
    const missing = this.#tailNeeds - this.#tailLength
    this.#append(Math.min(missing, this.#chunk.length - this.#pos))
    if (this.#tailLength < this.#tailNeeds) return false
    this.buffer = this.#tail
    this.end = this.#frameLength = this.#tailNeeds
    this.start = this.end - this.length
    this.#tail = NOTHING
    this.#tailLength = this.#tailNeeds = 0
    return true
  }

  /** Brings bytes of the chunk behind the tail until its header is whole; what was brought too many stays the chunk's. */
  #completeHeader(): boolean {
    const before = this.#tailLength
    const { maxSize } = this.#header
    this.#append(Math.min(maxSize - before, this.#chunk.length - this.#pos))
    const body = this.#readHeader(this.#tail, 0, this.#tailLength)
    if (body < 0) return false
    this.#tailNeeds = body + this.length
    const tooMany = this.#tailLength - this.#tailNeeds
    if (tooMany > 0) {
      this.#tailLength -= tooMany
      this.#pos -= tooMany
    }
    return true
  }

  /** Moves bytes from the chunk to the tail, which doubles, up to what its frame needs. */
  #append(count: number): void {
    const length = this.#tailLength + count
    if (length > this.#tail.length) {
      const doubled = Math.max(length, this.#tail.length * 2, 64)
      const tail = alloc(this.#tailNeeds > 0 ? Math.max(length, Math.min(doubled, this.#tailNeeds)) : doubled)
      tail.set(this.#tail.subarray(0, this.#tailLength))
      this.#tail = tail
    }
    this.#tail.set(this.#chunk.subarray(this.#pos, this.#pos + count), this.#tailLength)
    this.#tailLength = length
    this.#pos += count
  }
}

function join(chunk: Uint8Array, pos: number, more: Uint8Array): Uint8Array {
  const joined = alloc(chunk.length - pos + more.length)
  joined.set(chunk.subarray(pos))
  joined.set(more, chunk.length - pos)
  return joined
}
