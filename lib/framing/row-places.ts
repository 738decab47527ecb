import { nothingLeft, wrongCount } from './header-faults.ts'
import type { Field, Row } from './layout/layout.ts'

/** Where the parts of a row lie in the frame that is read, by their places in the row, and what its fields say. */
export class RowPlaces {
  readonly starts: number[]
  readonly sizes: number[]
  /** Whether the part is there: not in a group that is left out. */
  readonly present: boolean[]
  readonly values: Map<Field, unknown> = new Map()
  /** Where the frame ends, once a length has said it; else -1. */
  frameEnd = -1
  readonly #row: Row

  constructor(row: Row) {
    this.#row = row
    this.starts = row.parts.map(() => 0)
    this.sizes = row.parts.map(() => 0)
    this.present = row.parts.map(() => true)
  }

  /** A part is not there. */
  leaveOut(i: number, pos: number): void {
    this.starts[i] = pos
    this.sizes[i] = 0
    this.present[i] = false
  }

  /** How many bytes a part at `pos` takes, as the lengths before it say. @throws {QbpError} ERR_QBP_BAD_LENGTH */
  sizeOf(i: number, pos: number): number {
    const part = this.#row.parts[i] as Row['parts'][number]
    if (part.index > i || (part.kind !== 'section' && part.kind !== 'bytes' && part.kind !== 'body')) return 0
    const { size } = part
    if (size.by === 'fixed') return size.bytes
    let bytes: number
    let field: string
    if (size.by === 'length') {
      bytes = (this.values.get(size.length) as number) - size.length.counted.plus
      for (const other of size.others) bytes -= this.#sizeNow(other, i, pos)
      field = size.length.name
    } else {
      bytes = this.frameEnd - pos
      for (const other of size.after) bytes -= this.#sizeNow(other, i, pos)
      field = 'length'
    }
    if (bytes < 0) {
      const found = size.by === 'length' ? (this.values.get(size.length) as number) : this.frameEnd
      nothingLeft(part.kind === 'body' ? 'the body' : part.name, bytes, field, found)
    }
    return bytes
  }

  /** The size of another part: as it was read, or as it will be. */
  #sizeNow(other: number, i: number, pos: number): number {
    if (other < i) return this.sizes[other] as number
    const part = this.#row.parts[other] as Row['parts'][number]
    if (part.kind === 'constant') return part.bytes.length
    if (part.kind === 'integer' || part.kind === 'bits') return part.of.width as number
    if (part.kind === 'place' || part.kind === 'group') return 0
    return this.sizeOf(other, pos)
  }

  /** Makes sure that a length says what its parts take. @throws {QbpError} ERR_QBP_BAD_LENGTH */
  checkLength(field: Field): void {
    const { counted } = field
    if (counted.all !== null) return // The frame's end was the right one.
    let bytes = counted.plus
    for (const part of counted.parts) bytes += this.sizes[part] as number
    const found = this.values.get(field) as number
    if (found !== bytes) wrongCount(field, found, bytes)
  }
}
