// What a header says of its frame, read once for each.

import type { QbpError } from '../base/errors.ts'

/** The layout's own fields, sections and bytes, by name. */
// biome-ignore lint/suspicious/noExplicitAny: what they are stands in a text.
export type HeaderFields = Record<string, any>

/** What a header says; one object is used for every frame of a stream. */
export interface Head {
  /** The message's type, or 0 where the layout has none. */
  type: number | string
  /** Bytes of the body. */
  length: number
  /** The layout's own fields by name, a new object for each frame, or null where it has none. */
  fields: HeaderFields | null
  /** Where the body begins. */
  start: number
  /** While the frame is not whole: bytes of it that must be there before it is worth being read again. */
  needs: number
  /** Whether `needs` is the whole frame. */
  isEndKnown: boolean
  /** Why a section of the header does not decode, if one does not. The frame is whole all the same. */
  fault: QbpError | null
  readonly maxBodyBytes: number
  /** The most bytes of sections and bytes of one's own. */
  readonly maxHeaderBytes: number
}

/** The frame goes on at `end`: it is worth being read again when the bytes reach `needs`. @returns -1. */
export function more(head: Head, start: number, needs: number): -1 {
  head.needs = needs - start
  head.isEndKnown = false
  return -1
}
