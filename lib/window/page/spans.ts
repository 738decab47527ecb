// Where each field of a message lies among its bytes: what the window marks. It walks the wire format by the same Types and
// primitives as decode.ts does, but keeps places instead of making a message, takes fields as they come on the wire (each
// entry of a list by itself, a field that was sent twice twice), and shows as much as it can of a body that is malformed.

import { int64Kind } from '../../codec/int64.ts'
import { type Kind, wireTypeOf } from '../../codec/kinds.ts'
import type { Field, Type } from '../../codec/type.ts'
import * as wire from '../../codec/wire.ts'
import { at, MAX_DEPTH, Malformed } from '../../codec/wire.ts'
import { guessBytes } from '../../protojson/fields-json.ts'
import { lengthEnd, scalarSpan, shortName } from './scalar-span.ts'
import { leaf, type Span } from './span.ts'

/** No more are made of one body; the rest is one span. A body of nothing but two-byte fields is no tree for people. */
const MAX_SPANS = 50_000

const { unsigned } = int64Kind('bigint')

/**
 * The fields of the body `bytes[start..end)`, as they come on the wire. Never throws: from a fault on, the rest is one span
 * of kind `malformed`, whose note says why.
 */
export function spansOf(type: Type | null, bytes: Uint8Array, start = 0, end = bytes.length): Span[] {
  return new Walk(bytes).message(type, start, end, 0, 0).spans
}

class Walk {
  readonly #buf: Uint8Array
  #left = MAX_SPANS

  constructor(buf: Uint8Array) {
    this.#buf = buf
  }

