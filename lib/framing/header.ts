// A frame of the default layout, `type:u16 length:u32`:
//
//   offset  0       2               6
//           +-------+---------------+------------------+
//           | type  | length        | body             |
//           +-------+---------------+------------------+
//            u16 BE  u32 BE          `length` bytes
//
// A layout is text, whose parts are checked (layout/). A plain one is compiled (header-code.ts); others, and all where
// functions must not be made of text, are read and written part by part (row-reader.ts, row-writer.ts).

import { QbpError } from '../base/errors.ts'
import type { Type } from '../codec/type.ts'
import { overflow } from './drafting.ts'
import type { Head, HeaderFields } from './head.ts'
import { compileHeader, type HeaderCode, lengthOf, type PlainPart, plainParts } from './header-code.ts'
import { holds, mostNumber } from './layout/integer-kind.ts'
import { type Field, fieldsOf, type Layout, type Part, type Place, type Row } from './layout/layout.ts'
import { parseLayout } from './layout/parse-layout.ts'
import { badLayout } from './layout/words.ts'
import { type Piece, RowReader } from './row-reader.ts'
import { checkNames, ownNames, RowWriter } from './row-writer.ts'
import { placesIn } from './section-places.ts'

/** What a Header needs beside its layout. */
export interface HeaderOptions {
  /** The message type of a section. Without it sections are bytes. @throws {QbpError} ERR_QBP_BAD_TABLE for a name that is none. */
  readonly section?: (name: string) => Type
  /** Read and write part by part, even if the layout is plain. */
  readonly isInterpreted?: boolean
}

/** What is sent once, before the first frame. */
export interface Preamble {
  readonly reader: RowReader
  readonly writer: RowWriter
}

/** Reads and writes the headers of one layout. */
export class Header {
  /** The layout as it was given, with single spaces. */
  readonly text: string
  /** The parts of a frame, in wire order. */
  readonly parts: readonly Part[]
  readonly preamble: Preamble | null
  /** Whether frames carry a type; without one there is one message per direction. */
  readonly hasType: boolean
  /** The most that `type` can be, more is refused where a table is made; or 'text' where types are text. */
  readonly maxType: number | 'text'
  /** The enum that types are of, where they stand in a section's field that is one. */
  readonly typeNames: ReadonlyMap<string, number> | null
  /** Names of what is in `$header`, in wire order. */
  readonly fieldNames: readonly string[]
  /** Bytes by which each frame begins: what `resync` looks for. Empty if there are none. */
  readonly start: readonly number[]
  /**
   * Reads the frame at `pos` into `head`.
   *
   * @returns the position after it, or -1 until `head.needs` of its bytes are there.
   * @throws {QbpError} ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT, ERR_QBP_BAD_LENGTH, ERR_QBP_BAD_CHECKSUM or
   * ERR_QBP_TOO_LONG, at the first wrong byte.
   */
  readonly read: (buf: Uint8Array, pos: number, end: number, head: Head) => number
  /** For a plain layout: the header before a body, which needs no draft. Null for any other. */
  readonly plain: PlainHeader | null
  readonly writer: RowWriter
  readonly #reader: RowReader

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column (`offset`, counted from 0) of the fault. */
  constructor(layout: string, options: HeaderOptions = {}) {
    const parsed = parseLayout(layout)
    this.text = parsed.text
    const frame = withTypes(parsed, parsed.frame, options)
    this.parts = frame.row.parts
    this.fieldNames = ownNames(frame.row)
    this.#reader = new RowReader(frame.row, frame.types)
    this.writer = new RowWriter(frame.row, frame.types, this.text)
    this.preamble = null
    if (parsed.preamble !== null) {
      const { row, types } = withTypes(parsed, parsed.preamble, options)
      this.preamble = { reader: new RowReader(row, types), writer: new RowWriter(row, types, this.text) }
    }
    const typed = this.parts.find((part) => fieldsOf(part).some(({ role }) => role === 'type'))
    this.hasType = typed !== undefined
    this.typeNames = typed?.kind === 'place' ? frame.typeNames : null
    this.maxType = typed === undefined ? 0 : mostType(typed, frame.isTypeText)
    const [first] = this.parts
    this.start = first?.kind === 'constant' ? first.bytes : []
    const plain = options.isInterpreted ? null : plainParts(frame.row.parts)
    const code = plain === null ? null : compiled(plain)
    this.plain = plain === null || code === null ? null : new PlainHeader(this.text, plain, code, this.hasType)
    this.read = code?.read ?? ((buf, pos, end, head) => this.#reader.read(buf, pos, end, head))
  }

  /** Where the parts of a whole frame lie among its bytes, for those who show it to people; empty for bytes that are none. */
  pieces(frame: Uint8Array): Piece[] {
    const [maxBodyBytes, maxHeaderBytes] = [frame.length, frame.length]
    const head: Head = {
      ...{ type: 0, length: 0, fields: null, start: 0, needs: 0, isEndKnown: false, fault: null },
      ...{ maxBodyBytes, maxHeaderBytes },
    }
    try {
      return this.#reader.read(frame, 0, frame.length, head) < 0 ? [] : this.#reader.pieces()
    } catch {
      return []
    }
  }
}

/** The header of a plain layout: all of it before the body, and nothing in it but constants and integers. */
export class PlainHeader {
  /** The longest body that any header of this layout can announce; beyond it `check` decides. */
  readonly safeLength: number
  /** Bytes that a header takes. */
  readonly size: HeaderCode['size']
  /** Writes a header at `pos`, where there is room for it. What it holds has been through `check`. */
  readonly write: HeaderCode['write']
  readonly #text: string
  readonly #parts: readonly PlainPart[]
  readonly #hasType: boolean
  readonly #names: ReadonlySet<string>
  readonly #lengthValue: HeaderCode['lengthValue']

