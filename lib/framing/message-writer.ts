import { QbpError } from '../base/errors.ts'
import { encodeBody } from '../codec/body.ts'
import type { Output } from '../codec/type.ts'
import { Batch } from './batch.ts'
import type { Header } from './header.ts'
import type { Entry, Table } from './table.ts'

/** What a message may have beside its fields; `type` and `body` count where it is sent as it stands. */
interface Sent {
  $name?: unknown
  $header?: Record<string, number> | null
  type?: number
  body?: unknown
}

/** Messages to frames, without a stream: the counterpart of MessageReader. */
export class MessageWriter {
  /** The line of the table of the message written last; undefined for an unlisted type. */
  entry: Entry | undefined
  /** What may be sent. */
  readonly table: Table
  readonly #header: Header
  readonly #maxBodyBytes: number

  constructor(header: Header, table: Table, maxBodyBytes: number) {
    this.#header = header
    this.table = table
    this.#maxBodyBytes = maxBodyBytes
  }

  /**
   * Writes a message's frame at `start` and returns the position behind it.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG. What
   * then stands behind `start` means nothing.
   */
  write(message: object, output: Output, start: number): number {
    const header = this.#header
    const entry = this.#entryOf(message)
    const fields = ownFields((message as Sent).$header)
    const type = entry === undefined ? ((message as Sent).type ?? 0) : entry.type
    const room = header.size(type, 0, fields)
    let end = start + room
    if (end > output.buf.length) output.grow(start, room)
    if (entry !== undefined && typeof entry.body !== 'string') end = encodeBody(entry.body, message, output, end)
    else if (entry?.body === 'empty') refuseFields(entry, message)
    else {
      const body = bytesOf((message as Sent).body, entry)
      if (end + body.length > output.buf.length) output.grow(end, body.length)
      output.buf.set(body, end)
      end += body.length
    }
    return this.#finish(entry, type, fields, output, start, room, end)
  }

  /**
   * Writes the frame of a body that is no message's, but a part of a call, and returns the position behind it.
   *
   * @param body writes the body at a position of the output and returns the position behind it.
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW or ERR_QBP_TOO_LONG; and what `body` throws.
   */
  compose(
    entry: Entry,
    fields: Record<string, number> | null,
    body: (output: Output, pos: number) => number,
    output: Output,
    start: number,
  ): number {
    const room = this.#header.size(entry.type, 0, fields)
    if (start + room > output.buf.length) output.grow(start, room)
    return this.#finish(entry, entry.type, fields, output, start, room, body(output, start + room))
  }

  /** Writes the header in front of a body that ends at `end`, with `room` kept free for it. */
  #finish(
    entry: Entry | undefined,
    type: number,
    fields: Record<string, number> | null,
    output: Output,
    start: number,
    room: number,
    end: number,
  ): number {
    const header = this.#header
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
    this.entry = entry // Not before: a getter of the message may have written others.
    return end
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
function ownFields(fields: Sent['$header']): Record<string, number> | null {
  if (fields === undefined || fields === null) return null
  return typeof fields === 'object' ? { ...fields } : fields
}

function bytesOf(body: unknown, entry: Entry | undefined): Uint8Array {
  if (body instanceof Uint8Array) return body
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