  /** The fields up to `end`, or up to the end tag of the group of that number, and where they end. */
  message(type: Type | null, pos: number, end: number, depth: number, group: number): { spans: Span[]; pos: number } {
    const spans: Span[] = []
    const counts = new Map<number, number>()
    while (pos < end) {
      const start = pos
      try {
        if (depth > MAX_DEPTH) throw new Malformed(`nested deeper than ${MAX_DEPTH}`)
        const tag = wire.tag(this.#buf, pos, end)
        pos = at.pos
        const id = tag >>> 3
        if ((tag & 7) === 4 && id === group && group !== 0) return { spans, pos }
        if (this.#left-- <= 0) {
          spans.push(leaf('…', 'more', null, start, end, start, `more than ${MAX_SPANS} fields`))
          return { spans, pos: end }
        }
        const field = type?.fields.find((each) => each.id === id)
        const span = this.#field(field, tag, start, pos, end, depth, () => {
          const count = counts.get(id) ?? 0
          counts.set(id, count + 1)
          return count
        })
        spans.push(span.name.startsWith('#') ? span : { ...span, number: id })
        pos = span.end
      } catch (fault) {
        spans.push(
          leaf('', 'malformed', null, start, end, start, fault instanceof Malformed ? fault.problem : String(fault)),
        )
        return { spans, pos: end }
      }
    }
    if (group !== 0) spans.push(leaf('', 'malformed', null, end, end, end, 'a group that does not end'))
    return { spans, pos }
  }

  #field(
    field: Field | undefined,
    tag: number,
    start: number,
    pos: number,
    end: number,
    depth: number,
    count: () => number,
  ): Span {
    const wireType = tag & 7
    if (field === undefined) return this.#unknown(`#${tag >>> 3}`, 'unknown', wireType, tag, start, pos, end, depth)
    const { name, kind } = field
    if (field.key !== null && wireType === 2) return this.#mapEntry(field, field.key, start, pos, end, depth)
    const expected = field.group ? 3 : wireTypeOf(kind)
    if (field.repeated && wireType === 2 && expected !== 2) return this.#packed(field, start, pos, end, count)
    if (wireType !== expected || field.key !== null) {
      const note = `not as ${name}: wire type ${wireType} where it has ${field.key === null ? expected : 2}`
      return { ...this.#unknown(`#${tag >>> 3}`, 'unknown', wireType, tag, start, pos, end, depth), note }
    }
    const shown = field.repeated ? `${name}[${count()}]` : name
    if (kind !== 'message') return scalarSpan(this.#buf, { ...field, name: shown }, start, pos, end)
    const label = field.message?.name ?? 'message'
    if (field.group) {
      const { spans, pos: fieldEnd } = this.message(field.message, pos, end, depth + 1, field.id)
      return { name: shown, kind: label, value: null, start, end: fieldEnd, valueStart: pos, children: spans }
    }
    const valueEnd = lengthEnd(this.#buf, pos, end)
    const { pos: valueStart } = at
    const { spans } = this.message(field.message, valueStart, valueEnd, depth + 1, 0)
    return { name: shown, kind: label, value: null, start, end: valueEnd, valueStart, children: spans }
  }

  #mapEntry(field: Field, key: Kind, start: number, pos: number, end: number, depth: number): Span {
    const entryEnd = lengthEnd(this.#buf, pos, end)
    const valueStart = at.pos
    const children: Span[] = []
    for (let p = valueStart; p < entryEnd; ) {
      const tag = wire.tag(this.#buf, p, entryEnd)
      const fieldEnd = at.pos
      let span: Span
      if (tag === (8 | wireTypeOf(key)))
        span = scalarSpan(this.#buf, { name: 'key', kind: key, enum: null, utf8: field.utf8 }, p, fieldEnd, entryEnd)
      else if (tag === (16 | wireTypeOf(field.kind))) {
        const value = { ...field, name: 'value', key: null, repeated: false }
        span = this.#field(value, tag, p, fieldEnd, entryEnd, depth, () => 0)
      } else span = this.#unknown(`#${tag >>> 3}`, 'unknown', tag & 7, tag, p, fieldEnd, entryEnd, depth)
      children.push(span)
      p = span.end
    }
    const keySpan = children.findLast((child) => child.name === 'key')
    const shown =
      keySpan === undefined
        ? ''
        : typeof keySpan.value === 'string'
          ? JSON.stringify(keySpan.value)
          : String(keySpan.value)
    const kind = `map<${key}, ${kindName(field)}>`
    return { name: `${field.name}[${shown}]`, kind, value: null, start, end: entryEnd, valueStart, children }
  }

  #packed(field: Field, start: number, pos: number, end: number, count: () => number): Span {
    const valueEnd = lengthEnd(this.#buf, pos, end)
    const valueStart = at.pos
    const children: Span[] = []
    for (let p = valueStart; p < valueEnd; ) {
      const name = `[${count()}]`
      if (this.#left-- <= 0) {
        children.push(leaf('…', 'more', null, p, valueEnd, p, `more than ${MAX_SPANS} fields`))
        break
      }
      const span = scalarSpan(this.#buf, { ...field, name, utf8: false }, p, p, valueEnd)
      children.push(span)
      p = span.end
    }
    return {
      name: field.name,
      kind: `packed ${kindName(field)}`,
      value: null,
      start,
      end: valueEnd,
      valueStart,
      children,
    }
  }

  /** A field that the schema lacks, as far as its wire type says what it is. */
  #unknown(
    name: string,
    kind: string,
    wireType: number,
    tag: number,
    start: number,
    pos: number,
    end: number,
    depth: number,
  ): Span {
    const fieldEnd = wire.skip(this.#buf, pos, end, tag, depth)
    if (wireType === 0) {
      wire.varint64(this.#buf, pos, end)
      return leaf(name, `${kind} varint`, unsigned(at.lo, at.hi), start, fieldEnd, pos)
    }
    if (wireType === 3) {
      const { spans } = this.message(null, pos, fieldEnd, depth + 1, tag >>> 3)
      return { name, kind: `${kind} group`, value: null, start, end: fieldEnd, valueStart: pos, children: spans }
    }
    if (wireType === 2) {
      lengthEnd(this.#buf, pos, end)
      const valueStart = at.pos
      const bytes = this.#buf.subarray(valueStart, fieldEnd)
      // Nobody knows what they are: what they look like is shown.
      const guess = guessBytes(bytes, depth)
      if (guess.kind === 'message') {
        const { spans } = this.message(null, valueStart, fieldEnd, depth + 1, 0)
        return { name, kind: `${kind} message`, value: null, start, end: fieldEnd, valueStart, children: spans }
      }
      const value = guess.kind === 'text' && bytes.length > 0 ? guess.value : bytes
      return leaf(name, typeof value === 'string' ? `${kind} text` : kind, value, start, fieldEnd, valueStart)
    }
    const lo = wire.fixed32(this.#buf, pos)
    const value = wireType === 5 ? lo >>> 0 : unsigned(lo, wire.fixed32(this.#buf, pos + 4))
    return leaf(name, `${kind} ${wireType === 5 ? 'fixed32' : 'fixed64'}`, value, start, fieldEnd, pos)
  }
}

const kindName = ({ kind, enum: names, message }: Field): string =>
  kind === 'enum' && names !== null ? shortName(names.name) : kind === 'message' ? (message?.name ?? kind) : kind
