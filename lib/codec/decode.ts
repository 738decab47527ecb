// Bodies to messages. Each Type gets functions of its own, compiled from its fields, in which a short varint, a short text
// and a fixed field cost no call: one goes down the fields in their order, and one has a switch over all tags. What they
// accept, and what they make of it, is what protobufjs does (spec/decode.spec.ts holds the two against each other); what
// differs is said where it differs.

import type { Int64Kind } from './int64.ts'
import { readEnd } from './kind-code.ts'
import { familyOf, KINDS, type Kind, wireTypeOf } from './kinds.ts'
import { type Field, type Type, takesNull } from './type.ts'
import { MAX_DEPTH } from './wire.ts'

/** The functions that make a 64-bit value of its two halves: as a value, and as a map's key. */
const asValue = { signed: 'signed', unsigned: 'unsigned' }
const asKey = { signed: 'signedKey', unsigned: 'unsignedKey' }

const reader = (kind: Kind, { utf8 }: Field, makers = asValue): string => KINDS[kind].read({ utf8, ...makers })
const is64 = (kind: Kind): boolean => familyOf(kind) === 'int64'

/** Makes the field that ends at `pos` an unknown one. They are kept by the run: a piece of text for each would cost 30 times its bytes. */
const KEEP = 'if (to !== start) { if (to > 0) keep(m, buf, from, to); from = start } to = pos'

/**
 * The source of the functions that read a Type: statements that leave them in `decode`, `read` and `nest`. What they call stands in
 * codec-library.ts.
 *
 * Every encoder writes fields in the order of their numbers, and each but lists once. So `read` and `nest`, which make a
 * message, first go down that order, where a field costs one comparison and finds the message without it; whatever they
 * meet that is otherwise, they leave to `decode` with all that follows. It takes anything, in any order. Both have code of
 * their own for each Type: in one place for all, an instance and its first property would cost a third of a small message.
 *
 * @param isNested whether a field is of this Type: else `nest` is small, as only a section of a header may ask for it.
 */
