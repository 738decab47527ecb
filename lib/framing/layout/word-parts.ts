// What words are of: constants, counts, names and kinds; and what may be done about a word that is none.

import type { QbpError } from '../../base/errors.ts'
import { listed } from '../../base/listed.ts'
import { nearest } from '../../base/nearest.ts'
import { checksums } from '../checksums.ts'
import type { HeaderInteger, IntegerKind } from './integer-kind.ts'
import { integerKinds } from './integer-kinds.ts'
import { type ConstantWord, type Count, NAME } from './words.ts'

const NAMES = new RegExp(`^${NAME}(?:\\s*\\+\\s*${NAME})*$`)

type Fail = (problem: string) => QbpError

export function hexConstant(hex: string, column: number, fail: Fail): ConstantWord {
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

export function textConstant(text: string, column: number, fail: Fail): ConstantWord {
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

export function countOf(text: string, fail: Fail): Count {
  const [, names = '', sign = '+', number = '0'] = /^\s*(.*?)\s*(?:([+-])\s*(\d+))?\s*$/.exec(text) ?? []
  if (!NAMES.test(names)) {
    throw fail(
      `'(${text})' names no parts: it may be (rest), (frame), (body), a part's name, or a sum such as (Head+body) or (rest-4)`,
    )
  }
  return { names: names.split('+').map((name) => name.trim()), plus: Number(`${sign}${number}`) }
}

export function checkCount(name: string, count: Count | null, fail: Fail): void {
  if (count === null || name === 'length') return
  if (!checksums.has(name)) {
    throw fail(
      `'${name}(…)': only length counts something else than the body, and checksums (${listed([...checksums.keys()])}) cover something`,
    )
  }
  if (count.plus !== 0) throw fail('a checksum covers whole parts')
}

/** What a field of one's own is written as where nothing is given. */
export function initialOf(
  name: string,
  count: Count | null,
  text: string,
  kind: Pick<IntegerKind, 'least' | 'most' | 'name'>,
  fail: Fail,
): HeaderInteger {
  if (name === 'length' || name === 'type' || count !== null)
    throw fail(`${name} is written as it is: only a field of your own has a value to begin with`)
  const value = BigInt(text)
  if (value < kind.least || value > kind.most)
    throw fail(`${name}=${text} does not fit ${kind.name}, which holds integers of ${kind.least} to ${kind.most}`)
  return typeof kind.most === 'bigint' ? value : Number(value)
}

export function checkName(name: string, fail: Fail): string {
  if (name in Object.prototype) throw fail(`a field cannot be called ${name}, which every object has`)
  return name
}

export function kindOf(text: string, fail: Fail): IntegerKind {
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
export function remedy(word: string): string {
  const found = `'${word}' is neither a constant nor a field`
  if (word.includes(',')) return `${found}: parts are separated by spaces alone`
  if (word.startsWith('{')) return `${found}: a section is a message's name in braces, {RpcMeta}`
  if (word.startsWith('[')) return `${found}: bits are [name:bits name:bits]:kind, such as [version:4 length:28]:u32`
  if (word.startsWith('"')) return `${found}: its quotes are not closed`
  if (/^\w+$/.test(word)) return `${found}: a field has a kind, such as ${/^[a-z]/i.test(word) ? word : 'length'}:u32`
  return found
}
