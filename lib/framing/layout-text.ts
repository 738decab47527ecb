// The text of a header layout, to its words. Which sizes it determines, and whether it does, is for layout.ts.
//
//   layout   = [ part* "|" ] part*                       what stands before the bar is sent once, before the first frame
//   part     = constant | integer | bits | section | "body" | bytes | checksum | place | group
//   constant = "0x" hex-digit* | '"' text '"'
//   integer  = name [ "(" count ")" ] ":" kind           kinds: integer-kinds.ts; only a length has a count
//   bits     = "[" ( name [ "(" count ")" ] ":" number )* "]:" kind
//   section  = "{" message-name "}"
//   bytes    = name ":bytes" [ "(" number ")" ]
//   checksum = ( "crc32" | … ) "(" count ")" ":" kind    checksums.ts
//   place    = ( "length" [ "(" count ")" ] | "type" ) "=" message-name "." field-name ( "." field-name )*
//   group    = "(" part* ")?"
//   count    = name ( "+" name )* [ ( "+" | "-" ) number ]

import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { nearest } from '../base/nearest.ts'
import { checksums } from './checksums.ts'
import { type IntegerKind, integerKinds } from './integer-kinds.ts'

/** What a length counts or a checksum covers: parts by their names, or `body`, `rest` or `frame`; and a number beside them. */
export interface Count {
  readonly names: readonly string[]
  readonly plus: number
}

interface Named {
  readonly name: string
  /** Null where the layout says nothing. */
  readonly count: Count | null
  /** Where it stands in the text, counted from 0. */
  readonly column: number
}

export interface ConstantWord {
  readonly kind: 'constant'
  readonly text: string
  readonly bytes: readonly number[]
  readonly column: number
}
export interface IntegerWord extends Named {
  readonly kind: 'integer'
  readonly of: IntegerKind
}
export interface BitsWord {
  readonly kind: 'bits'
  /** The most significant first. */
  readonly fields: readonly (Named & { readonly bits: number })[]
  readonly of: IntegerKind
  readonly column: number
}
export interface SectionWord {
  readonly kind: 'section'
  readonly name: string
  readonly column: number
}
export interface BodyWord {
  readonly kind: 'body'
  readonly name: 'body'
  readonly column: number
}
export interface BytesWord {
  readonly kind: 'bytes'
  readonly name: string
  /** Null where something else says how many there are. */
  readonly size: number | null
  readonly column: number
}
export interface PlaceWord extends Named {
  readonly kind: 'place'
  readonly section: string
  readonly path: readonly string[]
}
export interface GroupWord {
  readonly kind: 'group'
  readonly words: readonly Word[]
  readonly column: number
}

export type Word = ConstantWord | IntegerWord | BitsWord | SectionWord | BodyWord | BytesWord | PlaceWord | GroupWord

/** A layout's two rows. */
export interface Words {
  /** The layout with single spaces. */
  readonly text: string
  /** What stands before the bar, or null. */
  readonly preamble: readonly Word[] | null
  readonly frame: readonly Word[]
}

const SYNTAX =
  'A layout is a row of constants (0xcafe, "text") and of fields, name:kind, such as \'type:u16 length:u32\'; the kinds are ' +
  `${[...integerKinds.keys()].join(', ')}; docs/headers.md has all parts.`

