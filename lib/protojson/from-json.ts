// ProtoJSON to messages as a writer takes them: https://protobuf.dev/programming-guides/json. Ranges are the writer's to check.

import { QbpError } from '../base/errors.ts'
import type { Field, Type } from '../codec/type.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { anyUrl } from './to-json.ts'

type Values = Record<string, unknown>

/** A value that does not fit its field, which the message names by its path. */
const misfit = (path: string, value: unknown, allowed: string): QbpError =>
  new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `${path === '' ? 'The message' : path} is ${JSON.stringify(value)}, not ${allowed}`,
  )

/**
 * The message of its ProtoJSON. Fields go by their JSON names, or by the .proto's.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field.
 */
export function fromProtoJson(protocol: Protocol, type: Type, json: unknown, path = ''): object {
  const known = wellKnown[type.fullName]
  if (known !== undefined) return known(json, path, protocol)
  if (!isObject(json)) throw misfit(path, json, `an object with the fields of ${type.name}`)
  const message: Values = {}
  for (const [key, value] of Object.entries(json)) {
    const place = path === '' ? key : `${path}.${key}`
    const field = fieldOf(type, key)
    if (field === undefined) {
      const names = type.fields.map((each) => each.jsonName)
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `${place} is no field of ${type.name}, which has ${names.slice(0, 12).join(', ') || 'none'}${names.length > 12 ? ', …' : ''}`,
      )
    }
    if (value === null && !takesNull(field)) continue
    message[field.name] = fieldValue(protocol, field, value, place)
  }
  return message
}

const fieldOf = (type: Type, key: string): Field | undefined =>
  type.fields.find((field) => field.jsonName === key || field.name === key) ??
  type.fields.find((field) => underscored(field.name) === key)

const underscored = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Null is a value of its own there, and elsewhere means that the field is absent. */
const takesNull = ({ message, enum: values, repeated, key }: Field): boolean =>
  !repeated &&
  key === null &&
  (message?.fullName === 'google.protobuf.Value' || values?.name === 'google.protobuf.NullValue')

function fieldValue(protocol: Protocol, field: Field, value: unknown, path: string): unknown {
  if (field.key !== null) {
    if (!isObject(value)) throw misfit(path, value, 'an object of keys and values')
    const entries = Object.entries(value)
    return Object.fromEntries(
      entries.map(([key, item]) => [key, oneValue(protocol, field, item, `${path}[${JSON.stringify(key)}]`)]),
    )
  }
  if (!field.repeated) return oneValue(protocol, field, value, path)
  if (!Array.isArray(value)) throw misfit(path, value, 'a list')
  return value.map((item, i) => oneValue(protocol, field, item, `${path}[${i}]`))
}

function oneValue(protocol: Protocol, field: Field, value: unknown, path: string): unknown {
  switch (field.kind) {
    case 'message':
      return fromProtoJson(protocol, field.message as Type, value, path)
    case 'bytes':
      return base64(value, path)
    case 'enum':
      return value === null ? 0 : value
    case 'float':
    case 'double':
      return floating(value, path)
    default:
      return value
  }
}

function base64(value: unknown, path: string): Buffer {
  if (typeof value !== 'string' || !/^[\w+/-]*={0,2}$/.test(value)) throw misfit(path, value, 'text in base64')
  return Buffer.from(value, 'base64')
}

function floating(value: unknown, path: string): unknown {
  if (typeof value !== 'string') return value
  if (value.trim() !== '' && (value === 'NaN' || !Number.isNaN(Number(value)))) return Number(value)
  throw misfit(path, value, 'a number')
}

const text = (value: unknown, path: string, example: string): string => {
  if (typeof value === 'string') return value
  throw misfit(path, value, `text such as '${example}'`)
}

const wrapper =
  (read: (value: unknown, path: string) => unknown = (value) => value) =>
  (json: unknown, path: string): object => ({ value: read(json, path) })

const wellKnown: Record<string, (json: unknown, path: string, protocol: Protocol) => object> = {
  'google.protobuf.Timestamp': (json, path) => {
    const example = '2026-11-23T10:00:00.5Z'
    const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text(json, path, example))
    const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`)
    if (Number.isNaN(milliseconds)) throw misfit(path, json, `a time such as '${example}'`)
    return { seconds: milliseconds / 1000, nanos: nanos(match?.[2]) }
  },
  'google.protobuf.Duration': (json, path) => {
    const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text(json, path, '1.5s'))
    if (match === null) throw misfit(path, json, `a duration such as '1.5s'`)
    const sign = match[1] === '-' ? -1 : 1
    return { seconds: sign * Number(match[2]) + 0, nanos: sign * nanos(match[3]) + 0 }
  },
  'google.protobuf.FieldMask': (json, path) => {
    const paths = text(json, path, 'user.displayName')
      .split(',')
      .filter((each) => each !== '')
    return { paths: paths.map(underscored) }
  },
  'google.protobuf.Any': (json, path, protocol) => {
    if (!isObject(json)) throw misfit(path, json, `an object with '@type'`)
    const { '@type': typeUrl, ...rest } = json
    if (typeUrl === undefined && Object.keys(rest).length === 0) return {}
    const name = text(typeUrl, `${path}['@type']`, 'type.googleapis.com/package.Name')
    const type = protocol.messageType(name.slice(name.lastIndexOf('/') + 1))
    const inner = wellKnown[type.fullName] === undefined ? rest : rest.value
    const message = fromProtoJson(protocol, type, inner, path)
    return { [anyUrl(protocol)]: name, value: protocol.encode(type.fullName, message) }
  },
  'google.protobuf.Struct': (json, path) => struct(json, path),
  'google.protobuf.Value': (json) => held(json),
  'google.protobuf.ListValue': (json, path) => {
    if (!Array.isArray(json)) throw misfit(path, json, 'a list')
    return { values: json.map(held) }
  },
  'google.protobuf.BytesValue': wrapper(base64),
  'google.protobuf.DoubleValue': wrapper(floating),
  'google.protobuf.FloatValue': wrapper(floating),
  ...Object.fromEntries(
    ['Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String'].map((kind) => [`google.protobuf.${kind}Value`, wrapper()]),
  ),
}

const nanos = (digits = ''): number => Number(digits.padEnd(9, '0'))

function struct(json: unknown, path: string): object {
  if (!isObject(json)) throw misfit(path, json, 'an object')
  return { fields: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, held(value)])) }
}

/** Any JSON as a `google.protobuf.Value`. */
function held(json: unknown): object {
  if (json === null) return { nullValue: 0 }
  if (typeof json === 'number') return { numberValue: json }
  if (typeof json === 'string') return { stringValue: json }
  if (typeof json === 'boolean') return { boolValue: json }
  return Array.isArray(json) ? { listValue: { values: json.map(held) } } : { structValue: struct(json, '') }
}
