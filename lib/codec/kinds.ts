// The kinds of a field's value. One row says all that differs from kind to kind: how its values stand on the wire, what they
// are in JavaScript, and the statements that the compiled codecs have for them. A new kind is a new row.
// https://protobuf.dev/programming-guides/encoding/#structure

import { isBytes, ownBytes } from './bytes.ts'
import {
  readEight,
  readEnd,
  readFour,
  readVarint,
  readVarint64,
  writeBytes,
  writeEight,
  writeInt32,
  writeString,
  writeVarint,
} from './kind-code.ts'
import { type Family, floating, int32, int64, type Row, scalar, type WireType } from './kind-families.ts'

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
    read: () => `${readEnd} k = part(buf, pos, v, share); pos = v; v = k`,
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
