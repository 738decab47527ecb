import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { shown } from '../base/shown.ts'
import { encodeBody } from '../codec/body.ts'
import { isBytes, ownBytes } from '../codec/bytes.ts'
import { putBytes } from '../codec/encode-runtime.ts'
import type { Output } from '../codec/type.ts'
import type { FrameHeader } from './frame-header.ts'
import { FrameWriter, type MessageWriterOptions } from './frame-writer.ts'
import type { HeaderFields } from './head.ts'
import { singleFrame } from './single-frame.ts'
import type { Entry, Table } from './table.ts'

/** What a message may have beside its fields; `type` and `body` count where it is sent as it stands. */
interface Sent {
  $name?: unknown
  $header?: HeaderFields | null
  type?: number | string
  body?: unknown
}

/** Messages to frames, without a stream: the counterpart of MessageReader. */
export class MessageWriter {
  /** The line of the table of what was written last; undefined for an unlisted type. */
  entry: Entry | undefined
  /** What may be sent. */
  readonly table: Table
  readonly header: FrameHeader
  readonly #frames: FrameWriter

  constructor(header: FrameHeader, table: Table, maxBodyBytes: number, options: MessageWriterOptions = {}) {
    this.table = table
    this.header = header
    this.#frames = new FrameWriter(header, maxBodyBytes, options)
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
    const room = this.#frames.reserve(type, fields, output, start)
    const bodyEnd = this.#writeBody(message, entry, output, start + room)
    const end = this.#frames.finish(entry, type, fields, output, start, room, bodyEnd)
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
    const room = this.#frames.reserve(type, fields, output, start)
    const end = this.#frames.finish(entry, type, fields, output, start, room, body(output, start + room))
    this.entry = entry
    return end
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
    putBytes(output, pos, body)
    return pos + body.length
  }

  /** Whether long bytes of messages may be written by reference. */
  get isPlain(): boolean {
    return this.#frames.isPlain
  }

  /** Whether something is sent before the first frame. */
  get hasPreamble(): boolean {
    return this.#frames.hasPreamble
  }

  /** What is sent before the first frame. @throws {QbpError} as `write`, for what the layout's preamble cannot hold. */
  preamble(fields: HeaderFields | null): Uint8Array {
    return this.#frames.preamble(fields)
  }

  /** Checks the length of a body. @throws {QbpError} ERR_QBP_TOO_LONG */
  admit(entry: Entry | undefined, bodyBytes: number): void {
    this.#frames.admit(entry, bodyBytes)
  }

  /** The frame of a message by itself, its bytes the caller's. @throws as `write`. */
  frame(message: object): Uint8Array {
    return singleFrame((output) => this.write(message, output, 0))
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
    const problem = name === undefined ? 'A message without $name' : `A message of $name ${JSON.stringify(name)}`
    return new QbpError(
      'ERR_QBP_INVALID_MESSAGE',
      `${problem} cannot be sent this way, which has ${listed(names) || 'nothing'}. Nothing was sent.`,
      {
        field: '$name',
        ...(typeof name === 'string' ? { messageName: name } : {}),
      },
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
  const found = body === undefined ? 'missing' : shown(body)
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
