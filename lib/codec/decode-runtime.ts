// How values that were read become parts of a message: what compiled decoders call beside the primitives of wire.ts.

import { latin1 } from './text.ts'
import { alloc, Malformed, UNKNOWN, writeVarint32 } from './wire.ts'

/** Makes a map of one entry: an object like any other, but with room for one property where V8 would make some for four. */
export const SmallMap = Plain as unknown as new () => Record<string, unknown>
function Plain() {}
Plain.prototype = Object.prototype
for (let i = 0; i < 16; i++) new SmallMap().first = i

/** Sets the key `__proto__` as the ordinary key that it is to the peer. */
export function define(map: object, value: unknown): void {
  Object.defineProperty(map, '__proto__', { value, configurable: true, enumerable: true, writable: true })
}

/** @throws {Malformed} */
export function missing(): never {
  throw new Malformed('a required field is missing', true)
}

type Keeper = { [UNKNOWN]?: string }

/** Keeps the bytes of fields that the schema does not know. */
export function keep(message: Keeper, buf: Uint8Array, start: number, end: number): void {
  message[UNKNOWN] = (message[UNKNOWN] ?? '') + latin1(buf, start, end)
}

/** Keeps a number that its closed enum does not have, out of a packed list: as a field by itself. */
export function keepNumber(message: Keeper, id: number, buf: Uint8Array, start: number, end: number): void {
  const tag = alloc(5)
  keep(message, tag, 0, writeVarint32(tag, 0, id << 3))
  keep(message, buf, start, end)
}

/** What matters of a field here. */
type Member = { readonly name: string; readonly oneof: string | null }

/** Of a oneof the last member stays. */
export function clear(message: Record<string, unknown>, fields: readonly Member[], index: number): void {
  for (const field of fields) {
    if (field.oneof === fields[index]?.oneof && field !== fields[index] && Object.hasOwn(message, field.name))
      delete message[field.name]
  }
}

/** How many varints end in `buf[pos..end)`. */
export function countVarints(buf: Uint8Array, pos: number, end: number): number {
  let count = 0
  while (pos < end) count += 1 - ((buf[pos++] as number) >> 7)
  return count
}
