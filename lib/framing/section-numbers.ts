// Lengths and types that stand in a section of which no schema is known: its fields are found, and written, by their numbers.

import type { Place } from './layout/layout.ts'
import { headers } from './presets.ts'

/** The numbers of the fields that layouts with a name are about. */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  [headers.osmpbf]: { 'BlobHeader.type': 1, 'BlobHeader.datasize': 3 },
  [headers.syncthing]: { 'Header.type': 1 },
  [headers.brpc]: { 'RpcMeta.attachment_size': 5 },
}

/** The path by numbers, as the layout has it, or as it is known of a layout with a name; else null. */
export function numbersOf(layout: string, { path, text }: Place): readonly string[] | null {
  if (path.every((name) => /^\d+$/.test(name))) return path
  // Also of what is left of one that is read from after its preamble on.
  const name = Object.keys(NUMBERS).find((each) => each === layout || each.endsWith(`| ${layout}`))
  const known = NUMBERS[name ?? '']?.[text]
  return known === undefined ? null : [String(known)]
}

/** A field as it stands on the wire. */
export interface Found {
  /** Of the whole field, of its value, and where both end. */
  readonly start: number
  readonly value: number
  readonly end: number
  readonly number: number
  readonly wire: number
}

/** The fields of a message, as far as it is one; groups are none that a length stands in. */
export function* fieldsIn(bytes: Uint8Array): Generator<Found> {
  for (let start = 0; start < bytes.length; ) {
    const tag = varintAt(bytes, start)
    if (tag === null) return
    const [number, wire] = [Number(tag.value >> 3n), Number(tag.value & 7n)]
    let value = tag.end
    let end = wire === 1 ? value + 8 : wire === 5 ? value + 4 : value
    if (wire === 0 || wire === 2) {
      const read = varintAt(bytes, value)
      if (read === null) return
      if (wire === 2) value = read.end
      end = read.end + (wire === 2 ? Number(read.value) : 0)
    } else if (wire !== 1 && wire !== 5) return
    if (end > bytes.length) return
    yield { start, value, end, number, wire }
    start = end
  }
}

function varintAt(bytes: Uint8Array, at: number): { value: bigint; end: number } | null {
  let value = 0n
  for (let i = at; i < bytes.length && i < at + 10; i++) {
    value |= BigInt((bytes[i] as number) & 127) << BigInt(7 * (i - at))
    if ((bytes[i] as number) < 128) return { value, end: i + 1 }
  }
  return null
}

/** The last field of a number counts, as in protobuf. */
function last(bytes: Uint8Array, number: string): Found | undefined {
  let found: Found | undefined
  for (const field of fieldsIn(bytes)) if (field.number === Number(number)) found = field
  return found
}

/** What stands at the path: a number, or text; undefined where nothing does. */
export function valueIn(
  bytes: Uint8Array,
  [number = '', ...rest]: readonly string[],
): number | bigint | string | undefined {
  const found = last(bytes, number)
  if (found === undefined) return undefined
  const content = bytes.subarray(found.value, found.end)
  if (found.wire === 2) return rest.length > 0 ? valueIn(content, rest) : new TextDecoder().decode(content)
  if (rest.length > 0) return undefined
  if (found.wire === 0) return varintAt(bytes, found.value)?.value
  const view = new DataView(content.buffer, content.byteOffset)
  return found.wire === 5 ? view.getUint32(0, true) : view.getBigUint64(0, true)
}

/** The message with a value at the path. Where it stands there already, nothing is changed; nothing is what absent says. */
export function withValueIn(bytes: Uint8Array, path: readonly string[], value: number | bigint | string): Uint8Array {
  const isNothing = value === '' || BigInt(typeof value === 'string' ? 1 : value) === 0n
  const before = valueIn(bytes, path)
  if (before === undefined ? isNothing : String(before) === String(value)) return bytes
  const [number = '', ...rest] = path
  const found = last(bytes, number)
  const isFixed = found?.wire === 1 || found?.wire === 5
  const inner = rest.length > 0 && found?.wire === 2 ? bytes.subarray(found.value, found.end) : new Uint8Array(0)
  const content =
    rest.length > 0
      ? withValueIn(inner, rest, value)
      : typeof value === 'string'
        ? new TextEncoder().encode(value)
        : null
  const written =
    content !== null
      ? [...varint(BigInt(number) * 8n + 2n), ...varint(BigInt(content.length)), ...content]
      : isFixed
        ? [...bytes.subarray(found.start, found.value), ...fixed(BigInt(value), found.wire === 1 ? 8 : 4)]
        : [...varint(BigInt(number) * 8n), ...varint(BigInt(value))]
  const { start, end } = found ?? { start: bytes.length, end: bytes.length }
  return Uint8Array.of(...bytes.subarray(0, start), ...written, ...bytes.subarray(end))
}

function varint(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)]
    bytes.push(Number(rest & 127n) | 128)
  }
}

const fixed = (value: bigint, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
