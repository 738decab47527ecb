// ProtoJSON to messages as a writer takes them: https://protobuf.dev/programming-guides/json. Ranges are the encoder's to check.

import { listed } from '../base/listed.ts'
import type { Field, Type } from '../codec/type.ts'
import { UNKNOWN } from '../codec/wire.ts'
import { asValue, isObject, type JsonContext, member, misfit, put, shown, UNKNOWN_KEY, type Values } from './context.ts'
import { fieldsFromJson } from './fields-json.ts'
import { fromBase64, LEFT_OUT, scalarFromJson } from './scalars.ts'
import { wellKnown } from './well-known.ts'

/**
 * The message of its ProtoJSON. Fields go by their JSON names, or by the .proto's.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE that names the field.
 */
export function fromProtoJson(context: JsonContext, type: Type, json: unknown, path: string): object {
  const known = wellKnown(type)
  if (known !== undefined) return known.fromJson(json, path, context, type)
  if (!isObject(json)) throw misfit(path, `is ${shown(json)}, not an object with the fields of ${type.name}`)
  const message: Values = {}
  const found = new Map<Field | string, string>()
  for (const [key, value] of Object.entries(json)) {
    if (key === UNKNOWN_KEY) {
      Object.assign(message, { [UNKNOWN]: unknownFields(value, member(path, key)) })
      continue
    }
    const place = member(path, key)
    const field = fieldOf(type, key)
    if (field === undefined) {
      if (context.ignoreUnknown) continue
      const names = listed(type.fields.map((each) => each.jsonName))
      throw misfit(place, `is no field of ${type.name}, which has ${names || 'none'}`)
    }
    const twin = found.get(field)
    if (twin !== undefined) throw misfit(place, `is the same field as ${twin}`)
    found.set(field, key)
    if (value === null && !takesNull(field)) continue
    const other = field.oneof === null ? undefined : found.get(field.oneof)
    if (other !== undefined)
      throw misfit(place, `is set beside ${other}, and of the oneof ${field.oneof} only one can be`)
    if (field.oneof !== null) found.set(field.oneof, key)
    const read = fieldValue(context, field, value, place)
    if (read !== LEFT_OUT) put(message, field.name, read)
  }
  return message
}

function unknownFields(value: unknown, path: string): string {
  if (isObject(value)) return binary(fieldsFromJson(value, path))
  if (typeof value === 'string') return binary(fromBase64(value, path))
  throw misfit(path, `is ${shown(value)}, not fields by number, such as {"7:varint": 5}, nor their bytes in base64`)
}

/** Each byte as one letter. */
const binary = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')

const fieldOf = (type: Type, key: string): Field | undefined =>
  type.fields.find((field) => field.jsonName === key || field.protoName === key || field.name === key)

/** Null is a value of its own there, and elsewhere means that the field is absent. */
const takesNull = ({ message, enum: values, repeated, key }: Field): boolean =>
  !repeated &&
  key === null &&
  (message?.fullName === 'google.protobuf.Value' || values?.name === 'google.protobuf.NullValue')

function fieldValue(context: JsonContext, field: Field, value: unknown, path: string): unknown {
  if (field.key !== null) {
    if (!isObject(value)) throw misfit(path, `is ${shown(value)}, not an object of keys and values`)
    const map: Values = {}
    for (const [key, item] of Object.entries(value)) {
      const read = oneValue(context, field, item, `${path}[${JSON.stringify(key)}]`)
      if (read !== LEFT_OUT) put(map, key, read)
    }
    return map
  }
  if (!field.repeated) return oneValue(context, field, value, path)
  if (!Array.isArray(value)) throw misfit(path, `is ${shown(value)}, not a list`)
  return value.map((item, i) => oneValue(context, field, item, `${path}[${i}]`)).filter((read) => read !== LEFT_OUT)
}

function oneValue(context: JsonContext, field: Field, value: unknown, path: string): unknown {
  if (field.message === null) return scalarFromJson(field, value, path, context)
  if (value === null && field.message.fullName !== 'google.protobuf.Value')
    throw misfit(path, `is null, not a ${field.message.name}`)
  return asValue(field, context.fromJson(field.message, value, path), path)
}
