import { QbpError } from '../base/errors.ts'
import { encodeBody } from '../codec/body.ts'
import { isBytes, ownBytes } from '../codec/bytes.ts'
import type { Output } from '../codec/type.ts'
import { alloc, copy } from '../codec/wire.ts'
import { Batch } from './batch.ts'
import { type BodyHook, writeByHook } from './body-hook.ts'
import { checkType, type FrameHeader, type HeaderWriter } from './frame-header.ts'
import { MAX_HEADER_BYTES } from './frame-parser.ts'
import type { HeaderFields } from './head.ts'
import type { Entry, Table } from './table.ts'

/** What a message may have beside its fields; `type` and `body` count where it is sent as it stands. */
interface Sent {
  $name?: unknown
  $header?: HeaderFields | null
  type?: number | string
  body?: unknown
}

/** What a message writer may have beside header, table and limit; see WritableOptions. */
export interface MessageWriterOptions {
  /** Default: 64 KiB. */
  readonly maxHeaderBytes?: number
  /** What lies between the body of the message and that on the wire. */
  readonly body?: BodyHook | null
}

/** What is known of a frame that was made elsewhere; see frame. */
interface MadeFrame {
  readonly table: Table
  readonly entry: Entry | undefined
  readonly bodyBytes: number
}

/** Messages to frames, without a stream: the counterpart of MessageReader. */
export class MessageWriter {
  /** The line of the table of the message written last; undefined for an unlisted type. */
  entry: Entry | undefined
  /** What may be sent. */
  readonly table: Table
  readonly #header: FrameHeader
  readonly #maxBodyBytes: number
  readonly #maxHeaderBytes: number
  readonly #hook: BodyHook | null

  constructor(header: FrameHeader, table: Table, maxBodyBytes: number, options: MessageWriterOptions = {}) {
    const { maxHeaderBytes = MAX_HEADER_BYTES, body = null } = options
    this.#header = header
    this.table = table
    this.#maxBodyBytes = maxBodyBytes
    this.#maxHeaderBytes = maxHeaderBytes
    this.#hook = body
  }

  /**
   * Writes a message's frame at `start` and returns the position after it.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG. What
   * then stands after `start` means nothing.
   */
  write(message: object, output: Output, start: number): number {
    const entry = this.#entryOf(message)
    const fields = ownFields((message as Sent).$header)
    const type = entry === undefined ? ((message as Sent).type ?? 0) : entry.type
    const { plain } = this.#header
    let end: number
    if (plain === null || this.#hook !== null) {
      end = this.#finish(entry, type, fields, output, start, this.#writeBody(message, entry, output, start))
    } else {
      const room = this.#keepFree(plain, type, fields, output, start)
      end = this.#writeBody(message, entry, output, start + room)
      end = this.#finishPlain(plain, entry, type as number, fields, output, start, room, end)
    }
    this.entry = entry // Not before: a getter of the message may have written others.
    return end
  }

  /**
   * Writes the frame of a body that is no message's, but a part of a call, and returns the position after it.
   *
   * @param body writes the body at a position of the output and returns the position after it.
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG; and what `body` throws.
   */
  compose(
    entry: Entry,
    fields: HeaderFields | null,
    body: (output: Output, pos: number) => number,
    output: Output,
    start: number,
  ): number {
    const { type } = entry
    const { plain } = this.#header
    if (plain === null || this.#hook !== null)
      return this.#finish(entry, type, fields, output, start, body(output, start))
    const room = this.#keepFree(plain, type, fields, output, start)
    return this.#finishPlain(plain, entry, type as number, fields, output, start, room, body(output, start + room))
  }

  /** Keeps bytes free for a plain header. @returns how many. */
  #keepFree(
    header: HeaderWriter,
    type: number | string,
    fields: HeaderFields | null,
    output: Output,
    start: number,
  ): number {
    const room = header.size(type as number, 0, fields)
    if (start + room > output.buf.length) output.grow(start, room)
    return room
  }

  /** Writes a plain header in front of a body that ends at `bodyEnd`, with `room` kept free for it. */
  #finishPlain(
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
    if (length > this.#maxBodyBytes) throw this.#tooLong(entry, length)
    if (length > header.safeLength || fields !== null || entry === undefined) header.check(type, length, fields)
    const size = header.size(type, length, fields)
    if (size !== room) {
      // The length's varint takes more than the one byte that was kept free.
      if (end + size - room > output.buf.length) output.grow(end, size - room)
      output.buf.copyWithin(start + size, start + room, end)
      end += size - room
    }
    header.write(output.buf, start, type, length, fields)
    return end
  }

