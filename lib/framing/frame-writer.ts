import { QbpError } from '../base/errors.ts'
import { Scratch } from '../codec/body.ts'
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
    if (this.#hook === null || entry === undefined) return this.#wrap(entry, type, fields, output, start, room, bodyEnd)
    const header: HeaderFields = { ...(typeof fields === 'object' ? fields : {}), type }
    const body = start + room
    const packed = this.#hook.write(copy(output.buf, body, bodyEnd), header)
    this.admit(entry, packed.length)
    if (body + packed.length > output.buf.length) output.grow(body, packed.length)
    output.buf.set(packed, body)
    const { type: _, ...own } = header
    const isSaid = typeof fields === 'object' && (fields !== null || Object.keys(own).length > 0)
    return this.#wrap(entry, type, isSaid ? own : fields, output, start, room, body + packed.length)
  }

  /** Writes what stands around a body as it is on the wire. */
  #wrap(
    entry: Entry | undefined,
    type: number | string,
    fields: HeaderFields | null,
    output: Output,
    start: number,
    room: number,
    bodyEnd: number,
  ): number {
    if (this.#plain !== null)
      return this.#wrapPlain(this.#plain, entry, type as number, fields, output, start, room, bodyEnd)
    checkType(type, this.#header)
    return (this.#header.writer as PartsWriter).wrap(output, start, bodyEnd, {
      type,
      fields,
      maxHeaderBytes: this.#maxHeaderBytes,
    })
  }

  /** Writes a plain header in front of a body that ends at `bodyEnd`, with `room` kept free for it. */
  #wrapPlain(
    header: HeaderWriter,
    entry: Entry | undefined,
    type: number,
    fields: HeaderFields | null,
    output: Output,
    start: number,
    room: number,
    bodyEnd: number,
  ): number {
    let end = bodyEnd
    const length = end - start - room
    if (length > header.safeLength || fields !== null || entry === undefined) header.check(type, length, fields)
    const size = header.size(type, length, fields)
    if (size !== room) {
      // The length's varint takes more than the one byte that was kept free.
      if (end + size - room > output.buf.length) output.grow(end, size - room)
      shift(output, start + room, end, size - room)
      end += size - room
    }
    header.write(output.buf, start, type, length, fields)
    return end
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
    const output = new Scratch()
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
