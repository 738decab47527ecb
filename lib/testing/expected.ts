import { Message } from '../codec/message-class.ts'

/** A message as a script says it: what it names must be there and equal; what it leaves out may be anything, at every depth. */
export type Expected<T> = T extends { readonly $name: infer N } ? { readonly $name: N } & Part<Omit<T, '$name'>> : never

/** What may be left out of a value: the fields of messages, not the elements of lists. */
type Part<T> = T extends Uint8Array | Date | bigint | string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Part<E>[]
    : { readonly [K in keyof T]?: Part<T[K]> | undefined }

/** Which of the messages an expectation is of. */
export type Met<T, E> = E extends { readonly $name: infer N } ? Extract<T, { readonly $name: N }> : never

/**
 * What was found, without what the expectation leaves out, and both without the prototypes of messages and Buffers: as a
 * script writes them, to be compared. A field that was not sent has its default.
 */
export function comparable(found: unknown, expected: unknown): { found: unknown; expected: unknown } {
  return { found: partOf(found, expected), expected: plain(expected) }
}

function partOf(found: unknown, expected: unknown): unknown {
  if (Array.isArray(found) && Array.isArray(expected))
    return found.map((each, index) => (index < expected.length ? partOf(each, expected[index]) : plain(each)))
  if (!(found instanceof Message) || typeof expected !== 'object' || expected === null) return plain(found)
  const fields = found as unknown as Record<string, unknown>
  return Object.fromEntries(Object.entries(expected).map(([key, part]) => [key, partOf(fields[key], part)]))
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  // A Date, or what is Temporal's: compared by its text.
  if (!(value instanceof Message) && typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return (value as Date).toJSON()
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