  /** Writes any header around a body that begins at `start` and is moved to where the other parts leave it. */
  #finish(
    entry: Entry | undefined,
    type: number | string,
    given: HeaderFields | null,
    output: Output,
    start: number,
    bodyEnd: number,
  ): number {
    let end = bodyEnd
    if (end - start > this.#maxBodyBytes) throw this.#tooLong(entry, end - start)
    let fields = given
    if (this.#hook !== null && entry !== undefined) {
      const header: HeaderFields = { ...(typeof given === 'object' ? given : {}), type }
      const packed = writeByHook(this.#hook, copy(output.buf, start, end), header)
      if (packed.length > this.#maxBodyBytes) throw this.#tooLong(entry, packed.length)
      if (start + packed.length > output.buf.length) output.grow(start, packed.length)
      output.buf.set(packed, start)
      end = start + packed.length
      const { type: _, ...own } = header
      if (typeof given === 'object' && (given !== null || Object.keys(own).length > 0)) fields = own
    }
    const bodyBytes = end - start
    const header = this.#header
    checkType(type, header)
    const draft = header.writer.draft({ type, bodyBytes, fields, maxHeaderBytes: this.#maxHeaderBytes })
    if (start + draft.size > output.buf.length) output.grow(end, start + draft.size - end)
    output.buf.copyWithin(start + draft.before, start, end)
    header.writer.put(draft, output.buf, start)
    return start + draft.size
  }

  /** Writes a message's body at `pos` and returns the position after it. */
  #writeBody(message: object, entry: Entry | undefined, output: Output, pos: number): number {
    if (entry !== undefined && typeof entry.body !== 'string') return encodeBody(entry.body, message, output, pos)
    if (entry?.body === 'empty') {
      refuseFields(entry, message)
      return pos
    }
    const body = bytesOf((message as Sent).body, entry)
    if (pos + body.length > output.buf.length) output.grow(pos, body.length)
    output.buf.set(body, pos)
    return pos + body.length
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
    const draft = preamble.writer.draft({ type: 0, bodyBytes: 0, fields, maxHeaderBytes: this.#maxHeaderBytes })
    const bytes = alloc(draft.size)
    preamble.writer.put(draft, bytes, 0)
    return bytes
  }

  /** Checks that a frame that was made elsewhere may be sent this way. @throws {QbpError} ERR_QBP_INVALID_MESSAGE or ERR_QBP_TOO_LONG. */
  admit({ table, entry, bodyBytes }: MadeFrame): void {
    if (table !== this.table) {
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        'A frame was made for another way: give it to writers of the protocol and the role that it was made for, or the message to any.',
        entry === undefined ? {} : { messageName: entry.name },
      )
    }
    if (bodyBytes > this.#maxBodyBytes) throw this.#tooLong(entry, bodyBytes)
  }

  /** The frame of a message by itself, its bytes the caller's. @throws as `write`. */
  frame(message: object): Uint8Array {
    const batch = new Batch()
    const output = batch.open()
    try {
      batch.close(output, this.write(message, output, output.pos))
    } catch (refusal) {
      batch.abandon(output)
      throw refusal
    }
    return batch.take() as Uint8Array
  }

  #entryOf(message: object): Entry | undefined {
    if (typeof message !== 'object' || message === null) {
      const found = message === null ? 'null' : `A ${typeof message}`
      throw new QbpError('ERR_QBP_INVALID_MESSAGE', `${found} is no message: give an object with $name.`)
    }
    const { $name } = message as Sent
    if ($name === null) return undefined
    const entry = $name === undefined ? this.table.only : this.table.byName($name as string)
    if (entry === undefined) throw this.#unnamed($name)
    return entry
  }

  #unnamed(name: unknown): QbpError {
    const names = this.table.entries.map((entry) => entry.name)
    const listed = `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}` || 'nothing'
    const problem = name === undefined ? 'A message without $name' : `A message of $name ${JSON.stringify(name)}`
    return new QbpError(
      'ERR_QBP_INVALID_MESSAGE',
      `${problem} cannot be sent this way, which has ${listed}. Nothing was sent.`,
      {
        field: '$name',
        ...(typeof name === 'string' ? { messageName: name } : {}),
      },
    )
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

/** The header's fields as they are now: a getter or a proxy may say something else the next time, or write other messages. */
function ownFields(fields: Sent['$header']): HeaderFields | null {
  if (fields === undefined || fields === null) return null
  return typeof fields === 'object' ? { ...fields } : fields
}

function bytesOf(body: unknown, entry: Entry | undefined): Uint8Array {
  if (isBytes(body)) return ownBytes(body)
  const owner = entry === undefined ? 'an unlisted type ($name: null)' : entry.name
  const found = body === undefined ? 'missing' : `a ${typeof body}`
  throw new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `The body of ${owner} is ${found}; it must be a Uint8Array or Buffer.`,
    {
      field: 'body',
    },
  )
}

function refuseFields({ name }: Entry, message: object): void {
  const key = Object.keys(message).find((each) => each !== '$name' && each !== '$header')
  if (key === undefined) return
  throw new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `${key} is no field of ${name}, whose entry says that its body is empty.`,
    {
      messageName: name,
      field: key,
    },
  )
}
