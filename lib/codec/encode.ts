// Messages to bodies, checked while they are written. Each Type gets a function of its own, compiled from its fields. One
// pass over the message's keys says which fields are there and that nothing else is; then the fields are written in the
// order of their numbers, each value checked as it goes by. A value that does not encode exactly as it stands ends the
// attempt with -1: convert.ts then finds what it may be converted to, or what is wrong with it and where.

import { compile } from '../base/compile.ts'
import { split, splitKey } from './int64.ts'
import { type Kind, mostBytesOf, wireTypeOf } from './kinds.ts'
import * as text from './text.ts'
import { type Encode, type Field, Message, type Output, type Type } from './type.ts'
import * as wire from './wire.ts'
import { MAX_DEPTH, UNKNOWN } from './wire.ts'

/** Keys that are Qbp's own and never a field's: a field's name cannot begin with $. */
const OWN_KEYS = ['$name', '$header']

/** Keys of a message are told apart by bits, 30 to a number. */
const BITS = 30

/**
 * Compiles the encoder of a Type. Those of its fields' types follow when they are first needed.
 *
 * A property is read before the prototype is: V8 then knows what kinds of objects come by, and their prototype, which
 * else is asked for in C++.
 */
export function encoder(type: Type): Encode {
  const words = Array.from({ length: Math.ceil(type.fields.length / BITS) }, (_, i) => `has${i}`)
  const bit = (i: number) => 1 << (i % BITS)
  const has = (i: number) => `(has${Math.floor(i / BITS)} & ${bit(i)})`
  const keyCases = type.fields.map(
    (field, i) => `case ${quote(field.name)}: has${Math.floor(i / BITS)} |= ${bit(i)}; break`,
  )
  const missing = type.fields.flatMap((field, i) => (field.required ? [`${has(i)} === 0`] : []))
  const oneofs = [...new Set(type.fields.map((field) => field.oneof))].filter((name) => name !== null)
  const setOf = (name: string) => type.fields.flatMap((field, i) => (field.oneof === name ? [`(${has(i)} !== 0)`] : []))
  const twoOf = oneofs.map((name) => `${setOf(name).join(' + ')} > 1`)
  const source = `(m, output, pos, depth) => {
    if (depth > ${MAX_DEPTH}) return -1
    const unknown = m[UNKNOWN]
    if (Object.getPrototypeOf(m) !== Object.prototype && !isPlain(m)) return -1
    let ${[...words, '_'].map((word) => `${word} = 0`).join(', ')}, v, n, mark
    for (const key in m) switch (key) {
      ${OWN_KEYS.map((key) => `case ${quote(key)}:`).join(' ')} break
      ${keyCases.join('\n')}
      default: return -1
    }
    ${[...missing, ...twoOf].map((fault) => `if (${fault}) return -1`).join('\n')}
    let buf = output.buf
    ${type.fields.map((field, i) => writeField(field, i, has(i), room(type.fields, i))).join('\n')}
    if (unknown !== undefined) {
      if (pos + unknown.length > buf.length) buf = output.grow(pos, unknown.length)
      pos = writeLatin1(buf, pos, unknown)
    }
    return pos
  }`
  return compile(source, {
    ...wire,
    ...text,
    split,
    splitKey,
    isPlain,
    isPlainMap,
    widen,
    integerKey,
    at: wire.at,
    UNKNOWN,
    fround: Math.fround,
    ...Object.fromEntries(type.fields.map((field, i) => [`t${i}`, field.message])),
    ...Object.fromEntries(type.fields.map((field, i) => [`e${i}`, field.enum?.names])),
  })
}

const quote = (text: string): string => JSON.stringify(text)
const isFixed = (field: Field): boolean => !field.repeated && field.key === null && mostBytesOf(field.kind) > 0

/** A run of fields whose size has a bound asks for room once, where it begins. */
function room(fields: readonly Field[], i: number): number {
  const field = fields[i]
  if (field === undefined || !isFixed(field)) return 0
  const before = fields[i - 1]
  if (before !== undefined && isFixed(before)) return 0
  let most = 0
  for (let j = i; j < fields.length && isFixed(fields[j] as Field); j++)
    most += 5 + mostBytesOf((fields[j] as Field).kind)
  return most
}

