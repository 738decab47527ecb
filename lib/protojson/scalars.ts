// The values of single fields: https://protobuf.dev/programming-guides/json has the table.

import type { Field } from '../codec/type.ts'
import { type JsonContext, misfit, shown } from './context.ts'

/** Bytes as text, in a browser as in Node. */
export function base64(bytes: Uint8Array): string {
  if (typeof Buffer === 'function') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x2000) text += String.fromCharCode(...bytes.subarray(i, i + 0x2000))
  return btoa(text)
}

/** The bytes of text in base64 or base64url, with or without its padding. */
export function fromBase64(value: unknown, path: string): Uint8Array {
  if (typeof value !== 'string' || !/^[\w+/-]*={0,2}$/.test(value) || value.replace(/=+$/, '').length % 4 === 1)
    throw misfit(path, `is ${shown(value)}, not text in base64`)
  if (typeof Buffer === 'function') return Buffer.from(value, 'base64')
  const text = atob(value.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, ''))
  return Uint8Array.from(text, (char) => char.charCodeAt(0))
}

/** The number of fewest digits that is this float: 0.1, not 0.10000000149011612. */
export function shortFloat(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

/** The JSON of a value that is no message. */
export function scalarToJson({ kind, enum: values }: Pick<Field, 'kind' | 'enum'>, value: unknown): unknown {
  switch (kind) {
    case 'bytes':
      return base64(value as Uint8Array)
    case 'enum':
      if (values?.name === 'google.protobuf.NullValue') return null
      return values?.names.get(value as number) ?? value
    case 'float':
      return Number.isFinite(value) ? shortFloat(value as number) : String(value)
    case 'double':
      return Number.isFinite(value) ? value : String(value)
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64': // A number where the protocol's int64 is 'number': it is a safe one.
      return typeof value === 'number' ? value : String(value)
    default:
      return value
  }
}

/** No value: what `ignoreUnknown` leaves out. */
export const LEFT_OUT = Symbol('left out')

/** The value of its JSON, which is no message's; ranges are the encoder's to check. LEFT_OUT for an enum's unknown name. */
export function scalarFromJson(
  { kind, enum: values }: Pick<Field, 'kind' | 'enum'>,
  value: unknown,
  path: string,
  { ignoreUnknown }: JsonContext,
): unknown {
  switch (kind) {
    case 'bytes':
      return fromBase64(value, path)
    case 'string':
      if (typeof value === 'string') return value
      throw misfit(path, `is ${shown(value)}, not a string`)
    case 'bool':
      if (typeof value === 'boolean') return value
      throw misfit(path, `is ${shown(value)}, not true or false`)
    case 'enum':
      if (value === null && values?.name === 'google.protobuf.NullValue') return 0
      if (typeof value !== 'string') return integer(value, path)
      if (values?.numbers.has(value)) return values.numbers.get(value)
      if (ignoreUnknown) return LEFT_OUT
      return value // The encoder lists the names that there are.
    case 'float':
    case 'double':
      return floating(value, path, kind)
    default:
      return integer(value, path)
  }
}

/** An integer: a number without a fraction, or the same as text. */
function integer(value: unknown, path: string): number | bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return value
  if (typeof value === 'string' && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value)) {
    if (/^-?\d+$/.test(value) && value.length < 40) return BigInt(value)
    const number = Number(value)
    if (Number.isInteger(number)) return number
  }
  throw misfit(path, `is ${shown(value)}, not an integer`)
}

const LARGEST_FLOAT = 3.4028234663852886e38

function floating(value: unknown, path: string, kind: 'float' | 'double'): number {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  const isText = typeof value === 'string' && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value)
  if (typeof value === 'number' || typeof value === 'bigint' || isText) {
    const number = Number(value)
    // What rounds to the largest float is one.
    if (Number.isFinite(number) && (kind === 'double' || Number.isFinite(Math.fround(number))))
      return kind === 'float' && Math.abs(number) > LARGEST_FLOAT ? Math.sign(number) * LARGEST_FLOAT : number
    throw misfit(path, `is ${shown(value)}, which no ${kind} can hold`)
  }
  throw misfit(path, `is ${shown(value)}, not a number`)
}
