// Words become a row of parts: which names there are, what lengths count and checksums cover. What cannot be known is refused
// here, so that reading and writing never have to guess.

import type { QbpError } from '../../base/errors.ts'
import { listed } from '../../base/listed.ts'
import { nearest } from '../../base/nearest.ts'
import { type Checksum, checksums } from '../checksums.ts'
import { checksumsOf } from './checksum-order.ts'
import type { HeaderInteger } from './integer-kind.ts'
import { type At, bareName, type Counted, type Field, type Part, type Place, type Row, type Size } from './layout.ts'
import { checkCircles, checkDigits, checkGroups } from './row-checks.ts'
import { Sizes } from './sizes.ts'
import { badLayout, type Count, type Word } from './words.ts'

const NOTHING: Counted = { all: null, parts: [], plus: 0 }
/** A word and its place in the row. The body may stand there without a word; `end` is that of a group. */
type Slot = { -readonly [K in keyof At]: At[K] } & { word: Word | null; end: number }

/** Makes a row of its words. */
export class RowMaker {
  readonly #text: string
  readonly #isPreamble: boolean
  readonly #slots: Slot[] = []
  readonly #names = new Map<string, number>()
  readonly #parts: Part[] = []
  /** The place of the body. */
  #body = -1

  constructor(text: string, words: readonly Word[], isPreamble: boolean) {
    this.#text = text
    this.#isPreamble = isPreamble
    this.#flatten(words, -1)
    if (!isPreamble && !this.#slots.some(({ word }) => word?.kind === 'body')) {
      this.#slots.push({ index: this.#slots.length, column: text.length, group: -1, word: null, end: -1 })
    }
  }

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT */
  make(): Row {
    this.#nameParts()
    for (const slot of this.#slots) this.#parts.push(this.#part(slot))
    const fail = (column: number, problem: string) => this.#fail(column, problem)
    const sizes = new Sizes(this.#parts, fail)
    const parts = this.#parts.map((part) =>
      part.kind === 'section' || part.kind === 'bytes' || part.kind === 'body'
        ? { ...part, size: sizes.of(part) }
        : part,
    )
    checkGroups(parts, sizes, this.#text, fail)
    checkDigits(parts, fail)
    checkCircles(parts, fail)
    return { parts, body: this.#body, ...checksumsOf(parts, fail) }
  }

  #fail(column: number, problem: string): QbpError {
    return badLayout(this.#text, column, problem)
  }

  #flatten(words: readonly Word[], group: number): void {
    for (const word of words) {
      const slot: Slot = { index: this.#slots.length, column: word.column, group, word, end: -1 }
      this.#slots.push(slot)
      if (word.kind !== 'group') continue
      this.#flatten(word.words, slot.index)
      slot.end = this.#slots.length
    }
  }

  /** Which names there are, each once; lengths and checksums may be many, if they count different things. */
  #nameParts(): void {
    const seen = new Map<string, number>()
    for (const { word, index, column } of this.#slots) {
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

  #part({ word, index, column, group, end }: Slot): Part {
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
      const field = this.#field(word.name, word.count, index, word.initial)
      const checksum = field.role === 'checksum' ? (checksums.get(word.name) as Checksum) : null
      return { ...at, kind: 'integer', field, of: word.of, checksum }
    }
    let shift = (word.of.width as number) * 8
    const fields = word.fields.map(({ name, count, bits, initial }) => {
      shift -= bits
      return { ...this.#field(name, count, index, initial), bits, shift }
    })
    return { ...at, kind: 'bits', fields, of: word.of }
  }

  #field(name: string, count: Count | null, index: number, initial: HeaderInteger = 0): Field {
    const text = count === null ? name : `${name}(${countText(count)})`
    if (name === 'type') return { name, text, role: 'type', initial, counted: NOTHING }
    if (name === 'length')
      return {
        name,
        text,
        role: 'length',
        initial,
        counted: this.#counted(count ?? { names: ['body'], plus: 0 }, index),
      }
    if (count === null) return { name, text, role: 'own', initial, counted: NOTHING }
    return { name, text, role: 'checksum', initial, counted: this.#counted(count, index) }
  }

  #counted({ names, plus }: Count, index: number): Counted {
    const { column } = this.#slots[index] as Slot
    const [only] = names
    if (names.length === 1 && (only === 'rest' || only === 'frame')) return { all: only, parts: [], plus }
    const parts = names.map((name) => {
      const part = name === 'body' && this.#body >= 0 ? this.#body : (this.#names.get(name) ?? this.#sectionNamed(name))
      if (part !== undefined && this.#slots[part]?.word?.kind !== 'bits') return part
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
    return this.#slots.find(({ word }) => word?.kind === 'section' && word.name.endsWith(`.${name}`))?.index
  }

  #place(section: string, path: readonly string[], field: Field, at: At): Place {
    const found = this.#names.get(section) ?? this.#sectionNamed(section)
    const { word, index, group } = (found === undefined ? {} : this.#slots[found]) as Partial<Slot>
    if (word?.kind !== 'section' || index === undefined || group === undefined) {
      const sections = this.#slots.flatMap(({ word }) => (word?.kind === 'section' ? [word.name] : []))
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
}

function countText({ names, plus }: Count): string {
  return `${names.join('+')}${plus === 0 ? '' : plus > 0 ? `+${plus}` : plus}`
}

const sameName = (a: readonly string[], b: readonly string[]): boolean =>
  bareName(a.join('.')) === bareName(b.join('.'))
