import { bareLibrary, type CodecLibrary } from './bare-library.ts'
import type { Int64Kind } from './int64.ts'
import { append, single, trim } from './lists.ts'
import { strictText, text } from './read-text.ts'

/** The library for one kind of 64-bit integers. @throws {QbpError} ERR_QBP_BAD_OPTION for a kind that is none. */
export const codecLibrary = (int64: Int64Kind): CodecLibrary =>
  bareLibrary(int64, { text, strictText, single, append, trim })
