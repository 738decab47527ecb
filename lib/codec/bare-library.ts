import { byteLength } from './bytes.ts'
import { clear, countVarints, define, keep, keepNumber, missing, SmallMap } from './decode-runtime.ts'
import { integerKey, isPlain, putBytes, widen } from './encode-runtime.ts'
import { type Int64Kind, int64Kind, signedKey, split, splitKey, unsignedKey } from './int64.ts'
import { isPlainObject } from './plain-object.ts'
import { latin1, type ReadText, textLength, writeLatin1, writeText } from './text.ts'
import {
  at,
  bool,
  copy,
  cut,
  double,
  fixed32,
  float,
  part,
  tag as readTag,
  refuse,
  size,
  skip,
  UNKNOWN,
  unzigzag64,
  varint32,
  varint64,
  writeDouble,
  writeFixed32,
  writeFloat,
  writeVarint32,
  writeVarint64,
} from './wire.ts'

/** All that the functions of codecs call, by the names that their source has for it. */
export type CodecLibrary = Readonly<Record<string, unknown>>

/** How text and lists are made. */
export interface OwnFunctions {
  readonly text: ReadText
  readonly strictText: ReadText
  /** A list of one value. */
  single(value: unknown): unknown[]
  /** A list with one more value; an empty one is shared and frozen. */
  append(list: readonly unknown[], value: unknown): readonly unknown[]
  /** A list that will not grow any more. */
  trim(list: readonly unknown[]): readonly unknown[]
}

const library = {
  ...{ UNKNOWN, at, copy, cut, part, readTag, refuse, size, skip },
  ...{ bool, double, fixed32, float, unzigzag64, varint32, varint64 },
  ...{ writeDouble, writeFixed32, writeFloat, writeVarint32, writeVarint64 },
  ...{ SmallMap, clear, countVarints, define, keep, keepNumber, missing },
  ...{ integerKey, isPlain, putBytes, widen },
  ...{ byteLength, isPlainObject, signedKey, split, splitKey, unsignedKey },
  ...{ latin1, textLength, writeLatin1, writeText },
  fround: Math.fround,
}

/**
 * The library for one kind of 64-bit integers, with functions of one's own for what may be done in much code or in little.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION for a kind that is none.
 */
export function bareLibrary(int64: Int64Kind, own: OwnFunctions): CodecLibrary {
  return { ...library, ...own, ...int64Kind(int64) }
}
