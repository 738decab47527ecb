// A body without a schema as JSON, by number and wire type, from which the same bytes come again:
//
//   0801 1203616e6e 1a021005 2501000000
//   {"1:varint": 1, "2:text": "ann", "3:message": {"2:varint": 5}, "4:fixed32": 1}
//
// A field that comes several times in a row is a list. Where a number comes back after others, it is a row of single fields,
// `{"*": [{"1:varint": 1}, {"2:text": "a"}, {"1:varint": 2}]}`. What bytes of wire type 2 are is guessed: text, a message, or bytes.

import { QbpError } from '../base/errors.ts'
import { base64, fromBase64, shortFloat } from './scalars.ts'

/** How a field stands on the wire, or what its bytes look like. */
export type WireKind = 'varint' | 'fixed64' | 'double' | 'text' | 'bytes' | 'message' | 'group' | 'fixed32' | 'float'

/** One field as it came. */
export interface WireField {
  readonly number: number
  readonly kind: WireKind
  /** A bigint, number or text; bytes; or the fields of a message or group. */
  readonly value: bigint | number | string | Uint8Array | readonly WireField[]
}

const WIRE_TYPES: Record<WireKind, number> = {
  varint: 0,
  ...{ fixed64: 1, double: 1 },
  ...{ text: 2, bytes: 2, message: 2 },
  group: 3,
  ...{ fixed32: 5, float: 5 },
}
const MAX_DEPTH = 64
/** A longer body is not shown as fields. */
const MAX_BYTES = 2 ** 20
const ROW = '*'
const MAX_NUMBER = 2 ** 29 - 1

/** The fields of a body, if it reads as one. */
function wireFields(bytes: Uint8Array): WireField[] | undefined {
  return new Reading(bytes).fields(0, bytes.length, 0, 0)?.fields
}

/** What bytes of wire type 2 look like. Text differs from a message by its first byte: a tag is hardly ever printable. */
export function guessBytes(bytes: Uint8Array, depth = 0): Pick<WireField, 'kind' | 'value'> {
  const text = printableText(bytes)
  if (text !== undefined && !/^[\n\r\t]/.test(text)) return { kind: 'text', value: text }
  const inner = depth < MAX_DEPTH ? new Reading(bytes).fields(0, bytes.length, 0, depth + 1) : undefined
  if (inner !== undefined && inner.fields.length > 0) return { kind: 'message', value: inner.fields }
  return text === undefined ? { kind: 'bytes', value: bytes } : { kind: 'text', value: text }
}

/** The text that bytes are, unless they hold what no text does. */
function printableText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

class Reading {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #pos = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /** The fields up to `end`, or up to the end tag of the group of that number. */
  fields(start: number, end: number, group: number, depth: number): { fields: WireField[] } | undefined {
    if (depth > MAX_DEPTH) return undefined
    const fields: WireField[] = []
    this.#pos = start
    while (this.#pos < end) {
      const tag = this.#varint(end)
      if (tag === undefined || tag > BigInt(MAX_NUMBER * 8 + 7)) return undefined
      const number = Number(tag >> 3n)
      const wireType = Number(tag & 7n)
      if (number === 0) return undefined
      if (wireType === 4) return number === group ? { fields } : undefined
      const field = this.#value(wireType, number, end, depth)
      if (field === undefined) return undefined
      fields.push({ number, ...field })
    }
    return group === 0 ? { fields } : undefined
  }

  #value(wireType: number, number: number, end: number, depth: number): Pick<WireField, 'kind' | 'value'> | undefined {
    const pos = this.#pos
    switch (wireType) {
      case 0: {
        const value = this.#varint(end)
        return value === undefined ? undefined : { kind: 'varint', value }
      }
      case 1: {
        if (pos + 8 > end) return undefined
        this.#pos += 8
        const double = this.#view.getFloat64(pos, true)
        if (isPlausible(double)) return { kind: 'double', value: double }
        return { kind: 'fixed64', value: this.#view.getBigUint64(pos, true) }
      }
      case 5: {
        if (pos + 4 > end) return undefined
        this.#pos += 4
        const float = this.#view.getFloat32(pos, true)
        if (isPlausible(float)) return { kind: 'float', value: float }
        return { kind: 'fixed32', value: this.#view.getUint32(pos, true) }
      }
      case 2: {
        const length = this.#varint(end)
        if (length === undefined || length > BigInt(end - this.#pos)) return undefined
        const start = this.#pos
        this.#pos = start + Number(length)
        return guessBytes(this.#bytes.subarray(start, this.#pos), depth)
      }
      case 3: {
        const inner = this.fields(pos, end, number, depth + 1)
        return inner && { kind: 'group', value: inner.fields }
      }
      default:
        return undefined
    }
  }

  #varint(end: number): bigint | undefined {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#pos >= end) return undefined
      const byte = this.#bytes[this.#pos++] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value < 2n ** 64n ? value : undefined
    }
    return undefined
  }
}

/** Whether somebody may have meant that number: integers are read as ones beyond all measure, or next to 0. */
const isPlausible = (value: number): boolean => Math.abs(value) > 1e-6 && Math.abs(value) < 1e12

/** A body as JSON; undefined where it does not read as protobuf, or would not become the same bytes again. */
export function fieldsToJson(bytes: Uint8Array): unknown {
  const fields = bytes.length > MAX_BYTES ? undefined : wireFields(bytes)
  if (fields === undefined) return undefined
  const json = toJson(fields)
  const again = fieldsFromJson(json)
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]) ? json : undefined
}

