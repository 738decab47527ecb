// What compiled encoders call, beside the primitives of wire.ts, text.ts and int64.ts.

import { byteLength } from './bytes.ts'
import { Message } from './message-class.ts'
import { isPlainObject } from './plain-object.ts'
import type { Output } from './type.ts'
import { BORROWED_FROM, varintLength, writeVarint32 } from './wire.ts'

/** A message may be a plain object or a received message. */
export const isPlain = (value: object): boolean => isPlainObject(value) || value instanceof Message

/** A map's key as an integer, where it is written as JavaScript writes one; else NaN, which no check lets pass. */
export function integerKey(key: string): number {
  const value = Number(key)
  return String(value) === key ? value : Number.NaN
}

/** Puts bytes at `pos`, where there is room for them, unless the output takes them by reference. */
export function putBytes(output: Output, pos: number, bytes: Uint8Array): void {
  if (byteLength(bytes) < BORROWED_FROM || output.borrow?.(bytes, pos) !== true) output.buf.set(bytes, pos)
}

/** Moves what stands in [start, end) of an output, where there is room for it. */
export function shift(output: Output, start: number, end: number, by: number): void {
  if (output.shift === undefined) output.buf.copyWithin(start + by, start, end)
  else output.shift(start, end, by)
}

/** Writes the length of what stands after `mark` into the byte kept free there, moving it up where one byte is too few. */
export function widen(output: Output, mark: number, pos: number): number {
  const length = pos - mark - 1
  const more = varintLength(length) - 1
  let { buf } = output
  if (more > 0) {
    if (pos + more > buf.length) buf = output.grow(pos, more)
    shift(output, mark + 1, pos, more)
  }
  writeVarint32(buf, mark, length)
  return pos + more
}
