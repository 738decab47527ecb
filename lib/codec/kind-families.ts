// What kinds have in common: the kinds of one family differ by how their values stand on the wire.

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
  readonly wireType: WireType
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
  /** As a map's key, which JavaScript has as text: statements that leave it in `v` (or `at`). Null: cannot be a key. */
  readonly writeKey: string | null
}

/** How a value stands on the wire. */
type Wire = Pick<Row, 'wireType' | 'mostBytes' | 'read' | 'write'>

export function int32(unsigned: boolean, wire: Wire): Row {
  const check = unsigned ? 'v >>> 0 === v' : '(v | 0) === v'
  return {
    ...wire,
    zero: '0',
    check,
    isDefault: 'v === 0',
    writeKey: `v = integerKey(key); if (!(${check})) return -1;`,
  }
}

export function int64(unsigned: boolean, wire: Wire): Row {
  return {
    ...wire,
    zero: unsigned ? 'unsigned(0, 0)' : 'signed(0, 0)',
    check: `split(v, ${unsigned})`,
    isDefault: '(at.lo | at.hi) === 0',
    writeKey: `if (!splitKey(key, ${unsigned})) return -1;`,
  }
}

/** @param check what must hold beside that it is a number. */
export function floating(check: string, wire: Wire): Row {
  return { ...wire, zero: '0', check: `typeof v === 'number'${check}`, isDefault: 'Object.is(v, 0)', writeKey: null }
}
