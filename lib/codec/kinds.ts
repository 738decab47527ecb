// The kinds of a field's value. One row says all that differs from kind to kind: how its values stand on the wire, what they
// are in JavaScript, and the statements that the compiled codecs have for them. A new kind is a new row.
// https://protobuf.dev/programming-guides/encoding/#structure

import { isBytes, ownBytes } from './bytes.ts'
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

interface Row {
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

/** Makes room for what follows. */
export const makeRoom = (size: number | string): string =>
  `if (pos + ${size} > buf.length) buf = output.grow(pos, ${size});`

// ---- reading. Two bytes of a varint are taken in place, for most that have more than one have no more than two.

const readVarint = (then = '') =>
  `v = buf[pos++]; if (!(v < 128)) { k = buf[pos]; if (k < 128) { v = v & 127 | k << 7; pos++ } else { v = varint32(buf, pos - 1, end); pos = at.pos } }${then}`
const readVarint64 = (make: string) =>
  `v = buf[pos++]; if (v < 128) v = ${make}(v, 0); else { varint64(buf, pos - 1, end); pos = at.pos; v = ${make}(at.lo, at.hi) }`
const readEight = (make: string) =>
  `if (pos + 8 > end) cut(); v = ${make}(fixed32(buf, pos), fixed32(buf, pos + 4)); pos += 8`
const readFour = (value: string) => `if (pos + 4 > end) cut(); v = ${value}; pos += 4`

/** Statements that leave where a length-prefixed value ends in `v`. */
export const readEnd = `v = buf[pos++]; if (!(v < 128)) { v = size(buf, pos - 1, end); pos = at.pos } v += pos; if (!(v <= end)) cut();`

// ---- writing

/** Writes a uint32 in `v`: most that take more than one byte take two. */
const writeVarint =
  'if (v < 128) buf[pos++] = v; else if (v < 16384) { buf[pos++] = v & 127 | 128; buf[pos++] = v >>> 7 } else pos = writeVarint32(buf, pos, v);'
const writeInt32 = `if (v >= 0) { ${writeVarint} } else pos = writeVarint64(buf, pos, v, -1);`
const writeEight = 'n = at.hi; pos = writeFixed32(buf, writeFixed32(buf, pos, at.lo), n);'
/** Up to 42 characters the length takes one byte, whatever they are. */
const writeString = `n = v.length; if (n < 43) { ${makeRoom('n * 3 + 11')} mark = pos++; pos = writeText(buf, pos, v); if (pos < 0) return -1; buf[mark] = pos - mark - 1 }
  else { n = textLength(v); ${makeRoom('n + 16')} pos = writeText(buf, writeVarint32(buf, pos, n), v); if (pos < 0) return -1 }`
const writeBytes = `n = byteLength(v); ${makeRoom('n + 16')} pos = writeVarint32(buf, pos, n); if (n < 24) { for (let i = 0; i < n; i++) buf[pos++] = v[i] } else { buf.set(v, pos); pos += n }`

// ---- families

const isUnsigned = (value: number): boolean => value >>> 0 === value
const isSigned = (value: number): boolean => (value | 0) === value

/** An integer that may stand in decimal text or as a bigint; NaN for anything else. */
function integer(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : Number.NaN
}

type Wire = Pick<Row, 'wireType' | 'mostBytes' | 'read' | 'write'>

function int32(unsigned: boolean, wire: Wire): Row {
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

function int64(unsigned: boolean, wire: Wire): Row {
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
function scalar(row: Omit<Row, 'coerce' | 'unsigned'>, is: (value: unknown) => boolean): Row {
  return { ...row, unsigned: false, coerce: (value) => (is(value) ? value : undefined) }
}

function floating(allowed: string, check: string, is: (value: number) => boolean, wire: Wire): Row {
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

const ROWS = {
  double: floating('a number', '', () => true, {
    wireType: 1,
    mostBytes: 8,
    read: () => 'if (pos + 8 > end) cut(); v = double(buf, pos); pos += 8',
    write: 'pos = writeDouble(buf, pos, v);',
  }),
  // A number that only a double can hold would arrive as an infinity.
  float: floating(
    'a number that a float can hold, at most 3.4028235e38',
    ' && (fround(v) - fround(v) === 0 || v - v !== 0)',
    (value) => !Number.isFinite(value) || Number.isFinite(Math.fround(value)),
    { wireType: 5, mostBytes: 4, read: () => readFour('float(buf, pos)'), write: 'pos = writeFloat(buf, pos, v);' },
  ),
  int32: int32(false, { wireType: 0, mostBytes: 10, read: () => readVarint(), write: writeInt32 }),
  uint32: int32(true, { wireType: 0, mostBytes: 5, read: () => readVarint(' v >>>= 0'), write: writeVarint }),
  sint32: int32(false, {
    wireType: 0,
    mostBytes: 5,
    read: () => readVarint(' v = v >>> 1 ^ -(v & 1)'),
    write: `v = (v << 1 ^ v >> 31) >>> 0; ${writeVarint}`,
  }),
  fixed32: int32(true, {
    wireType: 5,
    mostBytes: 4,
    read: () => readFour('fixed32(buf, pos) >>> 0'),
    write: 'pos = writeFixed32(buf, pos, v);',
  }),
  sfixed32: int32(false, {
    wireType: 5,
    mostBytes: 4,
    read: () => readFour('fixed32(buf, pos)'),
    write: 'pos = writeFixed32(buf, pos, v);',
  }),
  int64: int64(false, {
    wireType: 0,
    mostBytes: 10,
    read: ({ signed }) => readVarint64(signed),
    write: 'pos = writeVarint64(buf, pos, at.lo, at.hi);',
  }),
  uint64: int64(true, {
    wireType: 0,
    mostBytes: 10,
    read: ({ unsigned }) => readVarint64(unsigned),
    write: 'pos = writeVarint64(buf, pos, at.lo, at.hi);',
  }),
  sint64: int64(false, {
    wireType: 0,
    mostBytes: 10,
    read: ({ signed }) => `varint64(buf, pos, end); pos = at.pos; unzigzag64(); v = ${signed}(at.lo, at.hi)`,
    write: 'n = at.hi >> 31; pos = writeVarint64(buf, pos, at.lo << 1 ^ n, (at.hi << 1 | at.lo >>> 31) ^ n);',
  }),
  fixed64: int64(true, { wireType: 1, mostBytes: 8, read: ({ unsigned }) => readEight(unsigned), write: writeEight }),
  sfixed64: int64(false, { wireType: 1, mostBytes: 8, read: ({ signed }) => readEight(signed), write: writeEight }),
  bool: scalar(
    {
      family: 'bool',
      wireType: 0,
      mostBytes: 1,
      zero: 'false',
      read: () => 'v = buf[pos++]; if (v < 128) v = v !== 0; else { v = bool(buf, pos - 1, end); pos = at.pos }',
      check: 'v === true || v === false',
      isDefault: 'v === false',
      write: 'buf[pos++] = v ? 1 : 0;',
      key: {
        write: `if (key !== 'true' && key !== 'false') return -1; v = key === 'true';`,
        is: (text) => text === 'true' || text === 'false',
      },
      allowed: 'true or false',
    },
    (value) => typeof value === 'boolean',
  ),
  string: scalar(
    {
      family: 'string',
      wireType: 2,
      mostBytes: 0,
      zero: `''`,
      read: ({ utf8 }) => `${readEnd} k = ${utf8 ? 'strictText' : 'text'}(buf, pos, v); pos = v; v = k`,
      check: `typeof v === 'string'`,
      isDefault: `v === ''`,
      write: writeString,
      key: { write: 'v = key;', is: (text) => text.isWellFormed() },
      allowed: 'a string',
    },
    (value) => typeof value === 'string',
  ),
  bytes: {
    family: 'bytes',
    unsigned: false,
    wireType: 2,
    mostBytes: 0,
    zero: 'copy(buf, 0, 0)',
    read: () => `${readEnd} k = share ? buf.subarray(pos, v) : copy(buf, pos, v); pos = v; v = k`,
    check: 'v instanceof Uint8Array',
    isDefault: 'byteLength(v) === 0',
    write: writeBytes,
    key: null,
    // One of another realm is no instance.
    coerce: (value) => (isBytes(value) ? ownBytes(value) : undefined),
    allowed: 'a Uint8Array or Buffer',
  },
  /** Of a closed enum, the codecs ask for its numbers too; its names are its fields' to know. */
  enum: {
    ...int32(false, { wireType: 0, mostBytes: 10, read: () => readVarint(), write: writeInt32 }),
    family: 'enum',
    key: null,
  },
  /** Read, checked and written by the codec of its type, which the compiled codecs call. */
  message: scalar(
    {
      family: 'message',
      wireType: 2,
      mostBytes: 0,
      zero: 'null',
      read: () => '',
      check: `typeof v === 'object'`,
      isDefault: 'false',
      write: '',
      key: null,
      allowed: 'a message',
    },
    () => false,
  ),
} satisfies Record<string, Row>

/** The kinds, by their names in a .proto; every enum and every message is of one kind. */
export type Kind = keyof typeof ROWS

/** The rows, by kind. */
export const KINDS: Readonly<Record<Kind, Row>> = ROWS

export const wireTypeOf = (kind: Kind): WireType => KINDS[kind].wireType
export const mostBytesOf = (kind: Kind): number => KINDS[kind].mostBytes
export const familyOf = (kind: Kind): Family => KINDS[kind].family
