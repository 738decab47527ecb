// Reads the parts of a layout's row, one after the other: frames of layouts that are more than a row of integers, and
// preambles. It starts again from the frame's first byte each time that `needs` is met, which is at most once for each
// part, or byte of a varint: so time stays linear however the bytes are cut.

import type { QbpError } from '../base/errors.ts'
import { bodyFault } from '../codec/locate-fault.ts'
import type { Type } from '../codec/type.ts'
import { copy } from '../codec/wire.ts'
import { covered, cutToWidth } from './coverage.ts'
import { type Head, type HeaderFields, more } from './head.ts'
import {
  heldTooLong,
  safeNumber,
  tooLong,
  wrongChecksum,
  wrongConstant,
  wrongEnd,
  wrongNumber,
} from './header-faults.ts'
import { at, type HeaderInteger } from './layout/integer-kind.ts'
import { type Bits, type Constant, type Field, fieldsOf, type Integer, type Place, type Row } from './layout/layout.ts'
import { RowPlaces } from './row-places.ts'
import { valueIn } from './section-numbers.ts'

/** Where a part of the frame that was read last lies, for those who show it to people. */
export interface Piece {
  readonly part: Row['parts'][number]
  readonly start: number
  readonly end: number
  /** What its fields say, in their order. */
  readonly values: readonly unknown[]
}

/** Reads one row. */
export class RowReader {
  readonly #row: Row
  /** Of each part that is a section: how it is read; null for bytes as they are. */
  readonly #types: readonly (Type | null)[]
  readonly #noType: 0 | ''
  /** Whether there is anything for `fields`. */
  readonly #hasFields: boolean
  readonly #lengths: readonly { field: Field; index: number }[]
  // Of the frame that is being read, by the parts' places. Reading is synchronous, and runs no code of users: one of each will do.
  readonly #places: RowPlaces
  readonly #sections: (object | null)[]
  /** Up to where the bytes of the frame that is read, or was read last, have been looked at. */
  reached = 0

