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
import type { FrameHeader, Preamble } from './frame-header.ts'
import type { Head } from './head.ts'
import { compilePlain, type PlainPart, plainParts } from './header-code.ts'
import { mostNumber } from './layout/integer-kind.ts'
import { fieldsOf, type Layout, type Part, type Place, type Row } from './layout/layout.ts'
import { parseLayout } from './layout/parse-layout.ts'
import { badLayout } from './layout/words.ts'
import { PlainHeader, type PlainLayout } from './plain-header.ts'
import { type Piece, RowReader } from './row-reader.ts'
import { ownNames, RowWriter } from './row-writer.ts'
import { numbersOf } from './section-numbers.ts'
import { placesIn } from './section-places.ts'

/** What a Header needs beside its layout. */
export interface HeaderOptions {
  /** The message type of a section. Without it sections are bytes. @throws {QbpError} ERR_QBP_BAD_TABLE for a name that is none. */
  readonly section?: ((name: string) => Type) | undefined
  /** The layout ready made, if it is plain and a module has it: nothing is compiled then. */
  readonly layout?: PlainLayout | undefined
  /** Read and write part by part, even if the layout is plain. */
  readonly isInterpreted?: boolean | undefined
}

/** Reads and writes the headers of one layout. */
export class Header implements FrameHeader {
  readonly text: string
  readonly parts: readonly Part[]
  readonly preamble: Preamble | null
  readonly hasType: boolean
  readonly maxType: FrameHeader['maxType']
  readonly typeNames: ReadonlyMap<string, number> | null
  readonly fieldNames: readonly string[]
  readonly start: readonly number[]
  readonly read: FrameHeader['read']
  readonly plain: PlainHeader | null
  readonly writer: RowWriter
  readonly #reader: RowReader
  readonly #isCompiled: boolean

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column (`offset`, counted from 0) of the fault. */
  constructor(layout: string, options: HeaderOptions = {}) {
    const parsed = parseLayout(layout)
    this.text = parsed.text
    const frame = withTypes(parsed, parsed.frame, options)
    this.parts = frame.row.parts
    this.fieldNames = ownNames(frame.row)
    this.#reader = new RowReader(frame.row, frame.types, frame.isTypeText ? '' : 0)
    this.writer = new RowWriter(frame.row, frame.types, this.text)
    this.preamble = null
    if (parsed.preamble !== null) {
      const { row, types } = withTypes(parsed, parsed.preamble, options)
      this.preamble = { reader: new RowReader(row, types), writer: new RowWriter(row, types, this.text) }
    }
    const typed = this.parts.find((part) => fieldsOf(part).some(({ role }) => role === 'type'))
    this.hasType = typed !== undefined
    this.typeNames = typed?.kind === 'place' ? frame.typeNames : null
    this.maxType = typed === undefined ? 0 : frame.isTypeAny ? 'any' : mostType(typed, frame.isTypeText)
    const [first] = this.parts
    this.start = first?.kind === 'constant' ? first.bytes : []
    const plain = options.isInterpreted ? null : plainParts(frame.row.parts)
    const ready = options.layout ?? (plain === null ? null : compiled(this.text, plain))
    this.plain = ready === null ? null : new PlainHeader(ready)
    this.#isCompiled = ready !== null
    this.read = ready?.read ?? ((buf, pos, end, head) => this.#reader.read(buf, pos, end, head))
  }

  get reached(): number {
    return this.#isCompiled ? 0 : this.#reader.reached
  }

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

function mostType(part: Part, isText: boolean): number | 'text' {
  if (part.kind === 'integer') return mostNumber(part.of)
  if (part.kind === 'bits') return 2 ** (part.fields.find(({ role }) => role === 'type')?.bits ?? 0) - 1
  return isText ? 'text' : Number.MAX_SAFE_INTEGER
}

/** Null where the process forbids functions from strings: the layout is interpreted then. */
function compiled(text: string, parts: readonly PlainPart[]): PlainLayout | null {
  try {
    return compilePlain(text, parts)
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
  let isTypeAny = false
  const parts = row.parts.map((part): Part => {
    if (part.kind !== 'place') return part
    const type = types[part.section]
    if (type === null || type === undefined) {
      const path = numbersOf(text, part)
      if (path === null)
        throw badLayout(
          text,
          part.column,
          `where ${part.text} is takes a schema to say, or the field's number (${part.text.split('.')[0]}.1)`,
        )
      isTypeAny ||= part.field.role === 'type'
      return { ...part, path }
    }
    const place = placesIn(type, part as Place, (problem) => badLayout(text, part.column, problem))
    if (part.field.role === 'type') {
      typeNames = place.field.enum?.numbers ?? null
      isTypeText = place.field.kind === 'string'
    }
    return { ...part, path: place.path }
  })
  return { row: { ...row, parts }, types, typeNames, isTypeText, isTypeAny }
}
