// Which headers cut a stream into whole frames: a shape of header is tried on the bytes.

import type { Role } from '../../index.ts'
import { isMessage } from './bodies.ts'
import { lengthOf, varintEnd } from './lengths.ts'
import type { Shape } from './shapes.ts'

/** Where a frame's parts lie. */
export interface Frame {
  readonly start: number
  /** What stands before the length lies between start and here, without a section and its length. */
  readonly beforeEnd: number
  readonly lengthEnd: number
  /** What follows the length lies between its end and here. */
  readonly afterEnd: number
  /** A message before the body, if there is one. */
  readonly section: readonly [start: number, end: number] | undefined
  readonly body: number
  readonly bodyEnd: number
  readonly end: number
  /** Of a layout that is known: what it costs, in place of a shape's parts. */
  readonly spans?: readonly Span[]
}

/** A part that costs something. */
export interface Span {
  readonly kind: 'column' | 'section' | 'body' | 'bytes'
  /** Which part it is: the same in all frames. */
  readonly key: string
  readonly start: number
  readonly end: number
  /** Of a section: the number of the field that is a length, which the bytes say themselves. */
  readonly length?: number
}

/** A stream's bytes, whose they are where that is known, and whether it goes on after them. */
export interface Stream {
  readonly bytes: Uint8Array
  readonly direction?: Role
  readonly cut: boolean
}

/** A stream cut into frames. What is left over lies before the first of them, and after the last. */
export interface Tiled {
  readonly bytes: Uint8Array
  readonly frames: readonly Frame[]
  /** What is sent once, before them. */
  readonly preamble?: readonly Span[]
  /** Where the preamble begins; default: where the first frame does. */
  readonly begin?: number
}

/** One body in so many may be no protobuf: Mumble's voice is none. */
const MOST_OTHERS = 4

/** A stream of more frames is none: a megabyte of zeros is a million in most layouts. Frames are found in 64 KiB first, where so many have four bytes. */
const MOST_IN_A_STREAM = 2 ** 14
/** So many frames at the beginning, none of which has a body, say nothing: zeros are such frames in every layout. */
const MOST_EMPTY = 1_024

/** Whether frames are too many, or say nothing, so that no more of them are to be looked at. */
export const isEnough = (frames: readonly Frame[]): boolean =>
  frames.length > MOST_IN_A_STREAM ||
  (frames.length === MOST_EMPTY && frames.every(({ body, bodyEnd }) => body === bodyEnd))

/** The frames of a stream from a place on, at most so many, as far as they are whole; undefined if there is none, one that cannot be, or too many. */
export function tile(bytes: Uint8Array, shape: Shape, from = 0, most = Number.POSITIVE_INFINITY): Frame[] | undefined {
  const frames: Frame[] = []
  let others = 0
  for (let start = from; start < bytes.length && frames.length < most; ) {
    const frame = frameAt(bytes, shape, start)
    if (frame === 'wrong') return undefined
    if (frame === 'cut') break
    const { section, body, bodyEnd, end } = frame
    if (section !== undefined && !isMessage(bytes, section[0], section[1])) return undefined
    if (!isMessage(bytes, body, bodyEnd) && ++others > 1 + frames.length / MOST_OTHERS) return undefined
    frames.push(frame)
    if (isEnough(frames)) return undefined
    start = end
  }
  return frames.length === 0 || others * MOST_OTHERS > frames.length + 1 ? undefined : frames
}

/** The frame that begins at a place: `cut` if its end is not there, `wrong` if no frame is. */
function frameAt(bytes: Uint8Array, { before, length, after, counts, trailer }: Shape, start: number) {
  let lengthAt = start + before.bytes
  let beforeEnd = lengthAt
  let section: readonly [number, number] | undefined
  if (before.varints > 0) beforeEnd = lengthAt = skipVarints(bytes, start, before.varints)
  else if (before.section !== undefined) {
    const [size, at] = lengthOf(bytes, lengthAt, before.section)
    if (at < 0) return at === -1 ? 'cut' : 'wrong'
    section = [at, at + size]
    lengthAt = at + size
  }
  if (lengthAt < 0 || lengthAt > bytes.length) return 'cut'
  const [value, lengthEnd] = lengthOf(bytes, lengthAt, length)
  if (lengthEnd < 0) return lengthEnd === -1 ? 'cut' : 'wrong'
  let body = lengthEnd + after.bytes
  if (after.varints > 0) body = skipVarints(bytes, body, after.varints)
  const afterEnd = body
  let end = value + (counts === 'frame' ? start : lengthEnd)
  if (after.section !== undefined) {
    const [size, at] = lengthOf(bytes, body, after.section)
    if (at < 0) return at === -1 ? 'cut' : 'wrong'
    section = [at, at + size]
    body = at + size
    if (counts === 'sum') end = at + value
    if (body > end) return 'wrong'
    if (after.inner !== undefined) {
      const [left, bodyAt] = lengthOf(bytes, body, after.inner)
      if (bodyAt < 0) return bodyAt === -1 ? 'cut' : 'wrong'
      if (bodyAt + left !== end) return 'wrong'
      body = bodyAt
    }
  } else if (counts === 'body') end = body + value + trailer
  if (body < 0 || body > bytes.length) return 'cut'
  const bodyEnd = end - trailer
  if (bodyEnd < body) return 'wrong'
  if (end > bytes.length) return 'cut'
  return { start, beforeEnd, lengthEnd, afterEnd, section, body, bodyEnd, end }
}

function skipVarints(bytes: Uint8Array, at: number, count: number): number {
  let end = at
  for (let i = 0; i < count && end >= 0; i++) end = varintEnd(bytes, end)
  return end
}