  /** @param noType the type of a frame in which there is none. */
  constructor(row: Row, types: readonly (Type | null)[], noType: 0 | '' = 0) {
    this.#row = row
    this.#noType = noType
    this.#types = types
    this.#lengths = row.parts.flatMap((part) =>
      fieldsOf(part).flatMap((field) => (field.role === 'length' ? [{ field, index: part.index }] : [])),
    )
    this.#hasFields = row.parts.some(
      (part) => part.kind === 'section' || part.kind === 'bytes' || fieldsOf(part).some(({ role }) => role === 'own'),
    )
    this.#places = new RowPlaces(row)
    this.#sections = row.parts.map(() => null)
  }

  /**
   * Reads the frame at `pos` into `head`.
   *
   * @returns the position after it, or -1 until `head.needs` of its bytes are there.
   * @throws {QbpError} ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT, ERR_QBP_BAD_LENGTH, ERR_QBP_BAD_CHECKSUM or
   * ERR_QBP_TOO_LONG, as soon as the bytes show it; ERR_QBP_INVALID_BODY for a section that says a length or a type.
   */
  read(buf: Uint8Array, pos: number, end: number, head: Head): number {
    const { parts, verify, verifyLast } = this.#row
    const start = pos
    let held = 0
    this.#places.frameEnd = -1
    this.reached = pos
    head.type = this.#noType
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Row['parts'][number]
      this.#places.starts[i] = pos
      this.#places.present[i] = true
      this.#sections[i] = null
      // Not beyond the frame's end, even if bytes of the next one are there: a fault is the same however the bytes are cut.
      const limit = this.#places.frameEnd >= 0 && this.#places.frameEnd < end ? this.#places.frameEnd : end
      let after: number
      if (part.kind === 'constant') after = this.#constant(part, buf, pos, limit, head, start)
      else if (part.kind === 'integer' || part.kind === 'bits') {
        const value = part.of.take(buf, pos, limit, part.kind === 'integer' ? part.field.name : 'bits')
        if (at.pos < 0) return this.#more(head, start, at.needs)
        after = at.pos
        this.#number(part, value, start, after, head)
      } else if (part.kind === 'place') {
        after = pos
        this.#placed(part, buf, start, pos, head)
      } else if (part.kind === 'group') {
        this.#places.sizes[i] = 0
        if (pos < this.#places.frameEnd) continue
        this.#places.present[i] = false
        for (i++; i < part.end; i++) this.#absent(i, pos)
        i--
        continue
      } else {
        const size = this.#places.sizeOf(i, pos)
        if (part.kind === 'body') {
          if (size > head.maxBodyBytes) tooLong(head, size)
        } else {
          held += size
          if (held > head.maxHeaderBytes) heldTooLong(head, held, part.name)
        }
        after = pos + size
        if (after > limit) return this.#more(head, start, after)
      }
      if (after < 0) return -1
      this.#places.sizes[i] = after - pos
      this.reached = pos = after
      const sums = verify.get(i)
      if (sums !== undefined) for (const sum of sums) this.#verify(sum, buf, start, pos)
    }
    if (this.#places.frameEnd >= 0 && this.#places.frameEnd !== pos)
      wrongEnd(this.#places.frameEnd - start, pos - start)
    for (const { field, index } of this.#lengths) if (this.#places.present[index]) this.#places.checkLength(field)
    for (const sum of verifyLast) if (this.#places.present[sum]) this.#verify(sum, buf, start, pos)
    const { body } = this.#row
    head.start = body < 0 ? pos : (this.#places.starts[body] as number)
    head.length = body < 0 ? 0 : (this.#places.sizes[body] as number)
    head.fault = null
    head.fields = this.#hasFields ? this.#fields(buf, head) : null
    return pos
  }

  /** The parts of the frame that was read last. */
  pieces(): Piece[] {
    return this.#row.parts.flatMap((part, i) => {
      const start = this.#places.starts[i] as number
      const values = fieldsOf(part).map((field) => this.#places.values.get(field))
      return this.#places.present[i] && part.kind !== 'group'
        ? [{ part, start, end: start + (this.#places.sizes[i] as number), values }]
        : []
    })
  }

  #more(head: Head, start: number, needs: number): -1 {
    if (this.#places.frameEnd >= 0 && needs > this.#places.frameEnd)
      wrongEnd(this.#places.frameEnd - start, needs - start)
    return more(head, start, needs)
  }

  #absent(i: number, pos: number): void {
    this.#places.leaveOut(i, pos)
    this.#sections[i] = null
  }

  /** Each byte by itself: a fault shows at the first wrong one. */
  #constant({ bytes, text }: Constant, buf: Uint8Array, pos: number, end: number, head: Head, start: number): number {
    for (let i = 0; i < bytes.length; i++) {
      if (pos + i >= end) return this.#more(head, start, pos + i + 1)
      if (buf[pos + i] !== bytes[i]) wrongConstant(text, i, bytes[i] as number, buf[pos + i] as number)
    }
    return pos + bytes.length
  }

  #number(part: Integer | Bits, value: HeaderInteger, start: number, after: number, head: Head): void {
    if (part.kind === 'integer') {
      this.#set(part.field, value, start, after, head)
      return
    }
    const all = BigInt(value)
    for (const field of part.fields) {
      const bits = (all >> BigInt(field.shift)) & ((1n << BigInt(field.bits)) - 1n)
      this.#set(field, field.bits > 53 ? bits : Number(bits), start, after, head)
    }
  }

  #set(field: Field, value: unknown, start: number, after: number, head: Head): void {
    const { role, name, counted } = field
    if (role === 'own') {
      this.#places.values.set(field, value)
      return
    }
    if (role === 'type' && typeof value === 'string') {
      this.#places.values.set(field, value)
      head.type = value
      return
    }
    const number = safeNumber(name, value as HeaderInteger)
    this.#places.values.set(field, number)
    if (role !== 'checksum' && number < 0) wrongNumber(name, number, 0)
    if (role === 'type') head.type = number
    if (role !== 'length' || counted.all === null) return
    const end = (counted.all === 'rest' ? after : start) + number - counted.plus
    if (end < after) wrongNumber(name, number, (counted.all === 'rest' ? 0 : after - start) + counted.plus)
    if (this.#places.frameEnd >= 0 && end !== this.#places.frameEnd)
      wrongEnd(this.#places.frameEnd - start, end - start)
    this.#places.frameEnd = end
  }

  /** Reads a length or a type out of its section. */
  #placed({ field, section, path }: Place, buf: Uint8Array, start: number, pos: number, head: Head): void {
    let value: unknown = this.#section(section, buf, head)
    if (value instanceof Uint8Array) value = valueIn(value, path)
    else for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name]
    if (typeof value === 'object' && value !== null) value = BigInt(value.toString()) // A Long.
    this.#set(field, value ?? (field.role === 'type' ? this.#noType : 0), start, pos, head)
  }

  #section(i: number, buf: Uint8Array, head: Head): object {
    const known = this.#sections[i]
    if (known !== null && known !== undefined) return known
    const type = this.#types[i] as Type | null
    const start = this.#places.starts[i] as number
    const end = start + (this.#places.sizes[i] as number)
    if (type === null) return copy(buf, start, end)
    let section: object
    try {
      section = type.nest(buf, start, end, 0, false)
    } catch (cause) {
      throw bodyFault(cause, type, buf, start, end, { messageName: type.name, type: head.type })
    }
    this.#sections[i] = section
    return section
  }

  #verify(index: number, buf: Uint8Array, start: number, end: number): void {
    const { field, checksum, of } = this.#row.parts[index] as Integer
    const sum = checksum?.(covered(field, index, this.#places.starts, this.#places.sizes, buf, start, end)) ?? 0
    const computed = cutToWidth(sum, of.width as number)
    const found = this.#places.values.get(field) as number
    if (found !== computed) wrongChecksum(field, found, computed)
  }

  #fields(buf: Uint8Array, head: Head): HeaderFields {
    const fields: HeaderFields = {}
    for (const part of this.#row.parts) {
      const { index } = part
      if (!this.#places.present[index]) continue
      if (part.kind === 'bytes') {
        const start = this.#places.starts[index] as number
        fields[part.name] = copy(buf, start, start + (this.#places.sizes[index] as number))
      } else if (part.kind === 'section') {
        try {
          fields[part.name] = this.#section(index, buf, head)
        } catch (fault) {
          head.fault ??= fault as QbpError
          const start = this.#places.starts[index] as number
          fields[part.name] = copy(buf, start, start + (this.#places.sizes[index] as number))
        }
      } else
        for (const field of fieldsOf(part))
          if (field.role === 'own') fields[field.name] = this.#places.values.get(field)
    }
    return fields
  }
}
