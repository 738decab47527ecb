import { convert, unsteady } from './coerce.ts'
import type { Output, Type } from './type.ts'
import { alloc } from './wire.ts'

/** A growing buffer of its own, for one body. */
export class Scratch implements Output {
  buf = alloc(256)

  grow(pos: number, size: number): Uint8Array {
    const buf = alloc(Math.max(this.buf.length * 2, pos + size))
    buf.set(this.buf.subarray(0, pos))
    this.buf = buf
    return buf
  }
}

/**
 * Writes a message's body at `pos` and returns the position behind it.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the field that cannot be written.
 */
export function encodeBody(type: Type, message: object, output: Output, pos: number): number {
  let end: number
  try {
    end = type.encode(message, output, pos, 0)
  } catch {
    end = -1 // A getter has thrown, which convert tells of with its path.
  }
  if (end >= 0) return end
  end = type.encode(convert(type, message), output, pos, 0)
  if (end < 0) throw unsteady(type)
  return end
}