const makeRoom = (size: number | string): string => `if (pos + ${size} > buf.length) buf = output.grow(pos, ${size});`

/** Statements that write a number known now, as a varint. */
function writeTag(tag: number): string {
  let text = ''
  for (tag >>>= 0; tag > 127; tag >>>= 7) text += `buf[pos++] = ${(tag & 127) | 128}; `
  return `${text}buf[pos++] = ${tag};`
}

function writeField(field: Field, i: number, has: string, roomForRun: number): string {
  const before = roomForRun > 0 ? `${makeRoom(roomForRun)}\n` : ''
  const value = `v = m[${quote(field.name)}]`
  return `${before}if (${has} !== 0 && (${value}) !== null && v !== undefined) { ${
    field.key !== null ? writeMap(field, field.key, i) : field.repeated ? writeList(field, i) : writeSingle(field, i)
  } }${field.required ? ' else return -1' : ''}`
}

const tagOf = (field: Field, wireType = field.group ? 3 : wireTypeOf(field.kind)): string =>
  writeTag((field.id << 3) | wireType)

function writeSingle(field: Field, i: number): string {
  const { kind } = field
  const write = `${isFixed(field) ? '' : makeRoom(11)} ${tagOf(field)} ${writeValue(field, i)}`
  if (field.presence || field.required || kind === 'message') return `${check(field, i)} ${write}`
  // Without presence a default is not sent.
  let isDefault: string
  if (kind === 'bytes') isDefault = 'v.length === 0'
  else if (kind === 'float' || kind === 'double') isDefault = 'Object.is(v, 0)'
  else if (kind.endsWith('64')) isDefault = '(at.lo | at.hi) === 0'
  else isDefault = `v === ${quote(field.initial as string)}`
  return `${check(field, i)} if (!(${isDefault})) { ${write} }`
}

/** Ends the attempt unless the value in `v` can stand as it is. A 64-bit integer is split into `at`. */
function check({ kind, enum: values }: Pick<Field, 'kind' | 'enum'>, i: number): string {
  const unless = (condition: string) => `if (!(${condition})) return -1;`
  switch (kind) {
    case 'double':
      return unless(`typeof v === 'number'`)
    case 'float': // A number that only a double can hold would arrive as an infinity.
      return unless(`typeof v === 'number' && (fround(v) - fround(v) === 0 || v - v !== 0)`)
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return unless('(v | 0) === v')
    case 'enum':
      return unless(values?.closed ? `e${i}.has(v)` : '(v | 0) === v')
    case 'uint32':
    case 'fixed32':
      return unless('v >>> 0 === v')
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return unless('split(v, false)')
    case 'uint64':
    case 'fixed64':
      return unless('split(v, true)')
    case 'bool':
      return unless('v === true || v === false')
    case 'string':
      return unless(`typeof v === 'string'`)
    case 'bytes':
      return unless('v instanceof Uint8Array')
    case 'message':
      return unless(`typeof v === 'object'`)
  }
}

/** Writes a uint32 in `v`: most that take more than one byte take two. */
const writeVarint =
  'if (v < 128) buf[pos++] = v; else if (v < 16384) { buf[pos++] = v & 127 | 128; buf[pos++] = v >>> 7 } else pos = writeVarint32(buf, pos, v);'

