// Where each field of a message lies among its bytes: what the window marks. It walks the wire format by the same Types and
// primitives as decode.ts does, but keeps places instead of making a message, takes fields as they come on the wire (each
// entry of a list by itself, a field that was sent twice twice), and shows as much as it can of a body that is malformed.

import { int64Kind } from '../../codec/int64.ts'
import { type Kind, wireTypeOf } from '../../codec/kinds.ts'
import { strictText, text } from '../../codec/text.ts'
import type { EnumType, Field, Type } from '../../codec/type.ts'
import * as wire from '../../codec/wire.ts'
import { at, MAX_DEPTH, Malformed } from '../../codec/wire.ts'
import type { Piece } from '../../framing/row-reader.ts'

/** A field among the bytes. Positions are offsets into the bytes walked. */
export interface Span {
  /** The field's name, `tags[2]` for an entry of a list, `#7` for a field that the schema lacks. */
  readonly name: string
  /** As a .proto has it: `string`, `Said`, `Color`, `packed int32`; or `unknown`, `malformed`, `header`, `raw`. */
  readonly kind: string
  /** A number, bigint, boolean, text or bytes; null where there are children instead. */
  readonly value: unknown
  /** What the value stands for: the name of an enum's number, or what is wrong. */
  readonly note?: string
  /** The whole field, with its tag: `bytes[start..end)`. */
  readonly start: number
  readonly end: number
  /** Where the value begins, behind tag and length. */
  readonly valueStart: number
  readonly children: readonly Span[]
}

/** No more are made of one body; what lies behind is one span. A body of nothing but two-byte fields is no tree for people. */
const MAX_SPANS = 50_000

