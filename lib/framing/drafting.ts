// What a frame is going to hold, part by part, and how many bytes each takes.

import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import { encodeBody, Room } from '../codec/body.ts'
import { isBytes, ownBytes } from '../codec/bytes.ts'
import type { Type } from '../codec/type.ts'
import type { Subject } from './frame-header.ts'
import { overflow } from './header-faults.ts'
import { type HeaderInteger, holds, mostNumber } from './layout/integer-kind.ts'
import {
  type Bits,
  type Bytes,
  type Field,
  fieldsOf,
  type Integer,
  type Part,
  type Place,
  type Row,
  type Section,
} from './layout/layout.ts'
import { withValueIn } from './section-numbers.ts'

/** What a frame's header is going to hold. */
export interface Draft {
  /** Bytes of the whole frame, body included, and those before the body. */
  readonly size: number
  readonly before: number
  readonly sizes: readonly number[]
  readonly present: readonly boolean[]
  /** Of sections and bytes. */
  readonly contents: readonly (Uint8Array | null)[]
  readonly values: ReadonlyMap<Field, HeaderInteger>
}

/** What it is of. */
interface DraftSubject extends Subject {
  readonly bodyBytes: number
}

/** The making of one draft. What depends on what was checked with the layout: there is no circle. */
export class Drafting {
  readonly #row: Row
  readonly #types: readonly (Type | null)[]
  readonly #subject: DraftSubject
  readonly #present: boolean[] = []
  readonly #sizes: (number | undefined)[]
  readonly #contents: (Uint8Array | null)[]
  readonly #values = new Map<Field, HeaderInteger>()

  constructor(row: Row, types: readonly (Type | null)[], subject: DraftSubject) {
    this.#row = row
    this.#types = types
    this.#subject = subject
    this.#sizes = row.parts.map(() => undefined)
    this.#contents = row.parts.map(() => null)
  }

  make(): Draft {
    const { parts, body } = this.#row
    this.#choose()
    let size = 0
    let before = 0
    let held = 0
    for (const part of parts) {
      if (part.index === body) before = size
      const own = this.#size(part.index)
      size += own
      if (part.kind === 'section' || part.kind === 'bytes') held += own
    }
    if (held > this.#subject.maxHeaderBytes) this.#heldTooLong(held)
    for (const part of parts) {
      if (!this.#present[part.index] || part.kind === 'place') continue
      if (part.kind === 'bits') for (const field of part.fields) this.#checked(field, part, `${field.bits} bits`)
      if (part.kind === 'integer' && part.checksum === null) this.#checked(part.field, part, part.of.name)
    }
    return {
      ...{ size, before, present: this.#present, contents: this.#contents, values: this.#values },
      sizes: this.#sizes as number[],
    }
  }

  /** Which groups are there: those of which something was given, and those before one that is there. */
  #choose(): void {
    const { parts } = this.#row
    const { fields, bodyBytes, type } = this.#subject
    const isGiven = (part: Part): boolean => {
      if (part.kind === 'body') return bodyBytes > 0
      if (part.kind === 'section' || part.kind === 'bytes') return fields?.[part.name] !== undefined
      return fieldsOf(part).some(({ role, name }) =>
        role === 'type' ? type !== 0 && type !== '' : role === 'own' && fields?.[name] !== undefined,
      )
    }
    const given = parts.map(isGiven)
    for (const part of parts.toReversed()) {
      if (part.kind !== 'group') continue
      const after = parts[part.end]
      const isNextGiven = after?.kind === 'group' && after.group === part.group && given[after.index]
      given[part.index] = Boolean(isNextGiven) || given.slice(part.index + 1, part.end).some(Boolean)
    }
    for (const { index, group } of parts) {
      const isGroup = parts[index]?.kind === 'group'
      this.#present.push((group < 0 || this.#present[group] === true) && (!isGroup || given[index] === true))
    }
  }

  #size(index: number): number {
    this.#sizes[index] ??= this.#present[index] ? this.#measure(this.#row.parts[index] as Part) : 0
    return this.#sizes[index]
  }

  #measure(part: Part): number {
    if (part.kind === 'constant') return part.bytes.length
    if (part.kind === 'place' || part.kind === 'group') return 0
    if (part.kind === 'body') return this.#subject.bodyBytes
    if (part.kind === 'bytes') return this.#bytes(part)
    if (part.kind === 'section') return this.#section(part)
    if (part.of.width !== undefined) return part.of.width
    const { field, of } = part as Integer
    if (field.counted.all !== 'frame') return of.sizeOf(this.#value(field, part.index))
    // It counts itself: the least size that fits.
    const others = this.#counted(field, part.index, part.index)
    let own = 1
    while (of.sizeOf(others + own) > own) own++
    return own
  }

  /** What a length says, the part `without` left out. */
  #counted({ counted }: Field, index: number, without = -1): number {
    let bytes = counted.plus
    for (const part of this.#row.parts) {
      const isCounted =
        counted.all === null ? counted.parts.includes(part.index) : counted.all === 'frame' || part.index > index
      if (isCounted && part.index !== without) bytes += this.#size(part.index)
    }
    return bytes
  }

