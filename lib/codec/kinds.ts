// The kinds of a field's value. One row says all that codecs are made of: how its values stand on the wire, and the statements for them. A new kind is
// a new row, and one in kind-values.ts.
// https://protobuf.dev/programming-guides/encoding/#structure

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
import { floating, int32, int64, type Row, type WireType } from './kind-families.ts'
import type { Kind } from './kind-values.ts'

export { familyOf, type Kind } from './kind-values.ts'

const ROWS = {
  double: floating('', {
    wireType: 1,
    mostBytes: 8,
    read: () => 'if (pos + 8 > end) cut(); v = double(buf, pos); pos += 8',
    write: 'pos = writeDouble(buf, pos, v);',
  }),
  float: floating(' && (fround(v) - fround(v) === 0 || v - v !== 0)', {
    wireType: 5,
    mostBytes: 4,
    read: () => readFour('float(buf, pos)'),
    write: 'pos = writeFloat(buf, pos, v);',
  }),
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
  bool: {
    wireType: 0,
    mostBytes: 1,
    zero: 'false',
    read: () => 'v = buf[pos++]; if (v < 128) v = v !== 0; else { v = bool(buf, pos - 1, end); pos = at.pos }',
    check: 'v === true || v === false',
    isDefault: 'v === false',
    write: 'buf[pos++] = v ? 1 : 0;',
    writeKey: `if (key !== 'true' && key !== 'false') return -1; v = key === 'true';`,
  },
  string: {
    wireType: 2,
    mostBytes: 0,
    zero: `''`,
    read: ({ utf8 }) => `${readEnd} k = ${utf8 ? 'strictText' : 'text'}(buf, pos, v); pos = v; v = k`,
    check: `typeof v === 'string'`,
    isDefault: `v === ''`,
    write: writeString,
    writeKey: 'v = key;',
  },
  bytes: {
    wireType: 2,
    mostBytes: 0,
    zero: 'copy(buf, 0, 0)',
    read: () => `${readEnd} k = part(buf, pos, v, share); pos = v; v = k`,
    check: 'v instanceof Uint8Array',
    isDefault: 'byteLength(v) === 0',
    write: writeBytes,
    writeKey: null,
  },
  /** Of a closed enum, the codecs ask for its numbers too; its names are its fields' to know. */
  enum: {
    ...int32(false, { wireType: 0, mostBytes: 10, read: () => readVarint(), write: writeInt32 }),
    writeKey: null,
  },
  /** Read, checked and written by the codec of its type, which the compiled codecs call. */
  message: {
    wireType: 2,
    mostBytes: 0,
    zero: 'null',
    read: () => '',
    check: `typeof v === 'object'`,
    isDefault: 'false',
    write: '',
    writeKey: null,
  },
} satisfies Record<Kind, Row>

/** The rows, by kind. */
export const KINDS: Readonly<Record<Kind, Row>> = ROWS

export const wireTypeOf = (kind: Kind): WireType => KINDS[kind].wireType
export const mostBytesOf = (kind: Kind): number => KINDS[kind].mostBytes
