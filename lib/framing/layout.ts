// A layout's parts in wire order, each with what the others say of it: how many bytes it takes, what a length counts, what a
// checksum covers. What cannot be known is refused here, so that reading and writing never have to guess.

import type { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { nearest } from '../base/nearest.ts'
import { type Checksum, checksums } from './checksums.ts'
import type { IntegerKind } from './integer-kinds.ts'
import { badLayout, type Count, readWords, type Word } from './layout-text.ts'

/** What a length counts, or a checksum covers. */
export interface Counted {
  /** All that follows, or the whole frame; null for the parts. */
  readonly all: 'rest' | 'frame' | null
  /** Places of parts in their row. */
  readonly parts: readonly number[]
  /** What the length says beyond the bytes that it counts. */
  readonly plus: number
}

/** A number in the header. */
export interface Field {
  readonly name: string
  /** As the layout has it, without its kind: `length(rest)`. */
  readonly text: string
  readonly role: 'own' | 'type' | 'length' | 'checksum'
  /** Of a length or checksum. */
  readonly counted: Counted
}

/** How many bytes a part of varying size takes. */
export type Size =
  | { readonly by: 'fixed'; readonly bytes: number }
  /** What a length says, less the other parts that it counts. */
  | { readonly by: 'length'; readonly length: Field; readonly others: readonly number[] }
  /** What is left up to the frame's end, less the parts that follow. */
  | { readonly by: 'end'; readonly after: readonly number[] }

interface At {
  /** Its place in the row. */
  readonly index: number
  /** Its place in the text, counted from 0. */
  readonly column: number
  /** The group that it belongs to, by that one's place in the row; -1 for none. */
  readonly group: number
}

export interface Constant extends At {
  readonly kind: 'constant'
  readonly text: string
  readonly bytes: readonly number[]
}
export interface Integer extends At {
  readonly kind: 'integer'
  readonly field: Field
  readonly of: IntegerKind
  readonly checksum: Checksum | null
}
export interface Bits extends At {
  readonly kind: 'bits'
  readonly fields: readonly (Field & { readonly bits: number; readonly shift: number })[]
  readonly of: IntegerKind
}
export interface Section extends At {
  readonly kind: 'section'
  readonly name: string
  readonly size: Size
}
export interface Bytes extends At {
  readonly kind: 'bytes'
  readonly name: string
  readonly size: Size
}
export interface Body extends At {
  readonly kind: 'body'
  readonly size: Size
}
/** A length or a type that stands in a field of a section. */
export interface Place extends At {
  readonly kind: 'place'
  readonly field: Field
  /** The section's place in the row. */
  readonly section: number
  readonly path: readonly string[]
  /** The section and the path, as the layout has them. */
  readonly text: string
}
/** Parts that are there while the frame has bytes left: those up to `end`, the place of the first one after them. */
export interface Group extends At {
  readonly kind: 'group'
  readonly end: number
}

export type Part = Constant | Integer | Bits | Section | Bytes | Body | Place | Group

/** The parts of what stands before the bar, or of a frame. */
export interface Row {
  readonly parts: readonly Part[]
  /** The place of the body; -1 in a preamble. */
  readonly body: number
  /** Checksums after whose part, by its place, they can be verified. The others wait for the frame's end. */
  readonly verify: ReadonlyMap<number, readonly number[]>
  readonly verifyLast: readonly number[]
  /** All checksums, each after those that it covers. */
  readonly checksums: readonly number[]
}

/** A layout of which everything is known. */
export interface Layout {
  /** As it was given, with single spaces. */
  readonly text: string
  readonly preamble: Row | null
  readonly frame: Row
}

/** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column of the fault, counted from 1 in the message, from 0 as `offset`. */
export function parseLayout(text: string): Layout {
  const words = readWords(text)
  return {
    text: words.text,
    preamble: words.preamble === null ? null : new RowMaker(text, words.preamble, true).make(),
    frame: new RowMaker(text, words.frame, false).make(),
  }
}

/** Whether frames of the layout carry a type. @throws {QbpError} ERR_QBP_BAD_LAYOUT */
export const hasType = (text: string): boolean =>
  parseLayout(text).frame.parts.some((part) => fieldsOf(part).some(({ role }) => role === 'type'))

/** Bytes that a part takes whatever it holds, or undefined. */
export function fixedSize(part: Part): number | undefined {
  if (part.kind === 'constant') return part.bytes.length
  if (part.kind === 'integer' || part.kind === 'bits') return part.of.width
  if (part.kind === 'place' || part.kind === 'group') return 0
  return part.size.by === 'fixed' ? part.size.bytes : undefined
}

/** The fields that a part holds. */
export const fieldsOf = (part: Part): readonly Field[] =>
  part.kind === 'integer' || part.kind === 'place' ? [part.field] : part.kind === 'bits' ? part.fields : []

const NOTHING: Counted = { all: null, parts: [], plus: 0 }
type Draft = { -readonly [K in keyof At]: At[K] } & { word: Word | null; end: number }

/** Makes a row of its words. */
class RowMaker {
  readonly #text: string
  readonly #isPreamble: boolean
  readonly #drafts: Draft[] = []
  readonly #names = new Map<string, number>()
  readonly #parts: Part[] = []
  /** The place of the body. */
  #body = -1

  constructor(text: string, words: readonly Word[], isPreamble: boolean) {
    this.#text = text
    this.#isPreamble = isPreamble
    this.#flatten(words, -1)
    if (!isPreamble && !this.#drafts.some(({ word }) => word?.kind === 'body')) {
      this.#drafts.push({ index: this.#drafts.length, column: text.length, group: -1, word: null, end: -1 })
    }
  }

  make(): Row {
    this.#nameParts()
    for (const draft of this.#drafts) this.#parts.push(this.#part(draft))
    for (const part of this.#parts) {
      if (part.kind === 'section' || part.kind === 'bytes' || part.kind === 'body') {
        this.#parts[part.index] = { ...part, size: this.#size(part) }
      }
    }
    this.#checkGroups()
    this.#checkDigits()
    this.#checkCircles()
    const sums = this.#parts
      .filter((part) => part.kind === 'integer' && part.checksum !== null)
      .map(({ index }) => index)
    const verify = new Map<number, number[]>()
    const verifyLast: number[] = []
    for (const index of sums) {
      const place = this.#verifiedAt(this.#parts[index] as Integer)
      if (place < 0) verifyLast.push(index)
      else verify.set(place, [...(verify.get(place) ?? []), index])
    }
    const body = this.#body
    return { parts: this.#parts, body, verify, verifyLast, checksums: this.#inOrder(sums) }
  }

  #fail(column: number, problem: string): QbpError {
    return badLayout(this.#text, column, problem)
  }

  #flatten(words: readonly Word[], group: number): void {
    for (const word of words) {
      const draft: Draft = { index: this.#drafts.length, column: word.column, group, word, end: -1 }
      this.#drafts.push(draft)
      if (word.kind !== 'group') continue
      this.#flatten(word.words, draft.index)
      draft.end = this.#drafts.length
    }
  }

  /** Which names there are, each once; lengths and checksums may be many, if they count different things. */
  #nameParts(): void {
    const seen = new Map<string, number>()
    for (const { word, index, column } of this.#drafts) {
      if (word?.kind === 'group' || word?.kind === 'constant') continue
      if (word === null || word.kind === 'body') {
        if (this.#isPreamble) throw this.#fail(column, 'a preamble has no body')
        if (this.#body >= 0) throw this.#fail(column, 'there is a second body')
        this.#body = index
        continue
      }
      const named = word.kind === 'bits' ? word.fields : [word]
      for (const { name, count = null } of named as { name: string; count?: Count | null }[]) {
        const key = count === null ? name : `${name}(${count.names.join('+')})`
        const first = seen.get(key) ?? (name === 'length' && key === 'length(body)' ? seen.get('length') : undefined)
        if (first !== undefined)
          throw this.#fail(column, `there is a second ${key}, after the one at column ${first + 1}`)
        seen.set(key, column)
        if (!this.#names.has(name) || count === null) this.#names.set(name, index)
        if (!this.#isPreamble) continue
        if (name === 'type') throw this.#fail(column, 'a preamble has no type')
        if (key === 'length')
          throw this.#fail(column, 'a preamble has no body: say what the length counts, such as length(Hello)')
      }
    }
  }

  #part({ word, index, column, group, end }: Draft): Part {
    const at = { index, column, group }
    const size: Size = { by: 'fixed', bytes: 0 } // Until all parts are known.
    if (word === null || word.kind === 'body') return { ...at, kind: 'body', size }
    if (word.kind === 'group') return { ...at, kind: 'group', end }
    if (word.kind === 'constant') return { ...at, kind: 'constant', text: word.text, bytes: word.bytes }
    if (word.kind === 'section') return { ...at, kind: 'section', name: word.name, size }
    if (word.kind === 'bytes') {
      return {
        ...at,
        kind: 'bytes',
        name: word.name,
        size: word.size === null ? size : { by: 'fixed', bytes: word.size },
      }
    }
    if (word.kind === 'place')
      return this.#place(word.section, word.path, this.#field(word.name, word.count, index), at)
    if (word.kind === 'integer') {
      const field = this.#field(word.name, word.count, index)
      const checksum = field.role === 'checksum' ? (checksums.get(word.name) as Checksum) : null
      return { ...at, kind: 'integer', field, of: word.of, checksum }
    }
    let shift = (word.of.width as number) * 8
    const fields = word.fields.map(({ name, count, bits }) => {
      shift -= bits
      return { ...this.#field(name, count, index), bits, shift }
    })
    return { ...at, kind: 'bits', fields, of: word.of }
  }

  #field(name: string, count: Count | null, index: number): Field {
    const text = count === null ? name : `${name}(${countText(count)})`
    if (name === 'type') return { name, text, role: 'type', counted: NOTHING }
    if (name === 'length')
      return { name, text, role: 'length', counted: this.#counted(count ?? { names: ['body'], plus: 0 }, index) }
    if (count === null) return { name, text, role: 'own', counted: NOTHING }
    return { name, text, role: 'checksum', counted: this.#counted(count, index) }
  }

  #counted({ names, plus }: Count, index: number): Counted {
    const { column } = this.#drafts[index] as Draft
    const [only] = names
    if (names.length === 1 && (only === 'rest' || only === 'frame')) return { all: only, parts: [], plus }
    const parts = names.map((name) => {
      const part = name === 'body' && this.#body >= 0 ? this.#body : (this.#names.get(name) ?? this.#sectionNamed(name))
      if (part !== undefined && this.#drafts[part]?.word?.kind !== 'bits') return part
      const names = [...this.#names.keys(), ...(this.#isPreamble ? [] : ['body']), 'rest', 'frame']
      const meant = nearest(name, names)
      const advice = meant === undefined ? `there are ${listed(names)}` : `did you mean ${meant}?`
      throw this.#fail(column, `no part is called ${name}: ${advice}`)
    })
    if (new Set(parts).size < parts.length) throw this.#fail(column, 'a part is counted once')
    return { all: null, parts: parts.sort((a, b) => a - b), plus }
  }

  /** A section by the last part of its name. */
  #sectionNamed(name: string): number | undefined {
    return this.#drafts.find(({ word }) => word?.kind === 'section' && word.name.endsWith(`.${name}`))?.index
  }

  #place(section: string, path: readonly string[], field: Field, at: At): Place {
    const found = this.#names.get(section) ?? this.#sectionNamed(section)
    const { word, index, group } = (found === undefined ? {} : this.#drafts[found]) as Partial<Draft>
    if (word?.kind !== 'section' || index === undefined || group === undefined) {
      const sections = this.#drafts.flatMap((draft) => (draft.word?.kind === 'section' ? [draft.word.name] : []))
      throw this.#fail(
        at.column,
        `there is no section {${section}}${sections.length > 0 ? `: there is ${listed(sections)}` : ''}`,
      )
    }
    if (index > at.index)
      throw this.#fail(at.column, `it stands before the section that it is in: put it after {${section}}`)
    if (group !== at.group)
      throw this.#fail(at.column, `it takes no bytes, so it belongs into the group of {${section}}`)
    if (field.counted.all === 'frame' || field.counted.parts.includes(index)) {
      throw this.#fail(at.column, `it counts the section that it is in, whose size it may change`)
    }
    const twin = this.#parts.find(
      (part) => part.kind === 'place' && part.section === index && sameName(part.path, path),
    )
    if (twin !== undefined) throw this.#fail(at.column, `another number is in that field, by column ${twin.column + 1}`)
    return { ...at, kind: 'place', field, section: index, path, text: `${section}.${path.join('.')}` }
  }

  // ---- sizes

  /** Whether a part of the group `inner` is there only if one of `outer` is. */
  #encloses(outer: number, inner: number): boolean {
    for (let group = inner; ; group = (this.#drafts[group] as Draft).group) {
      if (group === outer) return true
      if (group < 0) return false
    }
  }

  /** The lengths that have been read where the part begins, in wire order. */
  #lengthsBefore(part: At): Field[] {
    return this.#parts
      .filter(({ index, group }) => index < part.index && this.#encloses(group, part.group))
      .flatMap((each) => fieldsOf(each).filter(({ role }) => role === 'length'))
  }

  /** The length that counts nothing but the part, if it has been read where another part begins. */
  #direct(part: At, before: At): Field | undefined {
    return this.#lengthsBefore(before).find(({ counted: { parts } }) => parts.length === 1 && parts[0] === part.index)
  }

  #size(part: Section | Bytes | Body): Size {
    if (part.kind === 'bytes' && part.size.by === 'fixed' && part.size.bytes > 0) return part.size
    const direct = this.#direct(part, part)
    if (direct !== undefined) return { by: 'length', length: direct, others: [] }
    /** Whether the size of another part is known where this one begins. */
    const isKnown = (other: Part) =>
      (other.index < part.index && this.#encloses(other.group, part.group)) ||
      (other.kind === 'bytes' && other.size.by === 'fixed' && other.size.bytes > 0) ||
      (other.kind !== 'section' && other.kind !== 'bytes' && other.kind !== 'body' && fixedSize(other) !== undefined) ||
      this.#direct(other, part) !== undefined
    const lengths = this.#lengthsBefore(part)
    for (const length of lengths) {
      const { counted } = length
      const others = counted.parts.filter((each) => each !== part.index)
      if (others.length === counted.parts.length || !others.every((each) => isKnown(this.#parts[each] as Part)))
        continue
      return { by: 'length', length, others }
    }
    const after = this.#parts.slice(part.index + 1)
    if (lengths.some(({ counted }) => counted.all !== null)) {
      const group = after.find(({ kind }) => kind === 'group')
      if (group === undefined && after.every(isKnown)) return { by: 'end', after: after.map(({ index }) => index) }
    }
    throw this.#unknown(part)
  }

  #unknown(part: Section | Bytes | Body): QbpError {
    const name = part.kind === 'body' ? 'body' : part.name
    const lengths = this.#parts.flatMap(fieldsOf).filter(({ role }) => role === 'length')
    if (part.kind === 'body' && lengths.length === 0) {
      const misspelt = this.#parts.find((each) =>
        fieldsOf(each).some((field) => field.role === 'own' && nearest(field.name, ['length'])),
      )
      const found = misspelt === undefined ? '' : fieldsOf(misspelt)[0]?.name
      if (misspelt !== undefined)
        throw this.#fail(misspelt.column, `it has no length; '${found}': did you mean length?`)
      return this.#fail(part.column, 'it has no length')
    }
    const remedy = name === 'body' ? 'length:u32' : `length(${name}):u32`
    return this.#fail(
      part.column,
      `nothing before it says how long ${name === 'body' ? 'the body' : name} is: put a ${remedy} before it, or a length(rest) that leaves nothing else open`,
    )
  }

  #checkGroups(): void {
    for (const part of this.#parts) {
      if (part.kind !== 'group') continue
      if (!this.#lengthsBefore(part).some(({ counted }) => counted.all !== null)) {
        throw this.#fail(
          part.column,
          'nothing before this group says where the frame ends: that takes length(rest) or length(frame)',
        )
      }
      const next = this.#parts[part.end]
      if (next !== undefined && next.kind !== 'group' && next.group === part.group) {
        const remedy =
          next.kind === 'body' && next.column === this.#text.length ? ": say where the body stands, with 'body'" : ''
        throw this.#fail(next.column, `only groups stand after a group, which takes all bytes that are left${remedy}`)
      }
      if (next !== undefined && next.group !== part.group && next.kind !== 'group') {
        throw this.#fail(next.column, 'only groups stand after a group, which takes all bytes that are left')
      }
    }
  }

  /** A number of digits ends where no digit follows. */
  #checkDigits(): void {
    for (const part of this.#parts) {
      if (part.kind !== 'integer' || part.of.order !== 'decimal') continue
      const next = this.#parts[part.index + 1]
      const first = next?.kind === 'constant' && next.group === part.group ? (next.bytes[0] as number) : 48
      if (first < 48 || first > 57) continue
      throw this.#fail(
        part.column,
        `a constant that does not begin with a digit ends ${part.field.name}:dec: put one after it, such as 0x0a`,
      )
    }
  }

  /** A length whose own size, or whose section's size, depends on itself. */
  #checkCircles(): void {
    const done = new Set<number>()
    const visit = (index: number, path: readonly number[]): void => {
      if (path.includes(index)) {
        // A varint may count itself: the least size that fits is found.
        if (path.at(-1) === index && (this.#parts[index] as Part).kind === 'integer') return
        throw this.#fail((this.#parts[index] as Part).column, 'its size depends on itself, by what the lengths count')
      }
      if (done.has(index)) return
      for (const next of this.#dependsOn(this.#parts[index] as Part)) visit(next, [...path, index])
      done.add(index)
    }
    for (const { index } of this.#parts) visit(index, [])
  }

  /** The parts whose sizes must be known before the size of this one. */
  #dependsOn(part: Part): number[] {
    if (part.kind === 'section') {
      return this.#parts.flatMap((each) =>
        each.kind === 'place' && each.section === part.index ? this.#measured(each.field, each.index) : [],
      )
    }
    if (part.kind !== 'integer' || part.of.width !== undefined) return []
    return this.#measured(part.field, part.index)
  }

  #measured({ role, counted }: Field, index: number): number[] {
    if (role !== 'length') return []
    if (counted.all === null) return [...counted.parts]
    return this.#parts.filter((each) => counted.all === 'frame' || each.index > index).map((each) => each.index)
  }

  // ---- checksums

  /** The place of the part after which everything that a checksum covers has been read; -1 for the frame's end. */
  #verifiedAt({ index, group, field: { counted } }: Integer): number {
    if (counted.all !== null) return -1
    const last = Math.max(index, ...counted.parts)
    const parts = counted.parts.map((each) => this.#parts[each] as Part)
    return parts.every((each) => each.group === group) ? last : -1
  }

  #inOrder(sums: readonly number[]): number[] {
    const covers = (outer: number, inner: number): boolean => {
      const { counted } = (this.#parts[outer] as Integer).field
      if (outer === inner) return false
      return counted.all === null ? counted.parts.includes(inner) : counted.all === 'frame' || inner > outer
    }
    const order: number[] = []
    let left = [...sums]
    while (left.length > 0) {
      const next = left.find((each) => !left.some((other) => covers(each, other)))
      if (next === undefined)
        throw this.#fail((this.#parts[left[0] as number] as Part).column, 'checksums cover each other')
      order.push(next)
      left = left.filter((each) => each !== next)
    }
    return order
  }
}

function countText({ names, plus }: Count): string {
  return `${names.join('+')}${plus === 0 ? '' : plus > 0 ? `+${plus}` : plus}`
}

const sameName = (a: readonly string[], b: readonly string[]): boolean =>
  bareName(a.join('.')) === bareName(b.join('.'))

/** Names of a .proto may be written as its messages have them: attachment_size and attachmentSize are one. */
export const bareName = (name: string): string => name.replaceAll('_', '').toLowerCase()
