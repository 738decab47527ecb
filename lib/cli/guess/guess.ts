import { isText } from './bodies.ts'
import { plainBits } from './chance.ts'
import { knownLayouts, placedLayouts } from './known-layouts.ts'
import { laidBy } from './laying.ts'
import { afterPreamble, anywhere, atStart, type Places } from './places.ts'
import { type Guess, layoutReading, type Reading, shapeReadings, sumOf } from './reading.ts'
import { commonShapes, plainShapes, richShapes, type Shape } from './shapes.ts'
import { type Frame, type Stream, type Tiled, tile } from './tiling.ts'

/** How a header is looked for. */
export interface GuessOptions {
  /** The streams are known to begin with their first byte: they cannot begin within a frame. */
  readonly fromStart?: boolean
}

/** A frame that begins just anywhere is believed if so many others follow it. */
const LEAST_AFTER_SKIP = 3

/** What is tried, until something fits: the plainer first, which the others would imitate. */
const STAGES: readonly { shapes: () => Iterable<Shape>; places: Places; least: number; hasKnown: boolean }[] = [
  { shapes: plainShapes, places: atStart, least: 1, hasKnown: true },
  { shapes: richShapes, places: atStart, least: 1, hasKnown: false },
  { shapes: plainShapes, places: afterPreamble, least: 1, hasKnown: false },
  { shapes: richShapes, places: afterPreamble, least: 1, hasKnown: false },
  { shapes: commonShapes, places: anywhere, least: LEAST_AFTER_SKIP, hasKnown: true },
]

/** The headers that fit, the likeliest first: none where all bytes are as likely by chance. */
export function guess(streams: readonly Stream[], options: GuessOptions = {}): Guess[] {
  const work = guessing(streams, options)
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** The same in steps of some microseconds to some milliseconds, between which others have their turn. */
export function* guessing(
  streams: readonly Stream[],
  { fromStart = false }: GuessOptions = {},
): Generator<void, Guess[]> {
  const filled = streams.filter(({ bytes }) => bytes.length > 0)
  if (filled.length === 0) return []
  const size = sumOf(filled.map(({ bytes }) => bytes.length))
  const plain = { bits: plainBits(filled.map(({ bytes }) => bytes)), size }
  const found = new Map<string, Reading>()
  const keep = (readings: readonly Reading[]) => {
    for (const reading of readings) {
      const known = found.get(reading.line)
      if (known === undefined || known.bits > reading.bits) found.set(reading.line, reading)
    }
  }
  const sorted = () => [...found.values()].sort((a, b) => a.bits - b.bits)
  const isMostlyRead = ({ left }: Reading) => sumOf(left.flat()) < size / 4
  const isLikely = (reading: Reading) => {
    const { bits, frames, tiledBits, plainBits, opaque, saved } = reading
    if (opaque > 0 && saved < LEAST_BESIDE_OPAQUE) return false
    if (isMostlyRead(reading)) return isLess(bits, plain.bits, opaque)
    return frames >= LEAST_BEFORE_CUT && isLess(tiledBits, plainBits(), opaque)
  }
  const text = filled.every(({ bytes }) => isText(bytes))
  const isPlainest = text || plain.bits < LEAST_BITS_A_BYTE * size
  const stages = isPlainest ? STAGES.slice(0, 1) : STAGES
  for (const { shapes, places, least, hasKnown } of stages) {
    if (fromStart && places === anywhere) continue
    if (hasKnown && !text) {
      const [first] = filled as [Stream, ...Stream[]]
      for (const layout of [...knownLayouts(), ...placedLayouts(first.bytes)]) {
        for (const laid of laidBy(layout, filled, places, least)) keep(yield* layoutReading(laid, plain))
        yield
      }
    }
    for (const shape of shapes()) {
      const tiled = tiledBy(shape, filled, places, least)
      if (tiled !== undefined) keep(yield* shapeReadings(shape, tiled, plain))
      else yield
    }
    const [best] = sorted()
    if (best !== undefined && isLikely(best) && isMostlyRead(best)) break
  }
  return sorted().filter((each) => isLikely(each) && (!text || each.frames >= LEAST_OF_TEXT))
}

/** Bytes that take less than so many bits each by themselves repeat one another: there are frames at every place in them. */
const LEAST_BITS_A_BYTE = 0.01

/** Noise is read for as many bits as it has; frames save a fifth and more. */
const CHANCE = 0.98
/** What is left over of a stream that was cut may be its largest part, if there are so many frames before it. */
const LEAST_BEFORE_CUT = 5
/** Text is frames only if there are so many. */
const LEAST_OF_TEXT = 3
/** So many bits are saved at least where most of a capture is packed or encrypted: the rest is little, and fits by chance. */
const LEAST_BESIDE_OPAQUE = 40

/** Whether a reading takes less than the bytes by themselves, of what can be read at all. */
const isLess = (bits: number, plain: number, opaque: number): boolean =>
  bits - opaque < Math.max(0, plain - opaque) * CHANCE

/** Each stream from the first of some places from which frames follow one another to its end. */
function tiledBy(shape: Shape, streams: readonly Stream[], places: Places, least: number): Tiled[] | undefined {
  const tiled: Tiled[] = []
  for (const { bytes } of streams) {
    let frames: Frame[] | undefined
    for (const place of places(bytes)) {
      const first = tile(bytes, shape, place, least)
      if (first === undefined || first.length < least) continue
      frames = tile(bytes, shape, place)
      if (frames !== undefined) break
    }
    if (frames === undefined) return undefined
    tiled.push({ bytes, frames })
  }
  return tiled
}
