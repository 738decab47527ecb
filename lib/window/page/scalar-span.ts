import { int64Kind } from '../../codec/int64.ts'
import { strictText, text } from '../../codec/read-text.ts'
import type { Field } from '../../codec/type.ts'
import * as wire from '../../codec/wire.ts'
import { at } from '../../codec/wire.ts'
import { leaf, type Span } from './span.ts'

const { signed, unsigned } = int64Kind('bigint')

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
      const valueEnd = lengthEnd(buf, pos, end)
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

/** The end of what a length at `pos` announces; `at.pos` is where it begins. */
export function lengthEnd(buf: Uint8Array, pos: number, end: number): number {
  const valueEnd = wire.size(buf, pos, end) + at.pos
  if (valueEnd > end) throw wire.cut()
  return valueEnd
}

/** The last part of an enum's name. */
export const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