const { signed, unsigned } = int64Kind('bigint')

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
        spans.push(span)
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
    if (kind !== 'message') return this.#scalar(shown, kind, field.enum, field.utf8, start, pos, end)
    const label = field.message?.name ?? 'message'
    if (field.group) {
      const { spans, pos: behind } = this.message(field.message, pos, end, depth + 1, field.id)
      return { name: shown, kind: label, value: null, start, end: behind, valueStart: pos, children: spans }
    }
    const valueEnd = this.#length(pos, end)
    const { pos: valueStart } = at
    const { spans } = this.message(field.message, valueStart, valueEnd, depth + 1, 0)
    return { name: shown, kind: label, value: null, start, end: valueEnd, valueStart, children: spans }
  }

  #mapEntry(field: Field, key: Kind, start: number, pos: number, end: number, depth: number): Span {
    const entryEnd = this.#length(pos, end)
    const valueStart = at.pos
    const children: Span[] = []
    for (let p = valueStart; p < entryEnd; ) {
      const tag = wire.tag(this.#buf, p, entryEnd)
      const behind = at.pos
      let span: Span
      if (tag === (8 | wireTypeOf(key))) span = this.#scalar('key', key, null, field.utf8, p, behind, entryEnd)
      else if (tag === (16 | wireTypeOf(field.kind))) {
        const value = { ...field, name: 'value', key: null, repeated: false }
        span = this.#field(value, tag, p, behind, entryEnd, depth, () => 0)
      } else span = this.#unknown(`#${tag >>> 3}`, 'unknown', tag & 7, tag, p, behind, entryEnd, depth)
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
    const valueEnd = this.#length(pos, end)
    const valueStart = at.pos
    const children: Span[] = []
    for (let p = valueStart; p < valueEnd; ) {
      const name = `[${count()}]`
      if (this.#left-- <= 0) {
        children.push(leaf('…', 'more', null, p, valueEnd, p, `more than ${MAX_SPANS} fields`))
        break
      }
      const span = this.#scalar(name, field.kind, field.enum, false, p, p, valueEnd)
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

  #scalar(
    name: string,
    kind: Kind,
    names: EnumType | null,
    utf8: boolean,
    start: number,
    pos: number,
    end: number,
  ): Span {
    const buf = this.#buf
    const need = (size: number) => {
      if (pos + size > end) throw wire.cut()
      at.pos = pos + size
    }
    const varint32 = () => wire.varint32(buf, pos, end)
    const varint64 = () => wire.varint64(buf, pos, end)
    let value: unknown
    let valueStart = pos
    switch (kind) {
      case 'double':
        need(8)
        value = wire.double(buf, pos)
        break
      case 'float':
        need(4)
        value = wire.float(buf, pos)
        break
      case 'int32':
      case 'enum':
        value = varint32()
        break
      case 'uint32':
        value = varint32() >>> 0
        break
      case 'sint32': {
        const raw = varint32()
        value = (raw >>> 1) ^ -(raw & 1)
        break
      }
      case 'fixed32':
        need(4)
        value = wire.fixed32(buf, pos) >>> 0
        break
      case 'sfixed32':
        need(4)
        value = wire.fixed32(buf, pos)
        break
      case 'int64':
        varint64()
        value = signed(at.lo, at.hi)
        break
      case 'uint64':
        varint64()
        value = unsigned(at.lo, at.hi)
        break
      case 'sint64':
        varint64()
        wire.unzigzag64()
        value = signed(at.lo, at.hi)
        break
      case 'fixed64':
      case 'sfixed64':
        need(8)
        value = (kind === 'fixed64' ? unsigned : signed)(wire.fixed32(buf, pos), wire.fixed32(buf, pos + 4))
        break
      case 'bool':
        value = wire.bool(buf, pos, end)
        break
      case 'string':
      case 'bytes': {
        const valueEnd = this.#length(pos, end)
        valueStart = at.pos
        value =
          kind === 'bytes' ? buf.subarray(valueStart, valueEnd) : (utf8 ? strictText : text)(buf, valueStart, valueEnd)
        return leaf(name, kind, value, start, valueEnd, valueStart)
      }
      case 'message':
        throw new Error('A message is no scalar.')
    }
    const label = names === null ? kind : shortName(names.name)
    const note = names === null ? undefined : (names.names.get(value as number) ?? 'no name of the enum')
    return leaf(name, label, value, start, at.pos, valueStart, note)
  }

  /** A field that the schema lacks, as far as its wire type tells of it. */
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
    const behind = wire.skip(this.#buf, pos, end, tag, depth)
    if (wireType === 0) {
      wire.varint64(this.#buf, pos, end)
      return leaf(name, `${kind} varint`, unsigned(at.lo, at.hi), start, behind, pos)
    }
    if (wireType === 3) {
      const { spans } = this.message(null, pos, behind, depth + 1, tag >>> 3)
      return { name, kind: `${kind} group`, value: null, start, end: behind, valueStart: pos, children: spans }
    }
    if (wireType === 2) {
      this.#length(pos, end)
      return leaf(name, kind, this.#buf.subarray(at.pos, behind), start, behind, at.pos)
    }
    const lo = wire.fixed32(this.#buf, pos)
    const value = wireType === 5 ? lo >>> 0 : unsigned(lo, wire.fixed32(this.#buf, pos + 4))
    return leaf(name, `${kind} ${wireType === 5 ? 'fixed32' : 'fixed64'}`, value, start, behind, pos)
  }

  /** The end of what a length at `pos` announces; `at.pos` is where it begins. */
  #length(pos: number, end: number): number {
    const valueEnd = wire.size(this.#buf, pos, end) + at.pos
    if (valueEnd > end) throw wire.cut()
    return valueEnd
  }
}

const leaf = (
  name: string,
  kind: string,
  value: unknown,
  start: number,
  end: number,
  valueStart: number,
  note?: string,
): Span => ({ name, kind, value, start, end, valueStart, children: [], ...(note !== undefined && { note }) })

const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

const kindName = ({ kind, enum: names, message }: Field): string =>
  kind === 'enum' && names !== null ? shortName(names.name) : kind === 'message' ? (message?.name ?? kind) : kind

/** The parts of a frame's header, and of what follows its body, by where they lie. */
export function headerSpans(
  pieces: readonly Piece[],
  bytes: Uint8Array,
  section: (name: string) => Type | null,
): Span[] {
  return pieces.flatMap(({ part, start, end, values }): Span[] => {
    if (part.kind === 'constant') return [leaf('constant', part.text, null, start, end, start)]
    if (part.kind === 'integer') return [leaf(part.field.text, part.of.name, values[0], start, end, start)]
    if (part.kind === 'bits') {
      return part.fields.map(({ text, bits }, i) =>
        leaf(text, `${bits} of ${part.of.name}`, values[i], start, end, start),
      )
    }
    if (part.kind === 'bytes') return [leaf(part.name, 'bytes', bytes.subarray(start, end), start, end, start)]
    if (part.kind !== 'section') return []
    const children = spansOf(section(part.name), bytes, start, end)
    return [{ ...leaf(part.name, 'section', null, start, end, start), children }]
  })
}

/** The innermost span around the byte, with those around it, from the outside in; empty where there is none. */
export function pathTo(spans: readonly Span[], offset: number): Span[] {
  const around = spans.find(({ start, end }) => offset >= start && offset < end)
  return around === undefined ? [] : [around, ...pathTo(around.children, offset)]
}
