// Messages to bodies, checked while they are written. Each Type gets a function of its own, compiled from its fields. One
// pass over the message's keys says which fields are there and that nothing else is; then the fields are written in the
// order of their numbers, each value checked as it goes by. A value that does not encode exactly as it stands ends the
// attempt with -1: coerce.ts then finds what it may be coerced to, or what is wrong with it and where.

import { makeRoom } from './kind-code.ts'
import { familyOf, KINDS, type Kind, mostBytesOf, wireTypeOf } from './kinds.ts'
import { type Field, type Type, takesNull } from './type.ts'
import { MAX_DEPTH } from './wire.ts'

/** Keys that are Qbp's own and never a field's: a field's name cannot begin with $. */
const OWN_KEYS = ['$name', '$header']

/** Which keys a message has is kept in bits, 30 to a number. */
const BITS = 30

/**
 * The source of a Type's encoder: an expression. What it calls stands in codec-library.ts.
 *
 * A property is read before the prototype is: V8 then knows what kinds of objects come by, and their prototype, which
 * else is asked for in C++.
 */
export function encoderSource(type: Type): string {
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
  return `(m, output, pos, depth) => {
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

/** Statements that write a number known now, as a varint. */
function writeTag(tag: number): string {
  let text = ''
  for (tag >>>= 0; tag > 127; tag >>>= 7) text += `buf[pos++] = ${(tag & 127) | 128}; `
  return `${text}buf[pos++] = ${tag};`
}

function writeField(field: Field, i: number, has: string, roomForRun: number): string {
  const before = roomForRun > 0 ? `${makeRoom(roomForRun)}\n` : ''
  const value = `v = m[${quote(field.name)}]`
  const isThere = takesNull(field) ? `(${value}) !== undefined` : `(${value}) !== null && v !== undefined`
  return `${before}if (${has} !== 0 && ${isThere}) { ${
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
  return `${check(field, i)} if (!(${KINDS[kind].isDefault})) { ${write} }`
}

/** Ends the attempt unless the value in `v` can stand as it is. A 64-bit integer is split into `at`. */
function check({ kind, enum: values, named, form }: Field, i: number): string {
  if (form !== null) return `v = p${i}.write(v); if (v === undefined) return -1;`
  const number = named ? `if (typeof v === 'string') v = n${i}.get(v); ` : ''
  return `${number}if (!(${values?.closed ? `e${i}.has(v)` : KINDS[kind].check})) return -1;`
}

/** The same for a value in a list or a map. */
const checkItem = (field: Field, i: number): string =>
  `${field.form?.nullable ? '' : 'if (v === null) return -1; '}${check(field, i)}`

/** Writes the checked value in `v`; for what has no bound, room is made here, for a tag that may follow too. */
function writeValue({ kind, id, group }: Field, i: number): string {
  if (familyOf(kind) !== 'message') return KINDS[kind].write
  const encode = `pos = t${i}.encode(v, output, pos, depth + 1); if (pos < 0) return -1;`
  return group
    ? `${encode} buf = output.buf; ${makeRoom(11)} ${writeTag((id << 3) | 4)}`
    : `{ const mark = pos++; ${encode} pos = widen(output, mark, pos); buf = output.buf }`
}

function writeList(field: Field, i: number): string {
  const { kind } = field
  const each = (write: string) => `for (let i = 0; i < count; i++) { v = list[i]; ${checkItem(field, i)} ${write} }`
  const list = 'const list = v; if (!Array.isArray(list)) return -1; const count = list.length >>> 0;'
  const most = mostBytesOf(kind)
  if (!field.packed || most === 0) {
    return `${list} ${each(`${makeRoom(16)} ${tagOf(field)} ${writeValue(field, i)}`)}`
  }
  return `${list} if (count > 0) { ${makeRoom(`count * ${most} + 11`)} ${tagOf(field, 2)} const mark = pos++;
    ${each(writeValue(field, i))} pos = widen(output, mark, pos); buf = output.buf }`
}

function writeMap(field: Field, key: Kind, i: number): string {
  const { write, writeKey } = KINDS[key]
  return `const map = v; if (!isPlainObject(map)) return -1;
    for (const key of Object.keys(map)) {
      ${makeRoom(32)} ${writeTag((field.id << 3) | 2)} const entry = pos++;
      ${writeKey} ${writeTag(8 | wireTypeOf(key))} ${write}
      v = map[key]; ${makeRoom(16)} ${checkItem(field, i)} ${writeTag(16 | wireTypeOf(field.kind))} ${writeValue(field, i)}
      pos = widen(output, entry, pos); buf = output.buf
    }`
}
