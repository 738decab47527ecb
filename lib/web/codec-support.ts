import { QbpError } from '../base/errors.ts'
import { bareLibrary } from '../codec/bare-library.ts'
import { strictText, text } from '../codec/read-text-by-loop.ts'
import type { CodecSupport } from '../codec/type.ts'

/** What the codecs of a module call here: lists and text are made with less code than in Node. Nothing is compiled. */
export const support: CodecSupport = {
  library: (int64) => bareLibrary(int64, { text, strictText, single, append, trim: (list) => list }),
  codec(type) {
    throw new QbpError(
      'ERR_QBP_NO_CODEGEN',
      `The module has no codec for ${type.fullName}: make it with qbp generate, without --no-codec.`,
    )
  },
}

const single = (value: unknown): unknown[] => [value]

function append(list: readonly unknown[], value: unknown): readonly unknown[] {
  if (list.length === 0)
    return [value] // What a message without any has is shared, and frozen.
  ;(list as unknown[]).push(value)
  return list
}