export function decoderSource(type: Type, isNested: boolean): string {
  const oneofs = [...new Set(type.fields.map((field) => field.oneof))].filter((name) => name !== null)
  const required = type.fields.filter((field) => field.required)
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
    ${required.map((field) => `if (!Object.hasOwn(m, ${quote(field.name)})) missing()`).join('\n')}
    return pos
  }`
  const inOrder = `let tag = pos < end ? buf[pos] : 0, v, k${oneofs.map((_, i) => `, o${i} = 0`).join('')}
    inOrder: {
      ${type.fields.map((field, i) => fieldInOrder(field, i, oneofs, type.int64)).join('\n')}
    }
    ${required.length > 0 ? '' : 'if (pos !== end)'} decode(m, buf, pos, end, depth, share, 0)
    return m`
  const nested = `if (depth > ${MAX_DEPTH}) refuse('nested deeper than ${MAX_DEPTH}')
      const m = pos < end ? ${type.roomyFrom < Number.POSITIVE_INFINITY ? `end - pos >= ${type.roomyFrom} ? new Roomy() : ` : ''}new Message() : new Bare()
      ${inOrder}`
  return `
    const decode = ${decode}
    const read = (name, header, buf, pos, end, share) => {
      const m = new Roomy(), depth = 0
      m.$name = name
      if (header !== null) m.$header = header
      ${inOrder}
    }
    const nest = (buf, pos, end, depth, share) => {
      ${isNested ? nested : 'const m = new Message(); decode(m, buf, pos, end, depth, share, 0); return m'}
    }`
}
const quote = (text: string): string => JSON.stringify(text)

/** What stands in a message for the value that was read. */
const shown = ({ form, named }: Field, i: number, read = 'v'): string =>
  form !== null ? `p${i}.read(${read})` : named ? `(e${i}.get(${read}) ?? ${read})` : read

const refOf = (field: Field): string => `m[${quote(field.name)}]`
const tagOf = ({ id }: Field, wireType: number): number => ((id << 3) | wireType) >>> 0
const ownTag = (field: Field): number => tagOf(field, field.key !== null ? 2 : field.group ? 3 : wireTypeOf(field.kind))

/** The cases of one field: its own tag, and for lists of numbers the other of the two forms. */
function fieldCases(field: Field, i: number, oneofs: string[], int64: Int64Kind): string {
  const ref = refOf(field)
  // A number that a closed enum does not have is an unknown field.
  const unknown = `{ ${KEEP}; continue }`
  const one = (read: string) => `case ${ownTag(field)}: { ${read}; continue }`
  if (field.key !== null) return one(mapEntry(field, field.key, i, ref, unknown))
  if (field.repeated) {
    const each = one(`${value(field, i, unknown)} ${ref} = append(${ref}, ${shown(field, i)})`)
    return wireTypeOf(field.kind) === 2
      ? each
      : `${each} case ${tagOf(field, 2)}: { ${packed(field, i, ref)}; continue }`
  }
  const member = oneofs.indexOf(field.oneof ?? '')
  const others =
    member < 0 ? '' : `if (o${member} !== ${field.id}) { clear(m, fields, ${i}); o${member} = ${field.id} }`
  if (field.form !== null) {
    const again = `v = p${i}.reopen(v, new t${i}.Message()); ${merged(field, i)}`
    const absent = takesNull(field) ? 'undefined' : 'null'
    return one(
      `${others} v = ${ref}; if (v === ${absent}) { ${nested(field, i)} } else { ${again} } ${ref} = ${shown(field, i)}`,
    )
  }
  if (field.kind === 'message')
    return one(`${others} v = ${ref}; if (v === null) { ${nested(field, i)} ${ref} = v } else { ${merged(field, i)} }`)
  return one(`${value(field, i, unknown)} ${others} ${assign(field, i, int64)}`)
}

/** One field where its turn is: its tag has one byte, which stands in `tag`, and the message is without it. */
function fieldInOrder(field: Field, i: number, oneofs: string[], int64: Int64Kind): string {
  const isPacked = field.packed && field.repeated && wireTypeOf(field.kind) !== 2
  const tag = isPacked ? tagOf(field, 2) : ownTag(field)
  const closed = field.enum?.closed ?? false
  if (tag > 127 || field.group || (closed && (field.repeated || field.key !== null))) return ''
  const ref = refOf(field)
  const next = 'tag = pos < end ? buf[pos] : 0'
  if (field.key !== null) return `while (tag === ${tag}) { pos++; ${mapEntry(field, field.key, i, ref, '')}; ${next} }`
  if (isPacked) return `if (tag === ${tag}) { pos++; ${packed(field, i, ref)}; ${next} }`
  if (field.repeated) {
    return `if (tag === ${tag}) {
      let list = ${ref}
      do { pos++; ${value(field, i, '')} list = append(list, ${shown(field, i)}); ${next} } while (tag === ${tag})
      ${ref} = trim(list)
    }`
  }
  const member = oneofs.indexOf(field.oneof ?? '')
  const alone = member < 0 ? '' : ` && o${member} === 0`
  const unknown = '{ pos = start; break inOrder }'
  const put =
    field.presence || field.required || field.kind === 'message'
      ? `${ref} = ${shown(field, i)};`
      : `if (${sent(field, int64)}) ${ref} = ${shown(field, i)};`
  return `if (tag === ${tag}${alone}) { ${closed ? 'const start = pos;' : ''} pos++; ${value(field, i, unknown)} ${put} ${member < 0 ? '' : `o${member} = 1;`} ${next} }`
}

/** Reads one value into `v`; `unknown` is what is done with a number that its closed enum does not have. */
function value(field: Field, i: number, unknown: string): string {
  if (field.kind === 'message') return nested(field, i)
  return `${reader(field.kind, field)}; ${field.enum?.closed ? `if (!e${i}.has(v)) ${unknown}` : ''}`
}

const groupEnd = ({ id }: Field): number => ((id << 3) | 4) >>> 0

/** Makes a message of what follows, in `v`. */
function nested(field: Field, i: number): string {
  if (field.group)
    return `v = new t${i}.Message(); pos = t${i}.decode(v, buf, pos, end, depth + 1, share, ${groupEnd(field)});`
  return `${messageEnd} v = t${i}.nest(buf, pos, k, depth + 1, share); pos = k;`
}

/** Reads more of the message in `v`. */
function merged(field: Field, i: number): string {
  if (field.group) return `pos = t${i}.decode(v, buf, pos, end, depth + 1, share, ${groupEnd(field)});`
  return `${messageEnd} t${i}.decode(v, buf, pos, k, depth + 1, share, 0); pos = k;`
}

const messageEnd = `k = buf[pos++]; if (!(k < 128)) { k = size(buf, pos - 1, end); pos = at.pos } k += pos; if (!(k <= end)) cut();`

/** Without presence, a default that was sent is no value; after another value it takes that one away. */
function assign(field: Field, i: number, int64: Int64Kind): string {
  const ref = refOf(field)
  if (field.presence || field.required) return `${ref} = ${shown(field, i)};`
  return `if (${sent(field, int64)}) ${ref} = ${shown(field, i)}; else if (Object.hasOwn(m, ${quote(field.name)})) delete ${ref};`
}

/** Whether the value in `v` is another than the default. */
function sent({ kind }: Field, int64: Int64Kind): string {
  if (is64(kind)) return int64 === 'long' ? '(v.low | v.high) !== 0' : 'v'
  return `!(${KINDS[kind].isDefault})`
}

/** The list is made at its full length: growing leaves half as much again empty, and never less than 17 places. */
function packed(field: Field, i: number, ref: string): string {
  const read = reader(field.kind, field)
  const known = field.enum?.closed
    ? `if (!e${i}.has(v)) { if (to > 0) keep(m, buf, from, to); to = 0; keepNumber(m, ${field.id}, buf, first, pos); continue }`
    : ''
  const width = { 0: 'countVarints(buf, pos, v)', 1: 'v - pos >> 3', 5: 'v - pos >> 2' }[
    wireTypeOf(field.kind) as 0 | 1 | 5
  ]
  // Long lists of floating-point numbers are better off growing: V8 keeps these without a pointer each.
  const limit = familyOf(field.kind) === 'float' ? 16 : 2 ** 25
  return `${readEnd} const outer = end, fresh = ${ref}.length === 0, count = ${width}; end = v
    const list = !fresh ? ${ref} : count > ${limit} ? [] : new Array(count)
    let n = fresh ? 0 : list.length
    while (pos < end) { ${known && 'const first = pos;'} ${read}; ${known} list[n++] = ${shown(field, i)} }
    if (pos !== end) cut()
    end = outer
    ${field.enum?.closed ? 'list.length = n' : ''}
    if (n > 0) ${ref} = n > 1 ? list : single(list[0])`
}

/**
 * An entry is a message of its own: field 1 the key, field 2 the value; either may be missing. A map is small unless
 * another entry follows the first: in a small one, more entries cost more time.
 */
function mapEntry(field: Field, key: Kind, i: number, ref: string, unknown: string): string {
  const readKey = reader(key, field, asKey)
  const readOne =
    field.kind === 'message'
      ? `v = value; if (v === null) { ${nested(field, i)} value = v } else { ${merged(field, i)} }`
      : `${reader(field.kind, field)}; value = v`
  const tag = ownTag(field)
  const firstByte = tag > 127 ? (tag & 127) | 128 : tag
  return `${readEnd} const outer = end; end = v; let key = ${is64(key) ? "'0'" : KINDS[key].zero}, value = ${KINDS[field.kind].zero}
    while (pos < end) {
      const entryTag = readTag(buf, pos, end); pos = at.pos
      if (entryTag === ${8 | wireTypeOf(key)}) { ${readKey}; key = v }
      else if (entryTag === ${16 | wireTypeOf(field.kind)}) { ${readOne} }
      else pos = skip(buf, pos, end, entryTag, depth)
    }
    if (pos !== end) cut()
    end = outer
    ${field.enum?.closed ? `if (!e${i}.has(value)) ${unknown}` : ''}
    ${field.kind === 'message' ? `if (value === null) value = new t${i}.Bare()` : ''}
    if (!Object.hasOwn(m, ${quote(field.name)})) ${ref} = pos < end && buf[pos] === ${firstByte} ? {} : new SmallMap()
    ${shown(field, i) === 'v' ? '' : `value = ${shown(field, i, 'value')}`}
    if (key === '__proto__') define(${ref}, value); else ${ref}[key] = value`
}
