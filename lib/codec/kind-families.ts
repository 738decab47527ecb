// What kinds have in common: the kinds of one family differ by how their values stand on the wire.

import { split, splitKey } from './int64.ts'

/** What a kind's values are in JavaScript. An `int64` is a bigint, a number or a Long, as its protocol has it. */
export type Family = 'int32' | 'int64' | 'float' | 'bool' | 'string' | 'bytes' | 'enum' | 'message'

/** 0 varint, 1 eight bytes, 2 length-prefixed, 5 four bytes. A message that is a group has 3 where it begins and 4 where it ends. */
export type WireType = 0 | 1 | 2 | 5

/** How a value is read: what of it differs from field to field. */
export interface Reading {
  /** Text must be UTF-8, or else the body is malformed. */
  utf8: boolean
  /** The functions that make a 64-bit value of its two halves, by their names in the generated code. */
  signed: string
  unsigned: string
}

export interface Row {
  readonly family: Family
  readonly wireType: WireType
  /** An integer from 0. */
  readonly unsigned: boolean
  /** The most bytes that a value takes, or 0 where that depends on the value. */
  readonly mostBytes: number
  /** The default, as generated code has it. */
  readonly zero: string
  /**
   * Statements that leave a value in `v`, and `pos` after it. `pos` may pass `end` by reading a byte that is not the field's:
   * the loop's end finds out. Only where bytes are taken in bulk is the end checked at once.
   */
  read(reading: Reading): string
  /** The condition that `v` encodes exactly as it stands. A 64-bit integer is split into `at` by it. */
  readonly check: string
  /** The condition that `v`, checked, is the default. */
  readonly isDefault: string
  /** Statements that write `v`, checked. Where the size has no bound they make room, for a tag that may follow, too. */
  readonly write: string
  /** As a map's key, which JavaScript has as text: statements that leave it in `v` (or `at`), and whether a text is one. Null: cannot be a key. */
  readonly key: { readonly write: string; is(text: string): boolean } | null
  /** What encodes as it stands, of a value that means the same; undefined if there is none. */
  coerce(value: unknown): unknown
  /** What may be given, for an error. */
  readonly allowed: string
}

const isUnsigned = (value: number): boolean => value >>> 0 === value
const isSigned = (value: number): boolean => (value | 0) === value

/** An integer that may stand in decimal text or as a bigint; NaN for anything else. */
function integer(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : Number.NaN
}

/** How a value stands on the wire. */
type Wire = Pick<Row, 'wireType' | 'mostBytes' | 'read' | 'write'>

export function int32(unsigned: boolean, wire: Wire): Row {
  const fits = unsigned ? isUnsigned : isSigned
  const check = unsigned ? 'v >>> 0 === v' : '(v | 0) === v'
  return {
    ...wire,
    family: 'int32',
    unsigned,
    zero: '0',
    check,
    isDefault: 'v === 0',
    key: {
      write: `v = integerKey(key); if (!(${check})) return -1;`,
      is: (text) => String(Number(text)) === text && fits(Number(text)),
    },
    coerce(value) {
      const number = Number(integer(value))
      return fits(number) ? number : undefined
    },
    allowed: unsigned ? 'an integer of 0 to 4294967295' : 'an integer of -2147483648 to 2147483647',
  }
}

export function int64(unsigned: boolean, wire: Wire): Row {
  return {
    ...wire,
    family: 'int64',
    unsigned,
    zero: unsigned ? 'unsigned(0, 0)' : 'signed(0, 0)',
    check: `split(v, ${unsigned})`,
    isDefault: '(at.lo | at.hi) === 0',
    key: {
      write: `if (!splitKey(key, ${unsigned})) return -1;`,
      is: (text) => splitKey(text, unsigned),
    },
    coerce(value) {
      const long = typeof value === 'string' ? integer(value) : value
      return split(long, unsigned) ? long : undefined
    },
    allowed: `${unsigned ? 'an integer of 0 to 2**64 - 1' : 'an integer of -2**63 to 2**63 - 1'}, as a number, bigint, Long or decimal text`,
  }
}

/** What is taken as it stands or not at all. */
export function scalar(row: Omit<Row, 'coerce' | 'unsigned'>, is: (value: unknown) => boolean): Row {
  return { ...row, unsigned: false, coerce: (value) => (is(value) ? value : undefined) }
}

export function floating(allowed: string, check: string, is: (value: number) => boolean, wire: Wire): Row {
  return scalar(
    {
      ...wire,
      family: 'float',
      zero: '0',
      check: `typeof v === 'number'${check}`,
      isDefault: 'Object.is(v, 0)',
      key: null,
      allowed,
    },
    (value) => typeof value === 'number' && is(value),
  )
}
