// Reads a layout from left to right, word by word; words.ts has the grammar.

import { QbpError } from '../../base/errors.ts'
import { checksums } from '../checksums.ts'
import type { IntegerKind } from './integer-kind.ts'
import { checkCount, checkName, countOf, hexConstant, initialOf, kindOf, remedy, textConstant } from './word-parts.ts'
import { type BitsWord, badLayout, type GroupWord, NAME, SYNTAX, type Word, type Words } from './words.ts'

const COUNT = `\\((?<count>[^()]*)\\)`
const WORDS = {
  constant: /0x(?<hex>\w*)/y,
  text: /"(?<text>(?:[^"\\]|\\.)*)"/y,
  section: new RegExp(`\\{\\s*(?<section>${NAME}(?:\\.${NAME})*)\\s*\\}`, 'y'),
  bits: /\[(?<cells>[^\]]*)\]:(?<of>\w+)/y,
  bytes: new RegExp(`(?<name>${NAME}):bytes\\b(?:\\((?<size>\\d*)\\))?`, 'y'),
  place: new RegExp(`(?<name>length|type)(?:${COUNT})?=(?<section>${NAME})(?<path>(?:\\.(?:${NAME}|\\d+))+)`, 'y'),
  integer: new RegExp(`(?<name>${NAME})(?:${COUNT})?:(?<of>\\w+)(?:=(?<initial>-?\\d+))?`, 'y'),
  body: /body\b/y,
}
const CELL = new RegExp(`^(?<name>${NAME})(?:${COUNT})?:(?<bits>\\d+)(?:=(?<initial>\\d+))?$`)
const ENDS = /[\s()|]|$/y

/**
 * The words of a layout, in wire order.
 *
 * @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column of the fault.
 */
export function readWords(layout: unknown): Words {
  if (typeof layout !== 'string') throw new QbpError('ERR_QBP_BAD_LAYOUT', `The header layout is no text. ${SYNTAX}`)
  const text = new LayoutText(layout)
  const first = text.row()
  const hasBar = text.takes('|')
  const second = hasBar ? text.row() : null
  text.expectEnd()
  return {
    text: layout.trim().replaceAll(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/g, ' '),
    preamble: second === null ? null : first,
    frame: second ?? first,
  }
}

/** Reads a layout from left to right. */
class LayoutText {
  readonly #text: string
  #pos = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Words up to a bar, a closing bracket or the end. */
  row(): Word[] {
    const words: Word[] = []
    for (;;) {
      this.#skipSpace()
      const next = this.#text[this.#pos]
      if (next === undefined || next === '|' || next === ')') return words
      words.push(next === '(' ? this.#group() : this.#word())
    }
  }

  takes(character: string): boolean {
    const found = this.#text[this.#pos] === character
    if (found) this.#pos++
    return found
  }

  expectEnd(): void {
    if (this.#pos === this.#text.length) return
    throw this.#refusal(
      this.#pos,
      this.#text[this.#pos] === ')' ? 'no bracket was opened before it' : 'there is a second bar',
    )
  }

  #group(): GroupWord {
    const column = this.#pos++
    const words = this.row()
    if (!this.takes(')')) throw this.#refusal(column, 'this bracket is not closed')
    if (!this.takes('?'))
      throw this.#refusal(this.#pos - 1, "a group ends with ')?': its parts are there while bytes are left")
    if (words.length === 0) throw this.#refusal(column, 'this group is empty')
    return { kind: 'group', words, column }
  }

  #word(): Word {
    const column = this.#pos
    const fail = (problem: string) => this.#refusal(column, problem)
    const constant = this.#match(WORDS.constant)
    if (constant !== null) return hexConstant(constant.hex as string, column, fail)
    const quoted = this.#match(WORDS.text)
    if (quoted !== null) return textConstant(quoted.text as string, column, fail)
    const section = this.#match(WORDS.section)
    if (section !== null) return { kind: 'section', name: section.section as string, column }
    const bits = this.#match(WORDS.bits)
    if (bits !== null) return this.#bits(bits.cells as string, kindOf(bits.of as string, fail), column)
    const bytes = this.#match(WORDS.bytes)
    if (bytes !== null) {
      const size = bytes.size === undefined ? null : Number(bytes.size)
      if (size === 0) throw fail('so many bytes are none: give a number in the brackets, or no brackets')
      return { kind: 'bytes', name: checkName(bytes.name as string, fail), size, column }
    }
    const place = this.#match(WORDS.place)
    if (place !== null) {
      const { name, section: of, path } = place as { name: string; section: string; path: string }
      const count = place.count === undefined ? null : countOf(place.count, fail)
      if (name === 'type' && count !== null) throw fail('a type counts nothing')
      return { kind: 'place', name, count, section: of, path: path.slice(1).split('.'), column }
    }
    const integer = this.#match(WORDS.integer)
    if (integer !== null) {
      const name = integer.name as string
      const count = integer.count === undefined ? null : countOf(integer.count, fail)
      checkCount(name, count, fail)
      const of = kindOf(integer.of as string, fail)
      if (checksums.has(name) && count !== null && of.width === undefined) {
        throw fail(`a checksum is of a fixed width: ${name}(…):u32`)
      }
      const initial =
        integer.initial === undefined ? {} : { initial: initialOf(name, count, integer.initial, of, fail) }
      return { kind: 'integer', name: checkName(name, fail), count, ...initial, of, column }
    }
    if (this.#match(WORDS.body) !== null) return { kind: 'body', name: 'body', column }
    throw fail(remedy(/\S+/y.exec(this.#text.slice(column))?.[0] ?? ''))
  }

  #bits(cells: string, of: IntegerKind, column: number): BitsWord {
    const fail = (problem: string) => this.#refusal(column, problem)
    if (of.width === undefined || of.order === 'hex')
      throw fail(`bits are cut out of an integer of fixed width, not of ${of.name}`)
    const fields = cells
      .trim()
      .split(/\s+/)
      .map((text) => {
        const parts = CELL.exec(text)?.groups
        if (parts === undefined) throw fail(`'${text}' is no bit field: give a name and bits, such as version:4`)
        const count = parts.count === undefined ? null : countOf(parts.count, fail)
        const name = checkName(parts.name as string, fail)
        checkCount(name, count, fail)
        const bits = Number(parts.bits)
        if (parts.initial === undefined) return { name, count, bits, column }
        const kind = { least: 0, most: bits > 53 ? 2n ** BigInt(bits) - 1n : 2 ** bits - 1, name: `${bits} bits` }
        return { name, count, bits, initial: initialOf(name, count, parts.initial, kind, fail), column }
      })
    const sum = fields.reduce((bits, field) => bits + field.bits, 0)
    if (sum !== of.width * 8) throw fail(`its fields have ${sum} bits, and ${of.name} has ${of.width * 8}`)
    const none = fields.find(({ bits }) => bits === 0)
    if (none !== undefined) throw fail(`${none.name} has no bits`)
    return { kind: 'bits', fields, of, column }
  }

  /** The groups of a word that stands here, and nothing that would go on with it. */
  #match(word: RegExp): Record<string, string | undefined> | null {
    word.lastIndex = this.#pos
    const match = word.exec(this.#text)
    if (match === null) return null
    const end = word.lastIndex
    ENDS.lastIndex = end
    if (!ENDS.test(this.#text)) return null
    this.#pos = end
    return match.groups ?? {}
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#pos] ?? '')) this.#pos++
  }

  #refusal(column: number, problem: string): QbpError {
    return badLayout(this.#text, column, problem)
  }
}
