import { QbpError } from '../base/errors.ts'
import { bodyFault } from '../codec/locate-fault.ts'
import { Message } from '../codec/message-class.ts'
import type { Type } from '../codec/type.ts'
import { part, type Share } from '../codec/wire.ts'
import type { FrameHeader } from './frame-header.ts'
import type { HeaderFields } from './head.ts'

/** A message as it is received undecoded, or sent so: `{ $name: null, type: 999, body }` where no table lists the type. */
export class RawMessage<N extends string | null = string | null> extends Message {
  readonly $name: N
  declare readonly $header?: HeaderFields
  readonly type: number | string
  /** A copy of its own, unless the reader has `shareBytes`. */
  readonly body: Uint8Array

  constructor(name: N, type: number | string, body: Uint8Array, header?: HeaderFields) {
    super()
    this.$name = name
    if (header !== undefined) this.$header = header
    this.type = type
    this.body = body
  }
}

/** One line of a table: a name, a number, and how its bodies are read. */
export class Entry {
  readonly name: string
  readonly type: number | string
  /** The message type of its bodies, or `raw` or `empty`. */
  readonly body: Type | 'raw' | 'empty'
  /** Its place in its table, from 1; 0 while it has none. Streams count by it. */
  place = 0
  /** The message type of its bodies, if they have one: compared with null at each message, which is cheaper than with text. */
  readonly #type: Type | null

  constructor(name: string, type: number | string, body: Type | 'raw' | 'empty') {
    this.name = name
    this.type = type
    this.body = body
    this.#type = typeof body === 'string' ? null : body
  }

  /**
   * Makes the message of the body `buf[start..end)`.
   *
   * @param share which `bytes` are views of `buf`; the others are copies.
   * @throws {QbpError} ERR_QBP_INVALID_BODY with the message's name and the field's path.
   */
  decode(buf: Uint8Array, start: number, end: number, share: Share, header: HeaderFields | null): object {
    const type = this.#type
    if (type === null) return this.#withoutType(buf, start, end, share, header)
    try {
      return type.read(this.name, header, buf, start, end, share)
    } catch (cause) {
      throw bodyFault(cause, type, buf, start, end, { messageName: this.name, type: this.type })
    }
  }

  #withoutType(buf: Uint8Array, start: number, end: number, share: Share, header: HeaderFields | null): object {
    const { name, type } = this
    if (this.body === 'raw') {
      return new RawMessage(name, type, part(buf, start, end, share), header ?? undefined)
    }
    if (start < end) {
      throw new QbpError(
        'ERR_QBP_INVALID_BODY',
        `${name} came with a body of ${end - start} bytes; its entry says that it is empty.`,
        {
          type,
          messageName: name,
          size: end - start,
          limit: 0,
        },
      )
    }
    const message = Object.assign(new Message(), { $name: name })
    return header === null ? message : Object.assign(message, { $header: header })
  }
}

/** Type numbers below this one are small. */
const SMALL = 256

/** What may travel in one direction. */
export class Table {
  readonly #names = new Map<string, Entry>()
  readonly #types = new Map<number | string, Entry>()
  /** The entries of small numbers, which most are: an array is read in less time than a Map. */
  readonly #small: (Entry | undefined)[] = new Array(SMALL).fill(undefined)
  /** The one entry of a direction that has one: its `$name` may be left out on write. */
  readonly only: Entry | undefined

  /** @throws {QbpError} ERR_QBP_BAD_TABLE for two entries with one number, or a number that the header cannot hold. */
  constructor(entries: Iterable<Entry>, header: FrameHeader) {
    for (const entry of entries) {
      const { name, type } = entry
      const twin = this.#types.get(type)
      if (twin !== undefined) {
        throw new QbpError(
          'ERR_QBP_BAD_TABLE',
          `${twin.name} and ${name} have the same type number ${type} in one direction.`,
          {
            type,
            messageName: name,
          },
        )
      }
      const { maxType } = header
      if (typeof maxType === 'number' ? !isTypeNumber(type, maxType) : typeof type !== 'string') {
        const allowed = maxType === 'text' ? 'text' : `integers of 0 to ${maxType}`
        throw new QbpError(
          'ERR_QBP_BAD_TABLE',
          `${name} has the type number ${type}; the header '${header.text}' holds ${allowed}.`,
          { messageName: name, ...(typeof maxType === 'number' && { size: Number(type), limit: maxType }) },
        )
      }
      this.#types.set(type, entry)
      if (typeof type === 'number' && type < SMALL) this.#small[type] = entry
      entry.place = this.#types.size
      this.#names.set(name, entry)
    }
    this.only = this.#types.size === 1 ? [...this.#types.values()][0] : undefined
  }

  get entries(): Entry[] {
    return [...this.#types.values()]
  }

  byType(type: number | string): Entry | undefined {
    return typeof type === 'number' && type < SMALL ? this.#small[type] : this.#types.get(type)
  }

  byName(name: string): Entry | undefined {
    return this.#names.get(name)
  }
}

const isTypeNumber = (type: number | string, most: number): boolean =>
  typeof type === 'number' && Number.isInteger(type) && type >= 0 && type <= most
