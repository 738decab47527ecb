import { QbpError } from '../base/errors.ts'
import type { Field, Type } from '../codec/type.ts'
import { Malformed } from '../codec/wire.ts'

export type Values = Record<string, unknown>

export const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What both ways need beside the message. */
export interface JsonContext {
  /** Finds a message of the schema by its full name: what is inside a `google.protobuf.Any` is named by its URL alone. */
  find(fullName: string): Type | undefined
  /** Unknown fields go along as `$unknown`, by number, at each message that has some. ProtoJSON itself has no place for them. */
  readonly unknownFields: boolean
  /** Keys that are no field, and names that are no value of their enum, are left out instead of refused. */
  readonly ignoreUnknown: boolean
  /** A message's JSON, and a message of its JSON, whatever its type is. */
  toJson(type: Type, message: object, path: string): unknown
  fromJson(type: Type, json: unknown, path: string): object
}

/** Sets a key, `__proto__` too. */
export function put(object: Values, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  else object[key] = value
}

/** The message that a value of a field is, or stands for. */
export const asMessage = ({ form }: Field, value: unknown): Values =>
  form === null ? (value as Values) : (form.write(value) as Values)

/** What a message stands as in a field. */
export function asValue({ form, message: type }: Field, message: object, path: string): unknown {
  if (form === null || type === null) return message
  try {
    return form.read(Object.assign(new type.Message(), message))
  } catch (cause) {
    if (cause instanceof Malformed) throw misfit(path, `is ${cause.problem}`)
    throw cause
  }
}

/** The key of a message's unknown fields. No field's name begins with a $. */
export const UNKNOWN_KEY = '$unknown'

/** A value that has no counterpart on the other side, named by its path. */
export function misfit(path: string, problem: string): QbpError {
  return new QbpError('ERR_QBP_INVALID_MESSAGE', `${path === '' ? 'The message' : path} ${problem}`, {
    ...(path !== '' && { field: path }),
  })
}

/** The path of a member. */
export const member = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** A value as an error shows it, cut short: peers write it. */
export function shown(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
