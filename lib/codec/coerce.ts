// What may be written though it does not encode as it stands: numeric text and bigints in integers, the names of enums.
// This is the way of the exception: it runs once for a message that the compiled encoder sent back, and either makes a
// message that encodes as it stands, or says what is wrong with it and where.

import { QbpError } from '../base/errors.ts'
import { split, splitKey } from './int64.ts'
import { type Field, Message, type Type } from './type.ts'
import { MAX_DEPTH, UNKNOWN } from './wire.ts'

type Plain = Record<string, unknown>

/**
 * A copy of a message that encodes as it stands.
 *
 * @param path of the message within the one that is written, for the error.
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the first field that cannot be written.
 */
export function convert(type: Type, message: unknown, path = '', depth = 0): Plain {
  if (depth > MAX_DEPTH) throw refusal(type, path, `is nested deeper than ${MAX_DEPTH} messages`)
  if (!isObject(message))
    throw refusal(type, path, `is ${shown(message)}, not a ${type.name}: give a plain object or a received message`)
  const result: Plain = Object.create(null) // A field may be called __proto__.
  for (const key of Object.keys(message)) {
    if (key === '$name' || key === '$header') continue
    const value = read(type, message, key, join(path, key))
    if (value === null || value === undefined) continue
    const field = type.fields.find(({ name }) => name === key)
    if (field === undefined)
      throw refusal(type, join(path, key), `is no field of ${type.name}, which has ${fieldNames(type)}`)
    result[key] = convertField(type, field, value, join(path, key), depth)
  }
  for (const { name, oneof, required } of type.fields) {
    if (required && !Object.hasOwn(result, name)) throw refusal(type, join(path, name), 'is required and missing')
    if (oneof === null || !Object.hasOwn(result, name)) continue
    const other = type.fields.find(
      (field) => field.oneof === oneof && field.name !== name && Object.hasOwn(result, field.name),
    )
    if (other !== undefined) {
      throw refusal(type, join(path, other.name), `is set beside ${name}, and of the oneof ${oneof} only one can be`)
    }
  }
  const unknown = (message as { [UNKNOWN]?: string })[UNKNOWN]
  if (unknown !== undefined) Object.assign(result, { [UNKNOWN]: unknown })
  return result
}

function convertField(type: Type, field: Field, value: unknown, path: string, depth: number): unknown {
  if (field.key !== null) {
    if (!isObject(value) || value instanceof Message)
      throw refusal(type, path, `is ${shown(value)}, not a plain object of keys and values`)
    const map: Plain = Object.create(null)
    for (const key of Object.keys(value)) {
      const place = `${path}[${JSON.stringify(key)}]`
      if (!isKey(field, key)) throw refusal(type, place, `has a key that is no ${field.key}`)
      map[key] = convertValue(type, field, read(type, value, key, place), place, depth)
    }
    return map
  }
  if (!field.repeated) return convertValue(type, field, value, path, depth)
  if (!Array.isArray(value)) throw refusal(type, path, `is ${shown(value)}, not an array`)
  return Array.from({ length: value.length }, (_, i) => {
    const place = `${path}[${i}]`
    return convertValue(type, field, read(type, value as unknown as Plain, String(i), place), place, depth)
  })
}

function isKey({ key }: Field, text: string): boolean {
  if (key === 'string') return text.isWellFormed()
  if (key === 'bool') return text === 'true' || text === 'false'
  if (key?.endsWith('64')) return splitKey(text, key === 'uint64' || key === 'fixed64')
  return String(Number(text)) === text && inRange(Number(text), key === 'uint32' || key === 'fixed32')
}

const inRange = (value: number, unsigned: boolean): boolean => (unsigned ? value >>> 0 : value | 0) === value

function convertValue(type: Type, field: Field, value: unknown, path: string, depth: number): unknown {
  const refuse = (allowed: string) => refusal(type, path, `is ${shown(value)}, not ${allowed}`)
  switch (field.kind) {
    case 'message':
      return convert(field.message as Type, value, path, depth + 1)
    case 'string':
      if (typeof value !== 'string') throw refuse('a string')
      if (!value.isWellFormed())
        throw refusal(type, path, 'has a lone surrogate, which UTF-8 cannot hold: see String.prototype.toWellFormed')
      return value
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw refuse('a Uint8Array or Buffer')
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw refuse('true or false')
      return value
    case 'double':
      if (typeof value !== 'number') throw refuse('a number')
      return value
    case 'float':
      if (typeof value !== 'number') throw refuse('a number')
      if (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))
        throw refuse('a number that a float can hold, at most 3.4028235e38')
      return value
    case 'enum': {
      const { closed = false, names, numbers, name } = field.enum ?? {}
      const number = typeof value === 'string' ? numbers?.get(value) : Number(integer(value))
      if (number !== undefined && inRange(number, false) && (!closed || names?.has(number))) return number
      const listed = [...(numbers?.keys() ?? [])].slice(0, 12).join(', ')
      throw refuse(
        `a value of the enum ${name}: ${closed ? '' : 'an int32, or '}one of ${listed}${(numbers?.size ?? 0) > 12 ? ', …' : ''}`,
      )
    }
    case 'int32':
    case 'sint32':
    case 'sfixed32':
    case 'uint32':
    case 'fixed32': {
      const unsigned = field.kind === 'uint32' || field.kind === 'fixed32'
      const number = Number(integer(value))
      if (inRange(number, unsigned)) return number
      throw refuse(unsigned ? 'an integer of 0 to 4294967295' : 'an integer of -2147483648 to 2147483647')
    }
    default: {
      const unsigned = field.kind === 'uint64' || field.kind === 'fixed64'
      const long = typeof value === 'string' ? integer(value) : value
      if (split(long, unsigned)) return long
      if (typeof value === 'number' && Number.isInteger(value))
        throw refuse('a safe integer: beyond 2**53 - 1 give a bigint')
      throw refuse(
        `${unsigned ? 'an integer of 0 to 2**64 - 1' : 'an integer of -2**63 to 2**63 - 1'}, as a number, bigint, Long or decimal text`,
      )
    }
  }
}

/** An integer that may stand in decimal text or as a bigint; NaN for anything else. */
function integer(value: unknown): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : Number.NaN
}

/** A property's value; a getter may throw. */
function read(type: Type, object: Plain, key: string, path: string): unknown {
  try {
    return object[key]
  } catch (cause) {
    throw refusal(type, path, `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}

const isObject = (value: unknown): value is Plain =>
  typeof value === 'object' &&
  value !== null &&
  (value instanceof Message || [Object.prototype, null].includes(Object.getPrototypeOf(value)))

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : `a ${value.constructor?.name ?? 'null-prototype object'}`
}

function fieldNames({ fields }: Type): string {
  if (fields.length === 0) return 'no fields'
  const names = fields.slice(0, 12).map(({ name }) => name)
  return `${names.join(', ')}${fields.length > 12 ? ', …' : ''}`
}

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
