// The types that ProtoJSON writes in a form of their own: times, durations, wrappers, any JSON, messages of any type. Known by
// their full names; their fields go by number, since a schema may bring its own copy of their files, with names in either case.

import { encodeBody, Room } from '../codec/body.ts'
import type { Field, Type } from '../codec/type.ts'
import { asMessage, asValue, isObject, type JsonContext, member, misfit, put, shown, type Values } from './context.ts'
import { base64, fromBase64, scalarFromJson, scalarToJson } from './scalars.ts'

interface WellKnown {
  toJson(message: Values, path: string, context: JsonContext, type: Type): unknown
  fromJson(json: unknown, path: string, context: JsonContext, type: Type): object
}

/** The form of its own that a type has in JSON, if it has one. */
export function wellKnown({ fullName }: Type): WellKnown | undefined {
  return fullName.startsWith('google.protobuf.') ? forms[fullName.slice(16)] : undefined
}

function text(json: unknown, path: string, example: string): string {
  if (typeof json === 'string') return json
  throw misfit(path, `is ${shown(json)}, not text such as '${example}'`)
}

/** Nanoseconds as a fraction of 0, 3, 6 or 9 digits. */
const fraction = (nanos: number): string =>
  nanos === 0
    ? ''
    : `.${String(nanos)
        .padStart(9, '0')
        .replace(/(000){1,2}$/, '')}`

const nanosOf = (digits = ''): number => Number(digits.padEnd(9, '0'))

const isBeyond = (seconds: bigint, least: bigint, most: bigint): boolean => seconds < least || seconds > most
const asBigInt = (value: unknown): bigint => BigInt(String(value))

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const FIRST_SECOND = -62135596800n
const LAST_SECOND = 253402300799n

