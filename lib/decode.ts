// Bodies to messages. Each Type gets a function of its own, compiled from its fields: one switch over the tags, in which
// a one-byte varint, a short text and a fixed field cost no call. What it accepts, and what it makes of it, is what
// protobufjs does (spec/decode.spec.ts holds the two against each other); what differs is said where it differs.

import * as assembly from './assembly.ts'
import { compile } from './codegen.ts'
import { type Int64Kind, int64Kind, signedKey, unsignedKey } from './int64.ts'
import { textReaders } from './text.ts'
import type { Decode, Field, Kind, Read, Type } from './type.ts'
import * as wire from './wire.ts'
import { MAX_DEPTH } from './wire.ts'

/** The wire type of each kind: 0 varint, 1 eight bytes, 2 length-prefixed, 5 four bytes. */
const wireTypes: Record<Kind, number> = {
  double: 1,
  float: 5,
  int32: 0,
  uint32: 0,
  sint32: 0,
  fixed32: 5,
  sfixed32: 5,
  int64: 0,
  uint64: 0,
  sint64: 0,
  fixed64: 1,
  sfixed64: 1,
  bool: 0,
  enum: 0,
  string: 2,
  bytes: 2,
  message: 2,
}

/** The functions that make a 64-bit value of its two halves, by their names in the generated code. */
interface Makers {
  signed: string
  unsigned: string
}
const asValue: Makers = { signed: 'signed', unsigned: 'unsigned' }
const asKey: Makers = { signed: 'signedKey', unsigned: 'unsignedKey' }

// Reading one value: statements that leave it in `v` and `pos` behind it. `pos` may pass `end` by reading a byte that is
// not the field's: the loop's end finds out. Only where bytes are taken in bulk is the end checked at once.
const varint = (call: string) => `v = buf[pos++]; if (!(v < 128)) { v = ${call}(buf, pos - 1, end); pos = at.pos }`
const varint64 = (make: string) =>
  `v = buf[pos++]; if (v < 128) v = ${make}(v, 0); else { varint64(buf, pos - 1, end); pos = at.pos; v = ${make}(at.lo, at.hi) }`
const eight = (make: string) =>
  `if (pos + 8 > end) cut(); v = ${make}(fixed32(buf, pos), fixed32(buf, pos + 4)); pos += 8`
const length = `${varint('size')} v += pos; if (!(v <= end)) cut();`

function reader(kind: Kind, utf8: boolean, { signed, unsigned } = asValue): string {
  switch (kind) {
    case 'double':
      return 'if (pos + 8 > end) cut(); v = double(buf, pos); pos += 8'
    case 'float':
      return 'if (pos + 4 > end) cut(); v = float(buf, pos); pos += 4'
    case 'int32':
    case 'enum':
      return varint('varint32')
    case 'uint32':
      return `${varint('varint32')} v >>>= 0`
    case 'sint32':
      return `${varint('varint32')} v = v >>> 1 ^ -(v & 1)`
    case 'fixed32':
      return 'if (pos + 4 > end) cut(); v = fixed32(buf, pos) >>> 0; pos += 4'
    case 'sfixed32':
      return 'if (pos + 4 > end) cut(); v = fixed32(buf, pos); pos += 4'
    case 'int64':
      return varint64(signed)
    case 'uint64':
      return varint64(unsigned)
    case 'sint64':
      return `varint64(buf, pos, end); pos = at.pos; unzigzag64(); v = ${signed}(at.lo, at.hi)`
    case 'fixed64':
      return eight(unsigned)
    case 'sfixed64':
      return eight(signed)
    case 'bool':
      return 'v = buf[pos++]; if (v < 128) v = v !== 0; else { v = bool(buf, pos - 1, end); pos = at.pos }'
    case 'string':
      return `${length} k = ${utf8 ? 'strictText' : 'text'}(buf, pos, v); pos = v; v = k`
    case 'bytes':
      return `${length} k = share ? buf.subarray(pos, v) : copy(buf, pos, v); pos = v; v = k`
    case 'message':
      throw new Error('A message is read in place, by nested().')
  }
}

/** The value of a map's entry that has none. */
function zero(kind: Kind): string {
  if (kind === 'message') return 'null'
  if (kind === 'string') return "''"
  if (kind === 'bytes') return 'copy(buf, 0, 0)'
  if (kind === 'bool') return 'false'
  return is64(kind) ? (kind === 'uint64' || kind === 'fixed64' ? 'unsigned(0, 0)' : 'signed(0, 0)') : '0'
}

