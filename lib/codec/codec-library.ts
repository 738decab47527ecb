import { byteLength } from './bytes.ts'
import * as decodeRuntime from './decode-runtime.ts'
import * as encodeRuntime from './encode-runtime.ts'
import { type Int64Kind, int64Kind, signedKey, split, splitKey, unsignedKey } from './int64.ts'
import { isPlainObject } from './plain-object.ts'
import * as text from './text.ts'
import * as wire from './wire.ts'

/** All that the functions of codecs call, by the names that their source has for it. */
export type CodecLibrary = Readonly<Record<string, unknown>>

const { tag: readTag, ...primitives } = wire

const library = {
  ...primitives,
  ...text,
  ...decodeRuntime,
  ...encodeRuntime,
  ...{ byteLength, isPlainObject, signedKey, split, splitKey, unsignedKey },
  readTag,
  fround: Math.fround,
}

/** The library for one kind of 64-bit integers. @throws {QbpError} ERR_QBP_BAD_OPTION for a kind that is none. */
export function codecLibrary(int64: Int64Kind): CodecLibrary {
  return { ...library, ...int64Kind(int64) }
}
