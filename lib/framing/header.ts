// A frame of the default layout, `type:u16 length:u32`:
//
//   offset  0       2               6
//           +-------+---------------+------------------+
//           | type  | length        | body             |
//           +-------+---------------+------------------+
//            u16 BE  u32 BE          `length` bytes
//
// A layout becomes functions when its Protocol is made: interpreted, a varint header would cost more than a body.

import { QbpError } from '../base/errors.ts'
import { compileHeads, type HeadCode } from './header-code.ts'
import { type Integer, lengthOf, maxWidth, parseLayout, type Token } from './layout.ts'

/** Reads and writes the headers of one layout. */
export class Header {
  /** The layout as it was given, with single spaces. */
  readonly text: string
  /** The layout's parts, in wire order. */
  readonly tokens: readonly Token[]
  /** Whether frames carry a type number; without one there is one message per direction. */
  readonly hasType: boolean
  /** The most that `type` can be; more is refused where a table is made. */
  readonly maxType: number
  /** Names of the layout's own fields, in wire order. */
  readonly fieldNames: readonly string[]
  /** The most bytes a header takes. */
  readonly maxSize: number
  /**
   * Reads the header at `pos` into `head`.
   *
   * @returns the position behind it, or -1 until more bytes have come.
   * @throws {QbpError} ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT or ERR_QBP_BAD_LENGTH, at the first wrong byte.
   */
  readonly read: HeadCode['read']
  /** Bytes that a header takes. */
  readonly size: HeadCode['size']
  /** Writes a header at `pos`, where there is room for it. What it holds has been through `check`. */
  readonly write: HeadCode['write']
  /** The longest body that any header of this layout can announce; beyond it `check` decides. */
  readonly safeLength: number
  readonly #integers: Integer[]
  readonly #lengthValue: HeadCode['lengthValue']

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column (`offset`, counted from 0) of the fault. */
  constructor(layout: string) {
    const tokens = parseLayout(layout)
    this.tokens = tokens
    this.#integers = tokens.filter((token) => token.kind === 'integer')
    this.text = layout.trim().split(/\s+/).join(' ')
    const type = this.#integers.find(({ name }) => name === 'type')
    this.hasType = type !== undefined
    this.maxType = type?.of.most ?? 0
    this.fieldNames = this.#integers.map(({ name }) => name).filter((name) => name !== 'type' && name !== 'length')
    this.maxSize = tokens.reduce((sum, token) => sum + maxWidth(token), 0)
    const { read, size, write, lengthValue } = compileHeads(tokens)
    this.read = read
    this.size = size
    this.write = write
    this.#lengthValue = lengthValue
    this.safeLength = lengthOf(tokens).of.most - this.maxSize
  }

  /**
   * Makes sure that a header can say all this.
   *
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold; ERR_QBP_INVALID_MESSAGE for a
   * field that the layout does not have.
   */
  check(type: number, length: number, fields: Record<string, number> | null): void {
    if (fields !== null) this.#checkNames(fields)
    if (!this.hasType && type !== 0) {
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `The type ${type} cannot be sent: the layout '${this.text}' has none.`,
        { type, field: 'type' },
      )
    }
    for (const field of this.#integers) {
      const isLength = field.name === 'length'
      const own = field.name === 'type' ? type : (fields?.[field.name] ?? 0)
      const value = isLength ? this.#lengthValue(type, length, fields) : own
      const { name, most } = field.of
      const least = isLength || field.name === 'type' ? 0 : field.of.least
      if (Number.isInteger(value) && value >= least && value <= most) continue
      throw new QbpError(
        'ERR_QBP_FIELD_OVERFLOW',
        `${isLength ? `A body of ${length} bytes` : `The ${field.name} ${value}`} does not fit the header's field ` +
          `${field.name}:${name}, which holds integers of ${least} to ${most}. Nothing of the message was sent.`,
        { size: value, limit: most, field: field.name },
      )
    }
  }
  #checkNames(fields: object): void {
    const has = this.fieldNames.length === 0 ? 'none of its own' : this.fieldNames.join(', ')
    const names = typeof fields === 'object' ? Object.keys(fields) : ['']
    const strange = names.find((name) => !this.fieldNames.includes(name))
    if (strange === undefined) return
    const field = strange === '' ? '$header' : `$header.${strange}`
    const problem = strange === '' ? `is ${String(fields)}, not an object of the fields` : 'is no field'
    throw new QbpError(
      'ERR_QBP_INVALID_MESSAGE',
      `${field} ${problem} of the layout '${this.text}', which has ${has}. Nothing of the message was sent.`,
      { field },
    )
  }
}
