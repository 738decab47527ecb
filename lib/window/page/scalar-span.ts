import { int64Kind } from '../../codec/int64.ts'
import type { Kind } from '../../codec/kind-values.ts'
import { strictText, text } from '../../codec/read-text.ts'
import type { Field } from '../../codec/type.ts'
import * as wire from '../../codec/wire.ts'
import { at } from '../../codec/wire.ts'
import { leaf, type Span } from './span.ts'

const { signed, unsigned } = int64Kind('bigint')

type Read = (buf: Uint8Array, pos: number, end: number) => unknown

const bytes =
  <T>(size: number, value: (buf: Uint8Array, pos: number) => T) =>
  (buf: Uint8Array, pos: number, end: number): T => {
    if (pos + size > end) throw wire.cut()
    at.pos = pos + size
    return value(buf, pos)
  }
const fixed64 = (halves: (lo: number, hi: number) => unknown): Read =>
  bytes(8, (buf, pos) => halves(wire.fixed32(buf, pos), wire.fixed32(buf, pos + 4)))
const varint64 =
  (halves: (lo: number, hi: number) => unknown): Read =>
  (buf, pos, end) => {
    wire.varint64(buf, pos, end)
    return halves(at.lo, at.hi)
  }

/** The value at `pos` of each kind that has no length of its own; `at.pos` is after it. */
const READ: Readonly<Record<Exclude<Kind, 'string' | 'bytes' | 'message'>, Read>> = {
  double: bytes(8, wire.double),
  float: bytes(4, wire.float),
  int32: wire.varint32,
  enum: wire.varint32,
  uint32: (buf, pos, end) => wire.varint32(buf, pos, end) >>> 0,
  sint32(buf, pos, end) {
    const raw = wire.varint32(buf, pos, end)
    return (raw >>> 1) ^ -(raw & 1)
  },
  fixed32: bytes(4, (buf, pos) => wire.fixed32(buf, pos) >>> 0),
  sfixed32: bytes(4, wire.fixed32),
  int64: varint64(signed),
  uint64: varint64(unsigned),
  sint64: varint64(() => {
    wire.unzigzag64()
    return signed(at.lo, at.hi)
  }),
  fixed64: fixed64(unsigned),
  sfixed64: fixed64(signed),
  bool: wire.bool,
}

/**
 * The value at `pos` as a span that begins at `start`, with its tag.
 *
 * @throws {Malformed} for a value that is cut, or text that is not UTF-8.
 */
export function scalarSpan(
  buf: Uint8Array,
  { name, kind, enum: names, utf8 }: Pick<Field, 'name' | 'kind' | 'enum' | 'utf8'>,
  start: number,
  pos: number,
  end: number,
): Span {
  if (kind === 'message') throw new Error('A message is no scalar.')
  if (kind === 'string' || kind === 'bytes') {
    const valueEnd = lengthEnd(buf, pos, end)
    const valueStart = at.pos
    const value =
      kind === 'bytes' ? buf.subarray(valueStart, valueEnd) : (utf8 ? strictText : text)(buf, valueStart, valueEnd)
    return leaf(name, kind, value, start, valueEnd, valueStart)
  }
  const value = READ[kind](buf, pos, end)
  const label = names === null ? kind : shortName(names.name)
  const note = names === null ? undefined : (names.names.get(value as number) ?? 'no name of the enum')
  return leaf(name, label, value, start, at.pos, pos, note)
}

/** The end of what a length at `pos` announces; `at.pos` is where it begins. */
export function lengthEnd(buf: Uint8Array, pos: number, end: number): number {
  const valueEnd = wire.size(buf, pos, end) + at.pos
  if (valueEnd > end) throw wire.cut()
  return valueEnd
}

/** The last part of an enum's name. */
export const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
