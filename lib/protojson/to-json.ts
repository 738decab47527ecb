// Messages to canonical ProtoJSON: https://protobuf.dev/programming-guides/json. The window's page uses it, too: it runs
// in a browser.

import { type Field, type Type, takesNull } from '../codec/type.ts'
import { UNKNOWN } from '../codec/wire.ts'
import { asMessage, type JsonContext, member, put, UNKNOWN_KEY, type Values } from './context.ts'
import { fieldsToJson } from './fields-json.ts'
import { base64, scalarToJson } from './scalars.ts'
import { wellKnown } from './well-known.ts'

/**
 * The ProtoJSON of a message as a reader hands it out.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a well-known type that has no JSON, such as a time after the year 9999.
 */
export function toProtoJson(context: JsonContext, type: Type, message: object, path: string): unknown {
  const known = wellKnown(type)
  if (known !== undefined) return known.toJson(message as Values, path, context, type)
  const json: Values = {}
  for (const field of type.fields) {
    const { name } = field
    if (!Object.hasOwn(message, name)) continue
    const value = (message as Values)[name]
    if (value === undefined || (value === null && !takesNull(field)) || isDefault(field, value)) continue
    put(json, field.jsonName, fieldJson(context, field, value, member(path, name)))
  }
  const unknown = (message as { [UNKNOWN]?: string })[UNKNOWN]
  if (context.unknownFields && unknown !== undefined) json[UNKNOWN_KEY] = unknownJson(unknown)
  return json
}

/** By number and wire type; in base64 where that would not become the same bytes again. */
function unknownJson(unknown: string): unknown {
  const bytes = Uint8Array.from(unknown, (unit) => unit.charCodeAt(0))
  return fieldsToJson(bytes) ?? base64(bytes)
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

function fieldJson(context: JsonContext, field: Field, value: unknown, path: string): unknown {
  if (field.key !== null) {
    const json: Values = {}
    for (const [key, item] of Object.entries(value as Values))
      put(json, key, valueJson(context, field, item, `${path}[${JSON.stringify(key)}]`))
    return json
  }
  if (field.repeated) return (value as unknown[]).map((item, i) => valueJson(context, field, item, `${path}[${i}]`))
  return valueJson(context, field, value, path)
}

function valueJson(context: JsonContext, field: Field, value: unknown, path: string): unknown {
  if (field.message === null) return scalarToJson(field, value)
  return context.toJson(field.message, asMessage(field, value), path)
}