const is64 = (kind: Kind): boolean => kind.endsWith('64')

/** Makes the field that ends at `pos` an unknown one. They are kept by the run: a piece of text for each would cost 30 times its bytes. */
const KEEP = 'if (to !== start) { if (to > 0) keep(m, buf, from, to); from = start } to = pos'

/** What the generated functions call. */
const helpers = { ...wire, ...assembly, signedKey, unsignedKey }

/**
 * Compiles the decoder of a Type. Those of its fields' types follow when they are first needed.
 *
 * `read` makes the message as well, in code of its own for each Type: in one place for all, an instance and its first
 * property would cost a third of a small message.
 */
export function decoder(type: Type): { decode: Decode; read: Read } {
  const { signed, unsigned } = int64Kind(type.int64)
  const oneofs = [...new Set(type.fields.map((field) => field.oneof))].filter((name) => name !== null)
  const decode = `(m, buf, pos, end, depth, share, group) => {
    if (depth > ${MAX_DEPTH}) refuse('nested deeper than ${MAX_DEPTH}')
    let tag = 0, v, k, from = 0, to = 0${oneofs.map((_, i) => `, o${i} = 0`).join('')}
    ${oneofs.length > 0 ? `for (const key in m) if (key[0] !== '$') { ${oneofs.map((_, i) => `o${i} =`).join(' ')} -1; break }` : ''}
    while (pos < end) {
      const start = pos
      tag = buf[pos++]
      if (tag > 127) { tag = readTag(buf, start, end); pos = at.pos }
      switch (tag) {
        ${type.fields.map((field, i) => fieldCases(field, i, oneofs, type.int64)).join('\n')}
      }
      if (group !== 0 && tag === group) { group = -1; break }
      pos = skip(buf, pos, end, tag, depth)
      ${KEEP}
    }
    if (pos > end) cut()
    if (to > 0) keep(m, buf, from, to)
    if (group > 0) refuse('a group that does not end')
    ${type.fields
      .filter((field) => field.required)
      .map((field) => `if (!Object.hasOwn(m, ${quote(field.name)})) missing()`)
      .join('\n')}
    return pos
  }`
  const source = `(() => {
    const decode = ${decode}
    const read = (name, header, buf, start, end, share) => {
      const m = new Message()
      m.$name = name
      if (header !== null) m.$header = header
      decode(m, buf, start, end, 0, share, 0)
      return m
    }
    return { decode, read }
  })()`
  return compile(source, {
    ...helpers,
    ...textReaders(),
    Message: type.Message,
    readTag: wire.tag,
    signed,
    unsigned,
    fields: type.fields,
    ...Object.fromEntries(type.fields.map((field, i) => [`t${i}`, field.message])),
    ...Object.fromEntries(type.fields.map((field, i) => [`e${i}`, field.enum?.names])),
  })
}

const quote = (text: string): string => JSON.stringify(text)

/** The cases of one field: its own tag, and for lists of numbers the other of the two forms. */
function fieldCases(field: Field, i: number, oneofs: string[], int64: Int64Kind): string {
  const ref = `m[${quote(field.name)}]`
  const tagOf = (wireType: number) => ((field.id << 3) | wireType) >>> 0
  if (field.key !== null) return `case ${tagOf(2)}: {${mapEntry(field, field.key, i, ref)}; continue }`
  const tag = tagOf(field.group ? 3 : wireTypes[field.kind])
  // A number that a closed enum does not have is an unknown field.
  const unlessUnknown = field.enum?.closed ? `if (!e${i}.has(v)) { ${KEEP}; continue }` : ''
  const read = field.kind === 'message' ? '' : `${reader(field.kind, field.utf8)};`
  if (field.repeated) {
    const one =
      field.kind === 'message'
        ? `${ref} = append(${ref}, v = new t${i}.Message()); ${nested(field, i)}`
        : `${read} ${unlessUnknown} ${ref} = append(${ref}, v);`
    return `case ${tag}: { ${one}; continue }${wireTypes[field.kind] !== 2 ? `case ${tagOf(2)}: { ${packed(field, i, ref)}; continue }` : ''}`
  }
  const member = oneofs.indexOf(field.oneof ?? '')
  const others =
    member < 0 ? '' : `if (o${member} !== ${field.id}) { clear(m, fields, ${i}); o${member} = ${field.id} }`
  if (field.kind === 'message') {
    return `case ${tag}: { ${others} v = ${ref}; if (v === null) ${ref} = v = new t${i}.Message(); ${nested(field, i)}; continue }`
  }
  return `case ${tag}: { ${read} ${unlessUnknown} ${others} ${assign(field, ref, int64)}; continue }`
}

