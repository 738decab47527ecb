import { Message } from './message-class.ts'
import { typeOf } from './type.ts'
import { UNKNOWN } from './wire.ts'

type Values = Record<string | symbol, unknown>

/**
 * A received message as a plain object, with everything that its type says is there as properties of its own: fields that were
 * not sent hold their defaults, messages within it are plain, too, and each oneof says which of its fields is set. So `{ ...m }`,
 * `structuredClone` and deep comparisons miss nothing; `JSON.stringify` writes 64-bit integers as text and bytes as base64.
 *
 * What was sent and what is a default can no longer be distinguished: to send a message on, write the message itself.
 */
export function plain<M extends object>(message: M): M {
  return plainValue(message) as M
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue)
  if (!(value instanceof Message)) return value
  const own = value as unknown as Values
  const result: Values = {}
  for (const key of Object.keys(value)) if (key.startsWith('$')) result[key] = own[key]
  const type = typeOf(value)
  const names = type === undefined ? Object.keys(value) : type.fields.map(({ name }) => name)
  for (const name of names) define(result, name, plainValue(own[name]), true)
  for (const { name, key } of type?.fields ?? []) {
    if (key === null) continue
    const map: Values = {}
    for (const [each, item] of Object.entries(own[name] as object)) define(map, each, plainValue(item), true)
    define(result, name, map, true)
  }
  for (const { oneof } of type?.fields ?? []) if (oneof !== null) define(result, oneof, own[oneof], true)
  const unknown = own[UNKNOWN]
  if (unknown !== undefined) result[UNKNOWN] = unknown
  define(result, 'toJSON', Message.prototype.toJSON, false) // A bigint has no JSON of its own.
  return result
}

/** Also of a field that is called __proto__; a field of the name of a hidden property goes before it. */
function define(object: Values, name: string, value: unknown, enumerable: boolean): void {
  if (!enumerable && Object.hasOwn(object, name)) return
  Object.defineProperty(object, name, { value, enumerable, configurable: true, writable: true })
}
