// Streams cut into frames by a layout that is known, and where the parts of each lie.

import type { Header } from '../../framing/header.ts'
import { fieldsOf } from '../../framing/layout/layout.ts'
import type { Piece } from '../../framing/row-reader.ts'
import type { Role } from '../../index.ts'
import { isMessage } from './bodies.ts'
import { type KnownLayout, withoutPreamble } from './known-layouts.ts'
import type { Places } from './places.ts'
import { type Frame, isEnough, type Span, type Stream, type Tiled } from './tiling.ts'

/** A reading by a layout that is known. */
export interface Laid {
  readonly layout: KnownLayout
  /** Of the first stream, where roles have layouts of their own. */
  readonly role: Role | undefined
  readonly tiled: readonly Tiled[]
}

/** All streams by a layout: whichever side each is, and with its preamble or from after it. */
export function* laidBy(
  layout: KnownLayout,
  streams: readonly Stream[],
  places: Places,
  least: number,
): Generator<Laid> {
  const isDirected = typeof layout.form !== 'string'
  for (const hasPreamble of waysOf(layout, least)) {
    for (const isSwapped of isDirected ? [false, true] : [false]) {
      const roleOf = ({ direction = 'client' }: Stream): Role =>
        (direction === 'client') === isSwapped ? 'server' : 'client'
      const tiled: Tiled[] = []
      for (const stream of streams) {
        const each = fromAny(layout.of(roleOf(stream)), stream.bytes, places, least, hasPreamble)
        if (each === undefined) break
        tiled.push(each)
      }
      if (tiled.length < streams.length) continue
      const role = isDirected ? roleOf(streams[0] as Stream) : undefined
      yield { layout: hasPreamble || !layout.hasPreamble ? layout : withoutPreamble(layout), role, tiled }
      return
    }
  }
}

/** With its preamble, and without it where that leaves more than a shape: a frame that begins just anywhere has none before it. */
function waysOf({ form, hasPreamble }: KnownLayout, least: number): boolean[] {
  if (!hasPreamble) return [false]
  const isMore = /\{\w+\}/.test(JSON.stringify(form))
  return [...(least === 1 ? [true] : []), ...(isMore ? [false] : [])]
}

function fromAny(header: Header, bytes: Uint8Array, places: Places, least: number, hasPreamble: boolean) {
  for (const place of places(bytes)) {
    if (header.start.some((byte, i) => !hasPreamble && byte !== bytes[place + i])) continue
    const tiled = lay(header, bytes, place, hasPreamble)
    if (tiled !== undefined && tiled.frames.length >= least) return tiled
  }
  return undefined
}

/** One body in so many at least is protobuf: the others are packed. */
const LEAST_MESSAGES = 4

/** The frames of a stream from a place on, as far as they are whole; undefined if there is none, or one that cannot be. */
function lay(header: Header, bytes: Uint8Array, from: number, hasPreamble: boolean): Tiled | undefined {
  const frames: Frame[] = []
  const head = {
    ...{ type: 0, length: 0, fields: null, start: 0, needs: 0, isEndKnown: false, fault: null },
    ...{ maxBodyBytes: Number.POSITIVE_INFINITY, maxHeaderBytes: Number.POSITIVE_INFINITY },
  }
  const lengths = lengthsIn(header)
  let pos = from
  let preamble: readonly Span[] = []
  try {
    if (hasPreamble && header.preamble !== null) {
      const { reader } = header.preamble
      pos = reader.read(bytes, from, bytes.length, head)
      if (pos < 0) return undefined
      // What is constant in it is known.
      preamble = reader.pieces().flatMap((piece) => (piece.part.kind === 'constant' ? [] : spansOf(piece, 0, 'before')))
      if (!areMessages(preamble, bytes)) return undefined
    }
    while (pos < bytes.length) {
      const after = header.read(bytes, pos, bytes.length, head)
      if (after < 0) break
      const frame = bytes.subarray(pos, after)
      const spans = header.pieces(frame).flatMap((piece) => spansOf(piece, pos, '', lengths.get(piece.part.index)))
      if (!areMessages(spans, bytes)) return undefined
      const [body, bodyEnd] = [head.start, head.start + head.length]
      frames.push({ ...NO_SHAPE, spans, start: pos, body, bodyEnd, end: after })
      if (isEnough(frames)) return undefined
      pos = after
    }
  } catch {
    return undefined
  }
  const filled = frames.filter(({ body, bodyEnd }) => bodyEnd > body)
  const messages = filled.filter(({ body, bodyEnd }) => isMessage(bytes, body, bodyEnd))
  if (frames.length === 0 || messages.length * LEAST_MESSAGES < filled.length) return undefined
  return { bytes, frames, preamble, begin: from }
}

const NO_SHAPE = { beforeEnd: 0, lengthEnd: 0, afterEnd: 0, section: undefined }

/** What a part of a frame costs: lengths and checksums, which are right, cost nothing. */
function spansOf({ part, start, end }: Piece, from: number, key: string, length = 0): Span[] {
  const span = { key: `${key}${part.index}`, start: from + start, end: from + end, length }
  if (part.kind === 'section' || part.kind === 'body' || part.kind === 'bytes') return [{ ...span, kind: part.kind }]
  const isFree = fieldsOf(part).some(({ role }) => role === 'length' || role === 'checksum')
  return isFree ? [] : [{ ...span, kind: 'column' }]
}

/** By the place of a section, the number of its field that is a length. */
const lengthsIn = ({ parts }: Header): ReadonlyMap<number, number> =>
  new Map(
    parts.flatMap((part) =>
      part.kind === 'place' && part.field.role === 'length' ? [[part.section, Number(part.path[0])] as const] : [],
    ),
  )

const areMessages = (spans: readonly Span[], bytes: Uint8Array): boolean =>
  spans.every(({ kind, start, end }) => kind !== 'section' || isMessage(bytes, start, end))