  #value(field: Field, index: number): HeaderInteger {
    const known = this.#values.get(field)
    if (known !== undefined) return known
    const { fields, type } = this.#subject
    const value =
      field.role === 'type'
        ? type
        : field.role === 'length'
          ? this.#counted(field, index)
          : (fields?.[field.name] ?? field.initial)
    this.#values.set(field, value as HeaderInteger)
    return value as HeaderInteger
  }

  /** The value, which its place can hold. */
  #checked(field: Field, { of, index }: Integer | Bits, kind: string): void {
    const value = this.#value(field, index)
    const isOwn = field.role === 'own'
    const bits = (field as Partial<Bits['fields'][number]>).bits
    const most = bits !== undefined ? 2 ** bits - 1 : isOwn ? of.most : mostNumber(of)
    const least = isOwn && bits === undefined ? of.least : 0
    const fits =
      isOwn && bits === undefined
        ? holds(of, value)
        : typeof value === 'bigint' && isOwn
          ? (bits ?? 0) > 53 && value >= 0n && value < 1n << BigInt(bits ?? 0)
          : Number.isSafeInteger(value) && value >= 0 && value <= most
    if (!fits) throw overflow(field, value, kind, least, most, this.#subject.bodyBytes)
  }

  #bytes({ name, index, size }: Bytes): number {
    const given: unknown = this.#subject.fields?.[name]
    const fixed = size.by === 'fixed' ? size.bytes : undefined
    const bytes = given === undefined || given === null ? new Uint8Array(fixed ?? 0) : given
    const own = isBytes(bytes) ? ownBytes(bytes) : null
    if (own === null || (fixed !== undefined && own.length !== fixed)) {
      const found = own === null ? shown(bytes) : `of ${own.length} bytes`
      throw notWritten(
        name,
        `is ${found}; it must be a Uint8Array or Buffer${fixed === undefined ? '' : ` of ${fixed} bytes`}`,
      )
    }
    this.#contents[index] = own
    return own.length
  }

  /** A section as a message; or as bytes, which is what one that does not decode is read as. */
  #section({ name, index }: Section): number {
    const type = this.#types[index] as Type | null
    const given: unknown = this.#subject.fields?.[name] ?? (type === null ? new Uint8Array(0) : {})
    const field = `$header.${name}`
    if (isBytes(given)) {
      if (type !== null && this.#places(index).length > 0)
        throw notWritten(name, 'is bytes; it must be a message, as the header fills a field of it in')
      const own = this.#places(index).reduce<Uint8Array>(
        (bytes, { path, field, index }) =>
          this.#present[index] ? withValueIn(bytes, path, this.#value(field, index)) : bytes,
        ownBytes(given),
      )
      this.#contents[index] = own
      return own.length
    }
    if (typeof given !== 'object' || given === null || type === null)
      throw notWritten(
        name,
        `is ${shown(given)}; it must be ${type === null ? 'a Uint8Array or Buffer' : `a message ${name}`}`,
      )
    const output = new Room()
    try {
      const end = encodeBody(type, this.#filledIn(given, index), output, 0)
      this.#contents[index] = output.buf.subarray(0, end)
      return end
    } catch (fault) {
      if (!(fault instanceof QbpError)) throw fault
      const { code, message, field: inner, cause } = fault
      throw new QbpError(code, message, {
        cause,
        messageName: name,
        field: inner === undefined ? field : `${field}.${inner}`,
      })
    }
  }

  /** The section with the lengths and the type that stand in it. */
  #filledIn(section: object, index: number): object {
    let filled = section
    for (const place of this.#places(index)) {
      if (this.#present[place.index]) filled = withValue(filled, place.path, this.#value(place.field, place.index))
    }
    return filled
  }

  /** The lengths and the type that stand in a section. */
  #places(section: number): Place[] {
    return this.#row.parts.filter((part): part is Place => part.kind === 'place' && part.section === section)
  }

  #heldTooLong(size: number): never {
    const limit = this.#subject.maxHeaderBytes
    throw new QbpError(
      'ERR_QBP_TOO_LONG',
      `The header's sections and bytes take ${size} bytes; maxHeaderBytes allows ${limit}. Nothing of the message was sent.`,
      { size, limit, field: '$header' },
    )
  }
}

function notWritten(name: string, problem: string): QbpError {
  const field = `$header.${name}`
  return new QbpError('ERR_QBP_INVALID_MESSAGE', `${field} ${problem}. Nothing of the message was sent.`, { field })
}

/** A copy of the message with a value at the path. A message on it that is absent stays so for nothing, which is what absent says. */
function withValue(message: object, [name = '', ...rest]: readonly string[], value: unknown): object {
  if (rest.length === 0) return { ...message, [name]: value }
  const inner = (message as Record<string, object | null | undefined>)[name] ?? null
  if (inner === null && (value === 0 || value === '')) return message
  return { ...message, [name]: withValue(inner ?? {}, rest, value) }
}
