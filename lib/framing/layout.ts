// The text of a header layout: a row of fields and constants, in wire order.

import { QbpError } from '../base/errors.ts'
import { type IntegerKind, integerKinds } from './integer-kinds.ts'

/** Bytes that stand in every header. */
export interface Constant {
  readonly kind: 'constant'
  /** As the layout has it: `0xcafe`. */
  readonly text: string
  readonly bytes: readonly number[]
}

/** A number in the header: its type, its length, or a field of the layout's own. */
export interface Integer {
  readonly kind: 'integer'
  readonly name: string
  /** What a length counts: the body, every byte after the length, or the whole frame. */
  readonly counts: 'body' | 'rest' | 'frame'
  readonly of: IntegerKind
}

export type Token = Constant | Integer

const TOKEN = /^(?:0x(?<hex>[\da-fA-F]*)|(?<name>[A-Za-z_]\w*)(?:\((?<counts>[^)]*)\))?:(?<of>\w+))$/
const SYNTAX =
  'A layout is a row of constants (0x56543031) and of fields, name:kind, where kind is ' +
  `${[...integerKinds.keys()].join(', ')}. One of the fields is length, length(rest) or length(frame)`

/**
 * The tokens of a layout, in wire order.
 *
 * @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column of the fault, counted from 1 in the message, from 0 as `offset`.
 */
export function parseLayout(layout: string): Token[] {
  if (typeof layout !== 'string') throw new QbpError('ERR_QBP_BAD_LAYOUT', `The header layout is no text. ${SYNTAX}.`)
  const tokens: Token[] = []
  const columns = new Map<string, number>()
  for (const { 0: word, index: column } of layout.matchAll(/\S+/g)) {
    const fail = (problem: string) => refusal(layout, problem, column)
    const parts = TOKEN.exec(word)?.groups
    if (parts === undefined) throw fail(`'${word}' is neither a constant nor a field`)
    const { hex, name, counts, of } = parts
    if (hex !== undefined) {
      if (hex.length === 0 || hex.length % 2 === 1) throw fail(`the constant ${word} is no whole number of bytes`)
      const bytes = hex.match(/../g)?.map((digits) => Number.parseInt(digits, 16)) ?? []
      tokens.push({ kind: 'constant', text: word, bytes })
      continue
    }
    if (name === undefined || of === undefined) continue
    const kind = integerKinds.get(of)
    if (kind === undefined)
      throw fail(of === 'u8le' ? 'u8 is one byte: it has no order' : `'${word}' is neither a constant nor a field`)
    const first = columns.get(name)
    if (first !== undefined) throw fail(`there is a second ${name}, after the one at column ${first + 1}`)
    if (name in Object.prototype) throw fail(`a field cannot be called ${name}, which every object has`)
    columns.set(name, column)
    if (counts !== undefined && (name !== 'length' || !['rest', 'frame'].includes(counts))) {
      throw fail(`'${word}': only length counts something else than the body, and that is (rest) or (frame)`)
    }
    tokens.push({ kind: 'integer', name, counts: (counts ?? 'body') as Integer['counts'], of: kind })
  }
  if (!columns.has('length')) throw refusal(layout, 'it has no length', layout.length)
  return tokens
}

function refusal(layout: string, problem: string, column: number): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The header layout '${layout}' is wrong at column ${column + 1}: ${problem}. ${SYNTAX}.`,
    { offset: column },
  )
}

/** Bytes that a token takes, or undefined where they vary. */
export const fixedWidth = (token: Token): number | undefined =>
  token.kind === 'constant' ? token.bytes.length : token.of.width

/** The most bytes that a token takes. */
export const maxWidth = (token: Token): number => (token.kind === 'constant' ? token.bytes.length : token.of.maxWidth)

/** The one length of a layout. */
export const lengthOf = (tokens: readonly Token[]): Integer =>
  tokens.find((token): token is Integer => token.kind === 'integer' && token.name === 'length') as Integer
