// Messages to canonical ProtoJSON: https://protobuf.dev/programming-guides/json. The window's page uses it, too: it runs
// in a browser.

import { QbpError } from '../base/errors.ts'
import type { Field, Type } from '../codec/type.ts'
import type { Protocol } from '../protocol/protocol.ts'

type Values = Record<string, unknown>

/** The ProtoJSON of a message as a reader hands it out. @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a well-known type that has no JSON, such as a time after the year 9999. */
export function toProtoJson(protocol: Protocol, type: Type, message: object): unknown {
  const known = wellKnown[type.fullName]
  if (known !== undefined) return known(message as Values, protocol)
  const json: Values = {}
  for (const field of type.fields) {
    const { name } = field
    if (!Object.hasOwn(message, name)) continue
    const value = (message as Values)[name]
    if (isDefault(field, value)) continue
    json[field.jsonName] = fieldJson(protocol, field, value)
  }
  return json
}

/** A field without presence that holds its default is left out, sent or not. */
function isDefault({ presence, repeated, key, kind, oneof, initial }: Field, value: unknown): boolean {
  if (repeated) return (value as unknown[]).length === 0
  if (key !== null) return Object.keys(value as object).length === 0
  if (presence || oneof !== null || kind === 'message') return false
  if (kind === 'bytes') return (value as Uint8Array).length === 0
  if (kind === 'float' || kind === 'double') return Object.is(value, initial)
  return value === initial || (kind.endsWith('64') && String(value) === String(initial))
}

function fieldJson(protocol: Protocol, field: Field, value: unknown): unknown {
  if (field.key !== null) {
    const entries = Object.entries(value as Values).map(([key, item]) => [key, valueJson(protocol, field, item)])
    return Object.fromEntries(entries)
  }
  if (field.repeated) return (value as unknown[]).map((item) => valueJson(protocol, field, item))
  return valueJson(protocol, field, value)
}

function valueJson(protocol: Protocol, field: Field, value: unknown): unknown {
  switch (field.kind) {
    case 'message':
      return toProtoJson(protocol, field.message as Type, value as object)
    case 'bytes':
      return base64(value as Uint8Array)
    case 'enum':
      if (field.enum?.name === 'google.protobuf.NullValue') return null
      return field.enum?.names.get(value as number) ?? value
    case 'float':
      return Number.isFinite(value) ? shortFloat(value as number) : String(value)
    case 'double':
      return Number.isFinite(value) ? value : String(value)
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return typeof value === 'number' ? value : String(value)
    default:
      return value
  }
}

/** Bytes as text, in a browser as in Node. */
export function base64(bytes: Uint8Array): string {
  if (typeof Buffer === 'function') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
  let text = ''
  for (let i = 0; i < bytes.length; i += 0x2000) text += String.fromCharCode(...bytes.subarray(i, i + 0x2000))
  return btoa(text)
}

/** The number of fewest digits that is this float: 0.1, not 0.10000000149011612. */
function shortFloat(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return value
}

const plain = (message: Values): unknown => {
  const { value } = message
  return typeof value === 'bigint' || (typeof value === 'object' && !(value instanceof Uint8Array))
    ? String(value)
    : value
}
const float = (message: Values): unknown => (Number.isFinite(message.value) ? message.value : String(message.value))

const wellKnown: Record<string, (message: Values, protocol: Protocol) => unknown> = {
  'google.protobuf.Timestamp': ({ seconds, nanos }) => {
    const whole = Number(seconds)
    if (whole < -62135596800 || whole > 253402300799)
      throw new QbpError('ERR_QBP_INVALID_MESSAGE', `The time ${whole} s is outside of the years 1 to 9999.`)
    return `${new Date(whole * 1000).toISOString().slice(0, 19)}${fraction(Number(nanos))}Z`
  },
  'google.protobuf.Duration': ({ seconds, nanos }) => {
    const [whole, part] = [Number(seconds), Number(nanos)]
    return `${whole < 0 || part < 0 ? '-' : ''}${Math.abs(whole)}${fraction(Math.abs(part))}s`
  },
  'google.protobuf.FieldMask': ({ paths }) =>
    (paths as string[]).map((path) => path.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())).join(','),
  'google.protobuf.Any': (message, protocol) => {
    const typeUrl = String(message[anyUrl(protocol)] ?? '')
    if (typeUrl === '') return {}
    const type = protocol.messageType(typeUrl.slice(typeUrl.lastIndexOf('/') + 1))
    const json = toProtoJson(protocol, type, protocol.decode(type.fullName, message.value as Uint8Array))
    return wellKnown[type.fullName] === undefined
      ? { '@type': typeUrl, ...(json as object) }
      : { '@type': typeUrl, value: json }
  },
  'google.protobuf.Struct': ({ fields }, protocol) =>
    Object.fromEntries(Object.entries(fields as Values).map(([key, item]) => [key, heldBy(item as Values, protocol)])),
  'google.protobuf.Value': (message, protocol) => heldBy(message, protocol),
  'google.protobuf.ListValue': ({ values }, protocol) => (values as Values[]).map((item) => heldBy(item, protocol)),
  'google.protobuf.BytesValue': ({ value }) => base64(value as Uint8Array),
  'google.protobuf.DoubleValue': float,
  'google.protobuf.FloatValue': (message) =>
    Number.isFinite(message.value) ? shortFloat(message.value as number) : String(message.value),
  ...Object.fromEntries(
    ['Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String'].map((kind) => [`google.protobuf.${kind}Value`, plain]),
  ),
}

/** What a `google.protobuf.Value` holds, as JSON has it. */
function heldBy(message: Values, protocol: Protocol): unknown {
  const has = (name: string) => Object.hasOwn(message, name)
  if (has('numberValue')) return message.numberValue
  if (has('stringValue')) return message.stringValue
  if (has('boolValue')) return message.boolValue
  if (has('structValue')) return wellKnown['google.protobuf.Struct']?.(message.structValue as Values, protocol)
  if (has('listValue')) return wellKnown['google.protobuf.ListValue']?.(message.listValue as Values, protocol)
  return null
}

/** The name of the field `type_url`: protobufjs's own copy of any.proto leaves it as it is, and one from a file does not. */
export const anyUrl = (protocol: Protocol): string =>
  protocol.messageType('google.protobuf.Any').fields.find(({ id }) => id === 1)?.name ?? 'type_url'

/** Nanoseconds as a fraction of 0, 3, 6 or 9 digits. */
function fraction(nanos: number): string {
  if (nanos === 0) return ''
  return `.${String(nanos)
    .padStart(9, '0')
    .replace(/(000){1,2}$/, '')}`
}
