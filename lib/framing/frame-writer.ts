import { QbpError } from '../base/errors.ts'
import { Room } from '../codec/body.ts'
import { shift } from '../codec/encode-runtime.ts'
import type { Output } from '../codec/type.ts'
import { copy } from '../codec/wire.ts'
import type { CheckedHook } from './body-hook.ts'
import { checkType, type FrameHeader, type HeaderWriter, type PartsWriter } from './frame-header.ts'
import { MAX_HEADER_BYTES } from './frame-parser.ts'
import type { HeaderFields } from './head.ts'
import type { Entry } from './table.ts'

/** What a message writer may have beside header, table and limit; see WritableOptions. */
export interface MessageWriterOptions {
  /** Default: 64 KiB. */
  readonly maxHeaderBytes?: number | undefined
  /** What lies between the body of the message and that on the wire. */
  readonly body?: CheckedHook | null | undefined
}

/** Puts headers around bodies: `reserve`, then the body is written, then `finish`. */
export class FrameWriter {
  readonly #header: FrameHeader
  /** The header, where it is nothing but some integers in front of the body. */
  readonly #plain: HeaderWriter | null
  readonly #maxBodyBytes: number
  readonly #maxHeaderBytes: number
  readonly #hook: CheckedHook | null

  constructor(header: FrameHeader, maxBodyBytes: number, options: MessageWriterOptions) {
    const { maxHeaderBytes = MAX_HEADER_BYTES, body = null } = options
    this.#header = header
    this.#plain = header.plain
    this.#maxBodyBytes = maxBodyBytes
    this.#maxHeaderBytes = maxHeaderBytes
    this.#hook = body
  }

  /** Whether bodies stay as they are encoded: then long bytes of them may be written by reference. */
  get isPlain(): boolean {
    return this.#plain !== null && this.#hook === null
  }

  /** Keeps bytes free for a header at `start`, as far as its size is known. @returns how many: the body is to follow them. */
  reserve(type: number | string, fields: HeaderFields | null, output: Output, start: number): number {
    if (this.#plain === null) return 0
    const room = this.#plain.size(type as number, 0, fields)
    if (start + room > output.buf.length) output.grow(start, room)
    return room
  }

  /**
   * Writes the header of a body that ends at `bodyEnd`, with `room` reserved for it, and returns the position after the frame.
   * These are seven, and no object of them: it would be one more for each message.
   *
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG.
   */
  finish(
    entry: Entry | undefined,
    type: number | string,
    fields: HeaderFields | null,
    output: Output,
    start: number,
    room: number,
    bodyEnd: number,
  ): number {
    this.admit(entry, bodyEnd - start - room)
    let own = fields
    let end = bodyEnd
    if (this.#hook !== null && entry !== undefined) {
      const header: HeaderFields = { ...(typeof fields === 'object' ? fields : {}), type }
      end = this.#pack(this.#hook, entry, header, output, start + room, bodyEnd)
      own = fieldsAfter(header, fields)
    }
    const plain = this.#plain
    if (plain === null) {
      checkType(type, this.#header)
      const subject = { type, fields: own, maxHeaderBytes: this.#maxHeaderBytes }
      return (this.#header.writer as PartsWriter).wrap(output, start, end, subject)
    }
    const length = end - start - room
    if (length > plain.safeLength || own !== null || entry === undefined) plain.check(type as number, length, own)
    const size = plain.size(type as number, length, own)
    if (size !== room) end = widened(output, start + room, end, size - room)
    plain.write(output.buf, start, type as number, length, own)
    return end
  }

  /** Puts what the hook makes of a body in its place. @returns the position after it. @param header the hook may change it. */
  #pack(hook: CheckedHook, entry: Entry, header: HeaderFields, output: Output, body: number, bodyEnd: number): number {
    const packed = hook.write(copy(output.buf, body, bodyEnd), header)
    this.admit(entry, packed.length)
    if (body + packed.length > output.buf.length) output.grow(body, packed.length)
    output.buf.set(packed, body)
    return body + packed.length
  }

  /** Whether something is sent before the first frame. */
  get hasPreamble(): boolean {
    return this.#header.preamble !== null
  }

  /**
   * What is sent before the first frame.
   *
   * @throws {QbpError} as `write`, for what the layout's preamble cannot hold.
   */
  preamble(fields: HeaderFields | null): Uint8Array {
    const { preamble } = this.#header
    if (preamble === null) return new Uint8Array(0)
    const output = new Room()
    const end = preamble.writer.wrap(output, 0, 0, { type: 0, fields, maxHeaderBytes: this.#maxHeaderBytes })
    return copy(output.buf, 0, end)
  }

  /** @throws {QbpError} ERR_QBP_TOO_LONG */
  admit(entry: Entry | undefined, bodyBytes: number): void {
    if (bodyBytes > this.#maxBodyBytes) throw this.#tooLong(entry, bodyBytes)
  }

  #tooLong(entry: Entry | undefined, size: number): QbpError {
    const limit = this.#maxBodyBytes
    return new QbpError(
      'ERR_QBP_TOO_LONG',
      `The body of ${entry?.name ?? 'the message'} takes ${size} bytes; maxBodyBytes allows ${limit}. Nothing of the message was sent.`,
      { size, limit, ...(entry === undefined ? {} : { messageName: entry.name }) },
    )
  }
}

/** The fields of a header that a hook has seen: null where neither the message nor the hook has given any. */
function fieldsAfter({ type: _, ...own }: HeaderFields, given: HeaderFields | null): HeaderFields | null {
  if (typeof given !== 'object') return given
  return given !== null || Object.keys(own).length > 0 ? own : null
}

/** Moves a body up: the length's varint takes more than the one byte that was kept free. @returns the position after it. */
function widened(output: Output, start: number, end: number, by: number): number {
  if (end + by > output.buf.length) output.grow(end, by)
  shift(output, start, end, by)
  return end + by
}
