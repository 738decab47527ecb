// A layout's parts in wire order, each with what the others say of it: how many bytes it takes, what a length counts, what a
// checksum covers. What cannot be known is refused here, so that reading and writing never have to guess.
// checksum covers. parse-layout.ts makes it of a text.

import type { Checksum } from '../checksums.ts'
import type { HeaderInteger, IntegerKind } from './integer-kind.ts'

/** What a length counts, or a checksum covers. */
export interface Counted {
  /** All that follows, or the whole frame; null for the parts. */
  readonly all: 'rest' | 'frame' | null
  /** Places of parts in their row. */
  readonly parts: readonly number[]
  /** What the length says beyond the bytes that it counts. */
  readonly plus: number
}

/** A number in the header. */
export interface Field {
  readonly name: string
  /** As the layout has it, without its kind: `length(rest)`. */
  readonly text: string
  readonly role: 'own' | 'type' | 'length' | 'checksum'
  /** What one of its own is written as where nothing is given. */
  readonly initial: HeaderInteger
  /** Of a length or checksum. */
  readonly counted: Counted
}

/** How many bytes a part of varying size takes. */
export type Size =
  | { readonly by: 'fixed'; readonly bytes: number }
  /** What a length says, less the other parts that it counts. */
  | { readonly by: 'length'; readonly length: Field; readonly others: readonly number[] }
  /** What is left up to the frame's end, less the parts that follow. */
  | { readonly by: 'end'; readonly after: readonly number[] }

/** Where a part stands. */
export interface At {
  /** Its place in the row. */
  readonly index: number
  /** Its place in the text, counted from 0. */
  readonly column: number
  /** The group that it belongs to, by that one's place in the row; -1 for none. */
  readonly group: number
}

export interface Constant extends At {
  readonly kind: 'constant'
  readonly text: string
  readonly bytes: readonly number[]
}
export interface Integer extends At {
  readonly kind: 'integer'
  readonly field: Field
  readonly of: IntegerKind
  readonly checksum: Checksum | null
}
export interface Bits extends At {
  readonly kind: 'bits'
  readonly fields: readonly (Field & { readonly bits: number; readonly shift: number })[]
  readonly of: IntegerKind
}
export interface Section extends At {
  readonly kind: 'section'
  readonly name: string
  readonly size: Size
}
export interface Bytes extends At {
  readonly kind: 'bytes'
  readonly name: string
  readonly size: Size
}
export interface Body extends At {
  readonly kind: 'body'
  readonly size: Size
}
/** A length or a type that stands in a field of a section. */
export interface Place extends At {
  readonly kind: 'place'
  readonly field: Field
  /** The section's place in the row. */
  readonly section: number
  readonly path: readonly string[]
  /** The section and the path, as the layout has them. */
  readonly text: string
}
/** Parts that are there while the frame has bytes left: those up to `end`, the place of the first one after them. */
export interface Group extends At {
  readonly kind: 'group'
  readonly end: number
}

export type Part = Constant | Integer | Bits | Section | Bytes | Body | Place | Group

/** The parts of what stands before the bar, or of a frame. */
export interface Row {
  readonly parts: readonly Part[]
  /** The place of the body; -1 in a preamble. */
  readonly body: number
  /** Checksums after whose part, by its place, they can be verified. The others wait for the frame's end. */
  readonly verify: ReadonlyMap<number, readonly number[]>
  readonly verifyLast: readonly number[]
  /** All checksums, each after those that it covers. */
  readonly checksums: readonly number[]
}

/** A layout of which everything is known. */
export interface Layout {
  /** As it was given, with single spaces. */
  readonly text: string
  readonly preamble: Row | null
  readonly frame: Row
}

/** Bytes that a part takes whatever it holds, or undefined. */
export function fixedSize(part: Part): number | undefined {
  if (part.kind === 'constant') return part.bytes.length
  if (part.kind === 'integer' || part.kind === 'bits') return part.of.width
  if (part.kind === 'place' || part.kind === 'group') return 0
  return part.size.by === 'fixed' ? part.size.bytes : undefined
}

/** The fields that a part holds. */
export const fieldsOf = (part: Part): readonly Field[] =>
  part.kind === 'integer' || part.kind === 'place' ? [part.field] : part.kind === 'bits' ? part.fields : []

/** Names of a .proto may be written as its messages have them: attachment_size and attachmentSize are one. */
export const bareName = (name: string): string => name.replaceAll('_', '').toLowerCase()
