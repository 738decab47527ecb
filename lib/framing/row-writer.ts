// Writes the parts of a layout's row: frames of layouts that are more than a row of integers, and preambles. The body is
// encoded first; then a draft says what every other part holds and how many bytes it takes; then all is put around the body.

import type { Output, Type } from '../codec/type.ts'
import { covered, cutToWidth } from './coverage.ts'
import { type Draft, Drafting } from './drafting.ts'
import { checkNames, type PartsWriter, type Subject } from './frame-header.ts'
import type { HeaderInteger } from './layout/integer-kind.ts'
import { type Bits, type Field, fieldsOf, type Integer, type Row } from './layout/layout.ts'

/** Writes one row. */
export class RowWriter implements PartsWriter {
  readonly #row: Row
  readonly #types: readonly (Type | null)[]
  readonly #names: ReadonlySet<string>
  /** The layout, for errors. */
  readonly #text: string

  constructor(row: Row, types: readonly (Type | null)[], text: string) {
    this.#row = row
    this.#types = types
    this.#text = text
    this.#names = new Set(ownNames(row))
  }

  wrap(output: Output, start: number, bodyEnd: number, { type, fields, maxHeaderBytes }: Subject): number {
    checkNames(fields, this.#names, this.#text)
    const bodyBytes = bodyEnd - start
    const draft = new Drafting(this.#row, this.#types, { type, fields, maxHeaderBytes, bodyBytes }).make()
    const end = start + draft.size
    if (end > output.buf.length) output.grow(bodyEnd, end - bodyEnd)
    output.buf.copyWithin(start + draft.before, start, bodyEnd)
    this.#put(draft, output.buf, start)
    return end
  }

  /** Writes the draft at `start`, where the body stands already, `draft.before` bytes on. */
  #put({ size, sizes, present, contents, values }: Draft, buf: Uint8Array, start: number): void {
    const starts: number[] = []
    let pos = start
    for (const part of this.#row.parts) {
      const { index } = part
      starts.push(pos)
      if (!present[index]) continue
      if (part.kind === 'constant') buf.set(part.bytes, pos)
      else if (part.kind === 'integer') {
        if (part.checksum === null) part.of.put(buf, pos, values.get(part.field) as HeaderInteger)
      } else if (part.kind === 'bits') part.of.put(buf, pos, joined(part, values))
      else if (part.kind === 'section' || part.kind === 'bytes') buf.set(contents[index] as Uint8Array, pos)
      pos += sizes[index] as number
    }
    for (const index of this.#row.checksums) {
      if (!present[index]) continue
      const { field, checksum, of } = this.#row.parts[index] as Integer
      const sum = checksum?.(covered(field, index, starts, sizes, buf, start, start + size)) ?? 0
      of.put(buf, starts[index] as number, cutToWidth(sum, of.width as number))
    }
  }
}

/** The names that `$header` may have, in wire order. */
export function ownNames({ parts }: Row): string[] {
  return parts.flatMap((part) =>
    part.kind === 'section' || part.kind === 'bytes'
      ? [part.name]
      : fieldsOf(part).flatMap(({ role, name }) => (role === 'own' ? [name] : [])),
  )
}

/** The bits of an integer, put together. */
function joined({ fields }: Bits, values: ReadonlyMap<Field, HeaderInteger>): HeaderInteger {
  const all = fields.reduce((sum, field) => sum | (BigInt(values.get(field) ?? 0) << BigInt(field.shift)), 0n)
  return all > BigInt(Number.MAX_SAFE_INTEGER) ? all : Number(all)
}