/** Reads into the message in `v`. */
function nested(field: Field, i: number): string {
  if (field.group) return `pos = t${i}.decode(v, buf, pos, end, depth + 1, share, ${((field.id << 3) | 4) >>> 0});`
  return `k = buf[pos++]; if (!(k < 128)) { k = size(buf, pos - 1, end); pos = at.pos }
    k += pos; if (!(k <= end)) cut(); t${i}.decode(v, buf, pos, k, depth + 1, share, 0); pos = k;`
}

/** Without presence, a default that was sent is no value; after another value it takes that one away. */
function assign({ name, kind, presence, required, initial }: Field, ref: string, int64: Int64Kind): string {
  if (presence || required) return `${ref} = v;`
  let sent: string
  if (kind === 'bytes') sent = 'v.length !== 0'
  else if (kind === 'float' || kind === 'double') sent = '!Object.is(v, 0)'
  else if (is64(kind)) sent = int64 === 'long' ? '(v.low | v.high) !== 0' : 'v != 0'
  else sent = `v !== ${quote(initial as string)}`
  return `if (${sent}) ${ref} = v; else if (Object.hasOwn(m, ${quote(name)})) delete ${ref};`
}

/** The list is made at its full length: growing leaves half as much again empty, and never less than 17 places. */
function packed(field: Field, i: number, ref: string): string {
  const read = reader(field.kind, field.utf8)
  const known = field.enum?.closed
    ? `if (!e${i}.has(v)) { if (to > 0) keep(m, buf, from, to); to = 0; keepNumber(m, ${field.id}, buf, first, pos); continue }`
    : ''
  const width = { 0: 'countVarints(buf, pos, v)', 1: 'v - pos >> 3', 5: 'v - pos >> 2' }[
    wireTypes[field.kind] as 0 | 1 | 5
  ]
  // Long lists of floating-point numbers are better off growing: V8 keeps these without a pointer each.
  const limit = field.kind === 'double' || field.kind === 'float' ? 16 : 2 ** 25
  return `${length} const outer = end, fresh = ${ref}.length === 0, count = ${width}; end = v
    const list = !fresh ? ${ref} : count > ${limit} ? [] : new Array(count)
    let n = fresh ? 0 : list.length
    while (pos < end) { ${known && 'const first = pos;'} ${read}; ${known} list[n++] = v }
    if (pos !== end) cut()
    end = outer
    ${field.enum?.closed ? 'list.length = n' : ''}
    if (n > 0) ${ref} = list`
}

/** An entry is a message of its own: field 1 the key, field 2 the value; either may be missing. */
function mapEntry(field: Field, key: Kind, i: number, ref: string): string {
  const readKey = reader(key, field.utf8, asKey)
  const readOne =
    field.kind === 'message'
      ? `if (value === null) value = new t${i}.Message(); v = value; ${nested(field, i)}`
      : `${reader(field.kind, field.utf8)}; value = v`
  return `${length} const outer = end; end = v; let key = ${is64(key) ? "'0'" : zero(key)}, value = ${zero(field.kind)}
    while (pos < end) {
      const entryTag = readTag(buf, pos, end); pos = at.pos
      if (entryTag === ${8 | wireTypes[key]}) { ${readKey}; key = v }
      else if (entryTag === ${16 | wireTypes[field.kind]}) { ${readOne} }
      else pos = skip(buf, pos, end, entryTag, depth)
    }
    if (pos !== end) cut()
    end = outer
    ${field.enum?.closed ? `if (!e${i}.has(value)) { ${KEEP}; continue }` : ''}
    ${field.kind === 'message' ? `if (value === null) value = new t${i}.Message()` : ''}
    if (!Object.hasOwn(m, ${quote(field.name)})) ${ref} = {}
    if (key === '__proto__') define(${ref}, value); else ${ref}[key] = value`
}