/** Why a layout is refused, at a column that is counted from 0 here and in `offset`, and from 1 in the text. */
export function badLayout(layout: string, column: number, problem: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The header layout '${layout}' is wrong at column ${column + 1}: ${problem}. ${SYNTAX}`,
    { offset: column },
  )
}

const NAME = '[A-Za-z_]\\w*'
const COUNT = `\\((?<count>[^()]*)\\)`
const WORDS = {
  constant: /0x(?<hex>\w*)/y,
  text: /"(?<text>(?:[^"\\]|\\.)*)"/y,
  section: new RegExp(`\\{\\s*(?<section>${NAME}(?:\\.${NAME})*)\\s*\\}`, 'y'),
  bits: /\[(?<cells>[^\]]*)\]:(?<of>\w+)/y,
  bytes: new RegExp(`(?<name>${NAME}):bytes\\b(?:\\((?<size>\\d*)\\))?`, 'y'),
  place: new RegExp(`(?<name>length|type)(?:${COUNT})?=(?<section>${NAME})(?<path>(?:\\.${NAME})+)`, 'y'),
  integer: new RegExp(`(?<name>${NAME})(?:${COUNT})?:(?<of>\\w+)`, 'y'),
  body: /body\b/y,
}
const CELL = new RegExp(`^(?<name>${NAME})(?:${COUNT})?:(?<bits>\\d+)$`)
const NAMES = new RegExp(`^${NAME}(?:\\s*\\+\\s*${NAME})*$`)
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
      return { kind: 'integer', name: checkName(name, fail), count, of, column }
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
        return { name, count, bits: Number(parts.bits), column }
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

type Fail = (problem: string) => QbpError

function hexConstant(hex: string, column: number, fail: Fail): ConstantWord {
  if (!/^[\da-fA-F]*$/.test(hex))
    throw fail(`0x${hex} is neither a constant nor a field: it has other characters than 0 to f`)
  if (hex.length === 0 || hex.length % 2 === 1) throw fail(`the constant 0x${hex} is no whole number of bytes`)
  return {
    kind: 'constant',
    text: `0x${hex}`,
    bytes: hex.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [],
    column,
  }
}

function textConstant(text: string, column: number, fail: Fail): ConstantWord {
  if (text === '') throw fail('a constant has at least one byte')
  if (!/^[ -~]*$/.test(text) || text.includes('\\')) {
    throw fail('text in quotes is of printable ASCII characters without a backslash: give other bytes in hex, 0x0a')
  }
  return {
    kind: 'constant',
    text: `"${text}"`,
    bytes: Array.from(text, (character) => character.charCodeAt(0)),
    column,
  }
}

function countOf(text: string, fail: Fail): Count {
  const [, names = '', sign = '+', number = '0'] = /^\s*(.*?)\s*(?:([+-])\s*(\d+))?\s*$/.exec(text) ?? []
  if (!NAMES.test(names)) {
    throw fail(
      `'(${text})' names no parts: it may be (rest), (frame), (body), a part's name, or a sum such as (Head+body) or (rest-4)`,
    )
  }
  return { names: names.split('+').map((name) => name.trim()), plus: Number(`${sign}${number}`) }
}

function checkCount(name: string, count: Count | null, fail: Fail): void {
  if (count === null || name === 'length') return
  if (!checksums.has(name)) {
    throw fail(
      `'${name}(…)': only length counts something else than the body, and checksums (${listed([...checksums.keys()])}) cover something`,
    )
  }
  if (count.plus !== 0) throw fail('a checksum covers whole parts')
}

function checkName(name: string, fail: Fail): string {
  if (name in Object.prototype) throw fail(`a field cannot be called ${name}, which every object has`)
  return name
}

function kindOf(text: string, fail: Fail): IntegerKind {
  const kind = integerKinds.get(text)
  if (kind !== undefined) return kind
  const [, sign, bits, order = ''] = /^(u|uint|int|i|s)_?(8|16|24|32|64)(?:_t)?_?(le|be)?$/i.exec(text) ?? []
  const near = `u${bits}${bits === '8' || order.toLowerCase() !== 'le' ? '' : 'le'}`
  if (text.toLowerCase() === 'u8le' || text.toLowerCase() === 'u8be') throw fail('u8 is one byte: it has no order')
  if (order.toLowerCase() === 'be') throw fail(`'${text}' is neither a constant nor a kind: big-endian is ${near}`)
  const meant = bits !== undefined && sign !== undefined ? near : nearest(text, [...integerKinds.keys(), 'bytes'])
  throw fail(
    `'${text}' is neither a constant nor a field's kind${meant === undefined ? '' : `: did you mean ${meant}?`}`,
  )
}

/** What may be done about a word that is none. */
function remedy(word: string): string {
  const found = `'${word}' is neither a constant nor a field`
  if (word.includes(',')) return `${found}: parts are separated by spaces alone`
  if (word.startsWith('{')) return `${found}: a section is a message's name in braces, {RpcMeta}`
  if (word.startsWith('[')) return `${found}: bits are [name:bits name:bits]:kind, such as [version:4 length:28]:u32`
  if (word.startsWith('"')) return `${found}: its quotes are not closed`
  if (/^\w+$/.test(word)) return `${found}: a field has a kind, such as ${/^[a-z]/i.test(word) ? word : 'length'}:u32`
  return found
}
