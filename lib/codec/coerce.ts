// What may be written though it does not encode as it stands: numeric text and bigints in integers, the names of enums.
// This is the exception's way: it runs once for a message that the compiled encoder sent back, and either makes a message
// that encodes as it stands, or says what is wrong with it and where.

import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { reasonOf, shown } from '../base/shown.ts'
import { familyOf, KIND_VALUES } from './kind-values.ts'
import { Message } from './message-class.ts'
import { isPlainObject } from './plain-object.ts'
import { type Field, type Type, takesNull } from './type.ts'
import { MAX_DEPTH, UNKNOWN } from './wire.ts'

type Plain = Record<string, unknown>

/**
 * A copy of a message that encodes as it stands.
 *
 * @param path of the message within the one that is written, for the error.
 * @param join makes the path of a field; those of a message that stands as a plain value have none of their own.
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the first field that cannot be written.
 */
export function coerce(type: Type, message: unknown, path = '', depth = 0, join = joined): Plain {
  if (depth > MAX_DEPTH) throw refusal(type, path, `is nested deeper than ${MAX_DEPTH} messages`)
  if (!isObject(message))
    throw refusal(type, path, `is ${shown(message)}, not a ${type.name}: give a plain object or a received message`)
  const result: Plain = Object.create(null) // A field may be called __proto__.
  for (const key of Object.keys(message)) {
    if (key === '$name' || key === '$header') continue
    const value = read(type, message, key, join(path, key))
    const field = type.fields.find(({ name }) => name === key)
    if (value === undefined || (value === null && !(field !== undefined && takesNull(field)))) continue
    if (field === undefined && type.fields.some(({ oneof }) => oneof === key)) continue // What plain() says is set: see below.
    if (field === undefined)
      throw refusal(type, join(path, key), `is no field of ${type.name}, which has ${fieldNames(type)}`)
    result[key] = coerceField(type, field, value, join(path, key), depth)
  }
  for (const { name, oneof, required } of type.fields) {
    if (required && !Object.hasOwn(result, name)) throw refusal(type, join(path, name), 'is required and missing')
    if (oneof === null || !Object.hasOwn(result, name)) continue
    const other = type.fields.find(
      (field) => field.oneof === oneof && field.name !== name && Object.hasOwn(result, field.name),
    )
    if (other !== undefined && Object.hasOwn(message, oneof)) {
      const set = (message as Plain)[oneof]
      for (const each of type.fields)
        if (each.oneof === oneof && each.name !== set && isInitial(each, result[each.name])) delete result[each.name]
      if (type.fields.filter((each) => each.oneof === oneof && Object.hasOwn(result, each.name)).length <= 1) continue
    }
    if (other !== undefined) {
      throw refusal(type, join(path, other.name), `is set beside ${name}, and of the oneof ${oneof} only one can be`)
    }
  }
  const unknown = (message as { [UNKNOWN]?: string })[UNKNOWN]
  if (unknown !== undefined) Object.assign(result, { [UNKNOWN]: unknown })
  return result
}

/** A default that plain() has given a field of a oneof that was not set. */
function isInitial({ kind, initial, enum: values }: Field, value: unknown): boolean {
  if (familyOf(kind) === 'bytes') return (value as Uint8Array | undefined)?.length === 0
  if (typeof initial === 'string' && values !== null) return values.numbers.get(initial) === value
  return Object.is(value, initial) || (familyOf(kind) === 'int64' && String(value) === String(initial))
}

function coerceField(type: Type, field: Field, value: unknown, path: string, depth: number): unknown {
  if (field.key !== null) {
    if (!isObject(value) || value instanceof Message)
      throw refusal(type, path, `is ${shown(value)}, not a plain object of keys and values`)
    const map: Plain = Object.create(null)
    for (const key of Object.keys(value)) {
      const place = `${path}[${JSON.stringify(key)}]`
      if (!KIND_VALUES[field.key].isKey?.(key)) throw refusal(type, place, `has a key that is no ${field.key}`)
      map[key] = coerceValue(type, field, read(type, value, key, place), place, depth)
    }
    return map
  }
  if (!field.repeated) return coerceValue(type, field, value, path, depth)
  if (!Array.isArray(value)) throw refusal(type, path, `is ${shown(value)}, not an array`)
  return Array.from({ length: value.length }, (_, i) => {
    const place = `${path}[${i}]`
    return coerceValue(type, field, read(type, value as unknown as Plain, String(i), place), place, depth)
  })
}

function coerceValue(type: Type, field: Field, value: unknown, path: string, depth: number): unknown {
  const { coerce: coerceScalar, allowed } = KIND_VALUES[field.kind]
  if (field.form !== null)
    return field.form.coerce(
      value,
      (message) => coerce(field.message as Type, message, path, depth + 1, (outer) => outer),
      (what) => refusal(type, path, `is ${shown(value)}, not ${what}`),
    )
  if (field.message !== null) return coerce(field.message, value, path, depth + 1)
  if (field.enum !== null) {
    const { closed, names, numbers, name } = field.enum
    const number = typeof value === 'string' ? numbers.get(value) : coerceScalar(value)
    if (number !== undefined && (!closed || names.has(number as number))) return number
    const values = `${closed ? '' : 'an int32, or '}one of ${listed([...numbers.keys()])}`
    throw refusal(type, path, `is ${shown(value)}, not a value of the enum ${name}: ${values}`)
  }
  const coerced = coerceScalar(value)
  if (coerced === undefined) {
    const isUnsafe =
      typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER && familyOf(field.kind) === 'int64'
    throw refusal(
      type,
      path,
      `is ${shown(value)}, not ${isUnsafe ? 'a safe integer: beyond 2**53 - 1 give a bigint' : allowed}`,
    )
  }
  if (typeof coerced === 'string' && !coerced.isWellFormed())
    throw refusal(type, path, 'has a lone surrogate, which UTF-8 cannot hold: see String.prototype.toWellFormed')
  return coerced
}

/** A property's value; a getter may throw. */
function read(type: Type, object: Plain, key: string, path: string): unknown {
  try {
    return object[key]
  } catch (cause) {
    throw refusal(type, path, `cannot be read: ${reasonOf(cause)}`, cause)
  }
}

const isObject = (value: unknown): value is Plain => isPlainObject(value) || value instanceof Message

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

const fieldNames = ({ fields }: Type): string => listed(fields.map(({ name }) => name)) || 'no fields'

/** The refusal of a message whose getters throw. */
export const unreadable = (type: Type, reason: string, cause?: unknown): QbpError =>
  refusal(type, '', `cannot be read: ${reason}`, cause)

/** The refusal of a message that is not what it was when it is looked at again: its getters, or a Proxy, see to that. */
export const unsteady = (type: Type): QbpError => refusal(type, '', 'changes while it is written')

function refusal(type: Type, path: string, problem: string, cause?: unknown): QbpError {
  return new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `${path === '' ? 'The message' : path} ${problem}. Nothing of the message was sent.`,
    {
      messageName: type.name,
      field: path,
      cause,
    },
  )
}