const isFields = (value: WireField['value']): value is readonly WireField[] => Array.isArray(value)

function toJson(fields: readonly WireField[]): unknown {
  const jsonOf = ({ value, kind }: WireField): unknown => {
    if (isFields(value)) return toJson(value)
    if (value instanceof Uint8Array) return base64(value)
    if (typeof value === 'bigint') return value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)
    return kind === 'float' ? shortFloat(value as number) : value
  }
  const rows: [string, unknown[]][] = []
  for (const field of fields) {
    const key = `${field.number}:${field.kind}`
    const last = rows.at(-1)
    if (last?.[0] === key) last[1].push(jsonOf(field))
    else rows.push([key, [jsonOf(field)]])
  }
  if (new Set(rows.map(([key]) => key)).size < rows.length)
    return { [ROW]: rows.flatMap(([key, values]) => values.map((value) => ({ [key]: value }))) }
  return Object.fromEntries(rows.map(([key, values]) => [key, values.length === 1 ? values[0] : values]))
}

/** The bytes of such JSON. @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field. */
export function fieldsFromJson(json: unknown, path = 'fields'): Uint8Array {
  const out: number[] = []
  write(json, out, path)
  return Uint8Array.from(out)
}

function write(json: unknown, out: number[], path: string): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw refusal(path, json, 'an object such as {"1:varint": 5}')
  const row = (json as Record<string, unknown>)[ROW]
  const rows = Array.isArray(row) ? row.flatMap((item) => Object.entries(Object(item))) : Object.entries(json)
  for (const [key, value] of rows) {
    const place = `${path}["${key}"]`
    const [, digits = '', kind = ''] = /^(\d{1,9}):(\w+)$/.exec(key) ?? []
    const number = Number(digits)
    if (number < 1 || number > MAX_NUMBER || !Object.hasOwn(WIRE_TYPES, kind))
      throw refusal(place, key, `a number and one of ${Object.keys(WIRE_TYPES).join(', ')}, such as "1:varint"`)
    for (const item of Array.isArray(value) ? value : [value]) {
      writeVarint(BigInt(number * 8 + WIRE_TYPES[kind as WireKind]), out)
      writeValue(kind as WireKind, item, out, place)
      if (kind === 'group') writeVarint(BigInt(number * 8 + 4), out)
    }
  }
}

function writeValue(kind: WireKind, value: unknown, out: number[], path: string): void {
  if (kind === 'varint') writeVarint(BigInt.asUintN(64, integer(value, path)), out)
  else if (kind === 'fixed32') writeFixed(integer(value, path), 4, out)
  else if (kind === 'fixed64') writeFixed(integer(value, path), 8, out)
  else if (kind === 'message') writeBytes(fieldsFromJson(value, path), out)
  else if (kind === 'group') write(value, out, path)
  else if (kind === 'bytes') writeBytes(fromBase64(value, path), out)
  else if (kind === 'text') {
    if (typeof value !== 'string') throw refusal(path, value, 'text')
    writeBytes(new TextEncoder().encode(value), out)
  } else {
    if (typeof value !== 'number') throw refusal(path, value, 'a number')
    const view = new DataView(new ArrayBuffer(8))
    if (kind === 'float') view.setFloat32(0, value, true)
    else view.setFloat64(0, value, true)
    for (let i = 0; i < (kind === 'float' ? 4 : 8); i++) out.push(view.getUint8(i))
  }
}

function integer(value: unknown, path: string): bigint {
  if ((typeof value === 'number' && Number.isSafeInteger(value)) || typeof value === 'bigint') return BigInt(value)
  if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) return BigInt(value)
  throw refusal(path, value, 'a whole number, as text beyond 2**53 - 1')
}

function writeVarint(value: bigint, out: number[]): void {
  for (; value > 127n; value >>= 7n) out.push(Number(value & 127n) | 128)
  out.push(Number(value))
}

function writeFixed(value: bigint, size: number, out: number[]): void {
  for (let i = 0; i < size; i++) out.push(Number((value >> BigInt(8 * i)) & 255n))
}

function writeBytes(bytes: Uint8Array, out: number[]): void {
  writeVarint(BigInt(bytes.length), out)
  for (const byte of bytes) out.push(byte)
}

const refusal = (path: string, value: unknown, allowed: string): QbpError =>
  new QbpError('ERR_QBP_INVALID_MESSAGE', `${path} is ${JSON.stringify(value)}, not ${allowed}`)
