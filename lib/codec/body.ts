import { QbpError } from '../base/errors.ts'
import { reasonOf } from '../base/shown.ts'
import { coerce, unreadable, unsteady } from './coerce.ts'
import type { Output, Type } from './type.ts'
import { alloc } from './wire.ts'

/** Room to write in, which grows. */
export class Room implements Output {
  buf: Uint8Array

  constructor(size = 256) {
    this.buf = alloc(size)
  }

  grow(pos: number, size: number): Uint8Array {
    const buf = alloc(Math.max(this.buf.length * 2, pos + size))
    buf.set(this.buf.subarray(0, pos))
    this.buf = buf
    return buf
  }
}

/** How many messages are being encoded, each by a getter of the one before. */
let nested = 0
/** More than that are a getter that writes its own message again, which has no end. */
const MOST_NESTED = 32
/** Up to so many, what a getter has thrown is looked for once more, for its path. Each level doubles the work of all below. */
const MOST_LOCATED = 4

/**
 * Writes a message's body at `pos` and returns the position after it. A getter or a Proxy of the message may do what it
 * likes meanwhile, write other messages too: nothing of a body under way stands outside of `output` and local variables.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the field that cannot be written.
 */
export function encodeBody(type: Type, message: object, output: Output, pos: number): number {
  if (nested === MOST_NESTED) throw unreadable(type, `a getter of it writes a message, ${nested} deep`)
  nested++
  let end: number
  try {
    end = type.encode(message, output, pos, 0)
  } catch (cause) {
    nested--
    if (cause instanceof QbpError && cause.code === 'ERR_QBP_NO_CODEGEN') throw cause
    if (nested >= MOST_LOCATED) throw unreadable(type, reasonOf(cause), cause)
    return encodeCoerced(type, message, output, pos) // A getter has thrown: coerce() finds which.
  }
  nested--
  return end >= 0 ? end : encodeCoerced(type, message, output, pos)
}

/** The same for a message that does not encode exactly as it stands. */
function encodeCoerced(type: Type, message: object, output: Output, pos: number): number {
  nested++
  output.release?.(pos)
  try {
    const end = type.encode(coerce(type, message), output, pos, 0)
    if (end < 0) throw unsteady(type)
    return end
  } finally {
    nested--
  }
}