/** Writes the checked value in `v`; for what has no bound, room is made here, for a tag that may follow too. */
function writeValue({ kind, id, group }: Field, i: number): string {
  switch (kind) {
    case 'double':
      return 'pos = writeDouble(buf, pos, v);'
    case 'float':
      return 'pos = writeFloat(buf, pos, v);'
    case 'int32':
    case 'enum':
      return `if (v >= 0) { ${writeVarint} } else pos = writeVarint64(buf, pos, v, -1);`
    case 'uint32':
      return writeVarint
    case 'sint32':
      return `v = (v << 1 ^ v >> 31) >>> 0; ${writeVarint}`
    case 'fixed32':
    case 'sfixed32':
      return 'pos = writeFixed32(buf, pos, v);'
    case 'int64':
    case 'uint64':
      return 'pos = writeVarint64(buf, pos, at.lo, at.hi);'
    case 'sint64':
      return 'n = at.hi >> 31; pos = writeVarint64(buf, pos, at.lo << 1 ^ n, (at.hi << 1 | at.lo >>> 31) ^ n);'
    case 'fixed64':
    case 'sfixed64':
      return 'n = at.hi; pos = writeFixed32(buf, writeFixed32(buf, pos, at.lo), n);'
    case 'bool':
      return 'buf[pos++] = v ? 1 : 0;'
    case 'string': // Up to 42 characters the length takes one byte, whatever they are.
      return `n = v.length; if (n < 43) { ${makeRoom('n * 3 + 11')} mark = pos++; pos = writeText(buf, pos, v); if (pos < 0) return -1; buf[mark] = pos - mark - 1 }
        else { n = textLength(v); ${makeRoom('n + 16')} pos = writeText(buf, writeVarint32(buf, pos, n), v); if (pos < 0) return -1 }`
    case 'bytes':
      return `n = v.length; ${makeRoom('n + 16')} pos = writeVarint32(buf, pos, n); if (n < 24) { for (let i = 0; i < n; i++) buf[pos++] = v[i] } else { buf.set(v, pos); pos += n }`
    case 'message':
      return group
        ? `pos = t${i}.encode(v, output, pos, depth + 1); if (pos < 0) return -1; buf = output.buf; ${makeRoom(11)} ${writeTag((id << 3) | 4)}`
        : `{ const mark = pos++; pos = t${i}.encode(v, output, pos, depth + 1); if (pos < 0) return -1; pos = widen(output, mark, pos); buf = output.buf }`
  }
}

function writeList(field: Field, i: number): string {
  const { kind } = field
  const each = (write: string) =>
    `for (let i = 0; i < count; i++) { v = list[i]; if (v === null) return -1; ${check(field, i)} ${write} }`
  const list = 'const list = v; if (!Array.isArray(list)) return -1; const count = list.length;'
  const most = mostBytesOf(kind)
  if (!field.packed || most === 0) {
    return `${list} ${each(`${makeRoom(16)} ${tagOf(field)} ${writeValue(field, i)}`)}`
  }
  return `${list} if (count > 0) { ${makeRoom(`count * ${most} + 11`)} ${tagOf(field, 2)} const mark = pos++;
    ${each(writeValue(field, i))} pos = widen(output, mark, pos); buf = output.buf }`
}

function writeMap(field: Field, key: Kind, i: number): string {
  const keyField: Field = { ...field, kind: key, key: null, enum: null, message: null, group: false }
  const mostKey = mostBytesOf(key)
  let readKey = 'v = key;'
  if (key === 'bool') readKey = `if (key !== 'true' && key !== 'false') return -1; v = key === 'true';`
  else if (key.endsWith('64')) readKey = `if (!splitKey(key, ${key === 'uint64' || key === 'fixed64'})) return -1;`
  else if (mostKey > 0) readKey = `v = integerKey(key); ${check(keyField, i)}`
  return `const map = v; if (!isPlainMap(map)) return -1;
    for (const key of Object.keys(map)) {
      ${makeRoom(32)} ${writeTag((field.id << 3) | 2)} const entry = pos++;
      ${readKey} ${writeTag(8 | wireTypeOf(key))} ${writeValue(keyField, i)}
      v = map[key]; if (v === null) return -1; ${makeRoom(16)} ${check(field, i)} ${writeTag(16 | wireTypeOf(field.kind))} ${writeValue(field, i)}
      pos = widen(output, entry, pos); buf = output.buf
    }`
}

// ---- what the generated functions call, beside wire.ts and int64.ts

/** A message may be a plain object or a received message; anything else may hide enumerable keys on its prototype. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || value instanceof Message
}

function isPlainMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** A map's key as an integer, where it is written as JavaScript writes one; else NaN, which no check lets pass. */
function integerKey(key: string): number {
  const value = Number(key)
  return String(value) === key ? value : Number.NaN
}

/** Writes the length of what stands behind `mark` into the byte kept free there, moving it up where one byte is too few. */
function widen(output: Output, mark: number, pos: number): number {
  const length = pos - mark - 1
  const more = wire.varintLength(length) - 1
  let { buf } = output
  if (more > 0) {
    if (pos + more > buf.length) buf = output.grow(pos, more)
    buf.copyWithin(mark + 1 + more, mark + 1, pos)
  }
  wire.writeVarint32(buf, mark, length)
  return pos + more
}
