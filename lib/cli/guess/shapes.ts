// The shapes of headers that are tried: what stands before the length, how it is written, what it counts, and what follows it.

import { LENGTH_KINDS, type LengthKind } from './lengths.ts'

/** What fills one side of the length: some bytes, or varints, or a message with a length of its own (after the bytes). */
export interface Fill {
  readonly bytes: number
  readonly varints: number
  readonly section: LengthKind | undefined
  /** Of the body after a section, where it has a length of its own. */
  readonly inner: LengthKind | undefined
}

/** A header's shape. */
export interface Shape {
  readonly before: Fill
  readonly length: LengthKind
  readonly after: Fill
  /** `sum`: the section and the body. */
  readonly counts: 'body' | 'rest' | 'frame' | 'sum'
  /** Bytes after the body: a checksum. */
  readonly trailer: number
}

const MAX_BEFORE = 12
const MAX_AFTER = 12
export const SECTION_LENGTHS = ['u32', 'u16', 'varint', 'u32le'] as const
const NOTHING: Fill = { bytes: 0, varints: 0, section: undefined, inner: undefined }
const bytes = (count: number): Fill => ({ ...NOTHING, bytes: count })
const varints = (count: number): Fill => ({ ...NOTHING, varints: count })
const upTo = (most: number): Fill[] => Array.from({ length: most + 1 }, (_, count) => bytes(count))

/** All shapes of bytes, varints and one length: most protocols have one of these. */
export function* plainShapes(): Generator<Shape> {
  for (const before of [...upTo(MAX_BEFORE), varints(1), varints(2)]) {
    for (const length of LENGTH_KINDS) {
      // Digits end where something else begins.
      const afters = [...upTo(MAX_AFTER), varints(1), varints(2)].filter((fill) => length !== 'dec' || fill.bytes > 0)
      for (const after of afters) {
        for (const counts of ['body', 'rest', 'frame'] as const) {
          if (counts === 'rest' && after.bytes + after.varints === 0) continue // The same as the body.
          yield { before, length, after, counts, trailer: 0 }
        }
      }
    }
  }
}

/** The commonest of them: of a stream that begins within a frame every place is tried. */
export function* commonShapes(): Generator<Shape> {
  for (const shape of plainShapes()) {
    const { before, length, after } = shape
    if (before.bytes <= 8 && after.bytes <= 6 && before.varints + after.varints < 2 && COMMON.has(length)) yield shape
  }
}
const COMMON: ReadonlySet<LengthKind> = new Set(['u32', 'u16', 'varint', 'u32le', 'u16le', 'u24', 'u8'])

/** Shapes with a message before the body, and with a checksum after it. */
export function* richShapes(): Generator<Shape> {
  for (const section of SECTION_LENGTHS) {
    for (const length of SECTION_LENGTHS)
      for (const count of [0, 2, 4])
        yield { before: { ...bytes(count), section }, length, after: NOTHING, counts: 'body', trailer: 0 }
    for (const before of upTo(8)) {
      for (const length of SECTION_LENGTHS) {
        for (const count of [0, 1, 2, 4, 8]) {
          for (const inner of [undefined, 'varint', 'u32', 'u16', 'u32le'] as const) {
            const after = { ...bytes(count), section, inner }
            yield { before, length, after, counts: 'rest', trailer: 0 }
            if (inner === undefined) yield { before, length, after, counts: 'frame', trailer: 0 }
            if (inner === undefined) yield { before, length, after, counts: 'sum', trailer: 0 }
          }
        }
      }
    }
  }
  for (const before of upTo(MAX_BEFORE))
    for (const length of LENGTH_KINDS)
      for (const after of upTo(MAX_AFTER))
        for (const counts of ['body', 'rest', 'frame'] as const)
          if (length !== 'dec' || after.bytes > 0) yield { before, length, after, counts, trailer: 4 }
}