const Timestamp: WellKnown = {
  toJson({ seconds, nanos }, path) {
    const [whole, part] = [asBigInt(seconds), Number(nanos)]
    if (isBeyond(whole, FIRST_SECOND, LAST_SECOND)) throw misfit(path, `is ${whole} s, outside of the years 1 to 9999`)
    if (part < 0 || part > 999_999_999) throw misfit(path, `has ${part} nanos; a time has 0 to 999999999`)
    return `${new Date(Number(whole) * 1000).toISOString().slice(0, 19)}${fraction(part)}Z`
  },
  fromJson(json, path) {
    const example = '2026-11-23T10:00:00.5Z'
    const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text(json, path, example))
    const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`)
    if (Number.isNaN(milliseconds)) throw misfit(path, `is ${shown(json)}, not a time such as '${example}'`)
    const seconds = milliseconds / 1000
    if (isBeyond(BigInt(seconds), FIRST_SECOND, LAST_SECOND))
      throw misfit(path, `is ${shown(json)}, outside of the years 1 to 9999`)
    return { seconds, nanos: nanosOf(match?.[2]) }
  },
}

/** Ten thousand years. */
const LONGEST = 315_576_000_000n

const Duration: WellKnown = {
  toJson({ seconds, nanos }, path) {
    const [whole, part] = [asBigInt(seconds), Number(nanos)]
    if (isBeyond(whole, -LONGEST, LONGEST)) throw misfit(path, `is ${whole} s; a duration has at most ${LONGEST}`)
    if (Math.abs(part) > 999_999_999 || (whole > 0n && part < 0) || (whole < 0n && part > 0))
      throw misfit(path, `has ${whole} seconds and ${part} nanos, which are not of one sign and below a second`)
    const negative = whole < 0n || part < 0
    return `${negative ? '-' : ''}${whole < 0n ? -whole : whole}${fraction(Math.abs(part))}s`
  },
  fromJson(json, path) {
    const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text(json, path, '1.5s'))
    if (match === null || BigInt(match[2] as string) > LONGEST)
      throw misfit(path, `is ${shown(json)}, not a duration such as '1.5s' of at most ${LONGEST} s`)
    const sign = match[1] === '-' ? -1 : 1
    return { seconds: sign * Number(match[2]) + 0, nanos: sign * nanosOf(match[3]) + 0 }
  },
}

const FieldMask: WellKnown = {
  toJson({ paths }, path) {
    return (paths as string[])
      .map((each) => {
        // Only what comes back from lowerCamelCase as it was.
        if (/[A-Z]|_(?![a-z])/.test(each))
          throw misfit(path, `has the path ${shown(each)}, which no JSON name stands for`)
        return each.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
      })
      .join(',')
  },
  fromJson(json, path) {
    const paths = text(json, path, 'user.displayName')
    if (!/^[A-Za-z\d.,]*$/.test(paths)) throw misfit(path, `is ${shown(json)}, not paths such as 'user.displayName'`)
    const snake = paths.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    return { paths: paths === '' ? [] : snake.split(',') }
  },
}

const nameOf = (type: Type, id: number): string => (type.fields.find((field) => field.id === id) as Field).name

/** The message of any type, with its own fields beside its URL. One that the schema lacks, or does not read, stays bytes. */
const Any: WellKnown = {
  toJson(message, path, context, any) {
    const url = String(message[nameOf(any, 1)] ?? '')
    const bytes = (message.value as Uint8Array | undefined) ?? new Uint8Array(0)
    if (url === '' && bytes.length === 0) return {}
    const type = context.find(url.slice(url.lastIndexOf('/') + 1))
    if (type === undefined) return { '@type': url, value: base64(bytes) }
    const inner = new type.Message()
    type.decode(inner, bytes, 0, bytes.length, 0, false, 0)
    const json = context.toJson(type, inner, path)
    return wellKnown(type) === undefined ? { '@type': url, ...(json as object) } : { '@type': url, value: json }
  },
  fromJson(json, path, context, any) {
    if (!isObject(json)) throw misfit(path, `is ${shown(json)}, not an object with '@type'`)
    const { '@type': url, ...rest } = json
    if (url === undefined && Object.keys(rest).length === 0) return {}
    const place = `${path}['@type']`
    const name = text(url, place, 'type.googleapis.com/package.Name')
    if (!name.includes('/'))
      throw misfit(place, `is ${shown(url)}, not a URL such as 'type.googleapis.com/package.Name'`)
    const type = context.find(name.slice(name.lastIndexOf('/') + 1))
    if (type === undefined) {
      const { value = '', ...others } = rest
      if (Object.keys(others).length > 0) throw misfit(place, `is ${shown(url)}, which is no message of the schema`)
      return { [nameOf(any, 1)]: name, value: fromBase64(value, member(path, 'value')) }
    }
    const inner = context.fromJson(type, wellKnown(type) === undefined ? rest : rest.value, path)
    const output = new Room()
    const end = encodeBody(type, inner, output, 0)
    return { [nameOf(any, 1)]: name, value: output.buf.subarray(0, end) }
  },
}

const Struct: WellKnown = {
  toJson({ fields }, path, context, type) {
    const json: Values = {}
    for (const [key, item] of Object.entries(fields as Values))
      put(json, key, memberJson(type, 1, item, `${path}[${JSON.stringify(key)}]`, context, Value))
    return json
  },
  fromJson(json, path, context, type) {
    if (!isObject(json)) throw misfit(path, `is ${shown(json)}, not an object`)
    const fields: Values = {}
    for (const [key, item] of Object.entries(json))
      put(fields, key, fromMember(type, 1, item, `${path}[${JSON.stringify(key)}]`, context, Value))
    return { fields }
  },
}

const memberOf = (type: Type, id: number): Field => type.fields.find((field) => field.id === id) as Field

/** The JSON of a value of a field, of the well-known type `known`. */
function memberJson(
  type: Type,
  id: number,
  value: unknown,
  path: string,
  context: JsonContext,
  known: WellKnown,
): unknown {
  const field = memberOf(type, id)
  return known.toJson(asMessage(field, value), path, context, field.message as Type)
}

/** The value of a field of such JSON. */
function fromMember(
  type: Type,
  id: number,
  json: unknown,
  path: string,
  context: JsonContext,
  known: WellKnown,
): unknown {
  const field = memberOf(type, id)
  return asValue(field, known.fromJson(json, path, context, field.message as Type), path)
}

/** Any JSON. */
const Value: WellKnown = {
  toJson(message, path, context, type) {
    const of = (id: number) => nameOf(type, id)
    const has = (id: number) => Object.hasOwn(message, of(id))
    if (has(2)) {
      const number = message[of(2)] as number
      if (Number.isFinite(number)) return number
      throw misfit(path, `is ${number}, which is no number of JSON`)
    }
    if (has(3)) return message[of(3)]
    if (has(4)) return message[of(4)]
    if (has(5)) return memberJson(type, 5, message[of(5)], path, context, Struct)
    if (has(6)) return memberJson(type, 6, message[of(6)], path, context, ListValue)
    if (has(1)) return null
    throw misfit(path, 'is a google.protobuf.Value without a value, which is no JSON')
  },
  fromJson(json, path, context, type) {
    const of = (id: number) => nameOf(type, id)
    if (json === null) return { [of(1)]: 0 }
    if (typeof json === 'number' || typeof json === 'bigint') return { [of(2)]: Number(json) }
    if (typeof json === 'string') return { [of(3)]: json }
    if (typeof json === 'boolean') return { [of(4)]: json }
    return Array.isArray(json)
      ? { [of(6)]: fromMember(type, 6, json, path, context, ListValue) }
      : { [of(5)]: fromMember(type, 5, json, path, context, Struct) }
  },
}

const ListValue: WellKnown = {
  toJson({ values }, path, context, type) {
    return (values as unknown[]).map((item, i) => memberJson(type, 1, item, `${path}[${i}]`, context, Value))
  },
  fromJson(json, path, context, type) {
    if (!Array.isArray(json)) throw misfit(path, `is ${shown(json)}, not a list`)
    return { values: json.map((item, i) => fromMember(type, 1, item, `${path}[${i}]`, context, Value)) }
  },
}

/** A message of one value stands as that value. */
const wrapper: WellKnown = {
  toJson(message, _path, _context, type) {
    const [field] = type.fields
    return scalarToJson(field as Field, message.value)
  },
  fromJson(json, path, context, type) {
    return { value: scalarFromJson(type.fields[0] as Field, json, path, context) }
  },
}

const WRAPPED = 'Double Float Int64 UInt64 Int32 UInt32 Bool String Bytes'.split(' ')

const forms: Record<string, WellKnown> = {
  ...{ Timestamp, Duration, FieldMask, Any, Struct, Value, ListValue },
  ...Object.fromEntries(WRAPPED.map((kind) => [`${kind}Value`, wrapper])),
}