  constructor(text: string, parts: readonly PlainPart[], code: HeaderCode, hasType: boolean) {
    this.#text = text
    this.#parts = parts
    this.#hasType = hasType
    this.#names = new Set(parts.flatMap(fieldsOf).flatMap(({ role, name }) => (role === 'own' ? [name] : [])))
    this.size = code.size
    this.write = code.write
    this.#lengthValue = code.lengthValue
    const { part, field } = lengthOf(parts)
    const maxSize = parts.reduce(
      (sum, each) => sum + (each.kind === 'constant' ? each.bytes.length : each.of.maxWidth),
      0,
    )
    this.safeLength = mostOf(part, field) - maxSize - Math.abs(field.counted.plus)
  }

  /**
   * Makes sure that a header can say all this.
   *
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold; ERR_QBP_INVALID_MESSAGE for a
   * field that the layout does not have.
   */
  check(type: number, length: number, fields: HeaderFields | null): void {
    checkNames(fields, this.#names, this.#text)
    checkType(type, { hasType: this.#hasType, maxType: 0, text: this.#text })
    for (const part of this.#parts) {
      if (part.kind === 'constant') continue
      for (const field of fieldsOf(part)) {
        const isOwn = field.role === 'own'
        const value: unknown =
          field.role === 'length' ? this.#lengthValue(type, length, fields) : isOwn ? (fields?.[field.name] ?? 0) : type
        const isWhole = isOwn && part.kind === 'integer'
        const most = isWhole ? part.of.most : mostOf(part, field)
        if (
          isWhole
            ? holds(part.of, value)
            : Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most
        )
          continue
        const kind = part.kind === 'bits' ? `${(field as { bits?: number }).bits} bits` : part.of.name
        throw overflow(field, value, kind, isWhole ? part.of.least : 0, most, length)
      }
    }
  }
}

/** @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a type where there is none, or of the wrong kind. */
export function checkType(
  type: number | string,
  { hasType, maxType, text }: Pick<Header, 'hasType' | 'maxType' | 'text'>,
): void {
  const isText = typeof type === 'string'
  if (hasType ? isText === (maxType === 'text') : type === 0) return
  const problem = hasType ? `has types that are ${maxType === 'text' ? 'text' : 'numbers'}` : 'has none'
  throw new QbpError('ERR_QBP_INVALID_MESSAGE', `The type ${type} cannot be sent: the layout '${text}' ${problem}.`, {
    type,
    field: 'type',
  })
}

/** The most that a length or a type can be in its part. */
function mostOf(part: PlainPart, field: Field): number {
  if (part.kind === 'constant') return 0
  return part.kind === 'bits' ? 2 ** ((field as { bits?: number }).bits ?? 0) - 1 : mostNumber(part.of)
}

function mostType(part: Part, isText: boolean): number | 'text' {
  if (part.kind === 'integer') return mostNumber(part.of)
  if (part.kind === 'bits') return 2 ** (part.fields.find(({ role }) => role === 'type')?.bits ?? 0) - 1
  return isText ? 'text' : Number.MAX_SAFE_INTEGER
}

/** Null where the process forbids functions from strings: the layout is interpreted then. */
function compiled(parts: readonly PlainPart[]): HeaderCode | null {
  try {
    return compileHeader(parts)
  } catch (fault) {
    if (fault instanceof QbpError && fault.code === 'ERR_QBP_NO_CODEGEN') return null
    throw fault
  }
}

/** The row with the message types of its sections, and the places in them by the names that messages have. */
function withTypes({ text }: Layout, row: Row, { section }: HeaderOptions) {
  const types = row.parts.map((part) => (part.kind === 'section' && section !== undefined ? section(part.name) : null))
  let typeNames: ReadonlyMap<string, number> | null = null
  let isTypeText = false
  const parts = row.parts.map((part): Part => {
    if (part.kind !== 'place') return part
    const type = types[part.section]
    if (type === null || type === undefined)
      throw badLayout(text, part.column, `where ${part.text} is takes a schema to say`)
    const place = placesIn(type, part as Place, (problem) => badLayout(text, part.column, problem))
    if (part.field.role === 'type') {
      typeNames = place.field.enum?.numbers ?? null
      isTypeText = place.field.kind === 'string'
    }
    return { ...part, path: place.path }
  })
  return { row: { ...row, parts }, types, typeNames, isTypeText }
}
