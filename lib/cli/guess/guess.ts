import { headers } from '../../index.ts'
import { isMessage, isText } from './bodies.ts'
import { plainBits } from './chance.ts'
import { Cost } from './cost.ts'
import { lengthOf } from './lengths.ts'
import { commonShapes, plainShapes, richShapes, type Shape } from './shapes.ts'
import { spell } from './spelling.ts'
import { type Frame, type Stream, type Tiled, tile } from './tiling.ts'

/** A header that cuts all streams into frames with bodies of protobuf. */
export interface Guess {
  readonly line: string
  /** What a Protocol takes for its header. */
  readonly header: HeaderForm
  /** The name of the layout, if it has one: `--header NAME`. */
  readonly name: string | undefined
  readonly frames: number
  /** Fields of the bodies, not counting those within others. */
  readonly fields: number
  /** Bytes of each stream before its first frame, and after its last: of a stream that was cut. */
  readonly left: readonly (readonly [before: number, after: number])[]
  /** What the streams take by this header: of two, the less is likelier. */
  readonly bits: number
  /** How many bits that is less than the streams take by themselves. */
  readonly saved: number
  /** The streams that have bytes, cut by it. */
  readonly tiled: readonly Tiled[]
}

/** One layout, or each role's. */
export type HeaderForm = string | { readonly client: string; readonly server: string }

/** How a header is looked for. */
export interface GuessOptions {
  /** The streams are known to begin with their first byte: they cannot begin within a frame. */
  readonly fromStart?: boolean
}

/** What only the judging of a guess needs. */
interface Costed extends Guess {
  /** Of the frames alone, and of their bytes if they were none. */
  readonly tiledBits: number
  readonly plainBits: () => number
}

/** Bits of cost for each unit of oddity: of readings that are alike the plainer comes first. */
const ODDITY_BITS = 3
/** A layout that has a name is less odd than it looks. */
const NAMED_ODDITY = 2.1
/** Its constants are known before they are seen: a byte's bits are given back. */
const KNOWN_ODDITY = 4
const MOST_FRAMES = 4000
const FRAMES_A_STEP = 64
/** What it costs that a stream begins, or ends, within a frame, beside the bytes that are left over. */
const CUT_BITS = 12
/** Of a stream that begins within a frame so far its first whole one is looked for. */
const MOST_SKIPPED = 1024
/** A frame that begins just anywhere is believed if so many others follow it. */
const LEAST_AFTER_SKIP = 3
const MOST_PREAMBLE = 8
/** Of one stream alone more bytes are rather the rest of a frame. */
const MOST_ALONE = 4

/** What is tried, until something fits: the plainer first, which the others would imitate. */
const STAGES: readonly { shapes: () => Iterable<Shape>; places: Places; least: number }[] = [
  { shapes: plainShapes, places: atStart, least: 1 },
  { shapes: richShapes, places: atStart, least: 1 },
  { shapes: plainShapes, places: afterPreamble, least: 1 },
  { shapes: richShapes, places: afterPreamble, least: 1 },
  { shapes: commonShapes, places: anywhere, least: LEAST_AFTER_SKIP },
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
  const plain = plainBits(filled.map(({ bytes }) => bytes))
  const size = filled.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const found = new Map<string, Costed>()
  function* add(shape: Shape, tiled: readonly Tiled[]): Generator<void> {
    for (const guess of yield* guessesOf(shape, tiled, plain, size)) {
      const known = found.get(guess.line)
      if (known === undefined || known.bits > guess.bits) found.set(guess.line, guess)
    }
  }
  const sorted = () => [...found.values()].sort((a, b) => a.bits - b.bits)
  const isLikely = ({ bits, frames, left, tiledBits, plainBits }: Costed) =>
    sumOf(left.flat()) < size / 4
      ? bits < plain * CHANCE
      : frames >= LEAST_BEFORE_CUT && tiledBits < plainBits() * CHANCE
  const text = filled.every(({ bytes }) => isText(bytes))
  const stages = text ? STAGES.slice(0, 1) : STAGES
  for (const { shapes, places, least } of stages) {
    if (fromStart && places === anywhere) continue
    for (const shape of shapes()) {
      const tiled = tiledBy(shape, filled, places, least)
      if (tiled !== undefined) yield* add(shape, tiled)
      else yield
    }
    const [best] = sorted()
    if (best !== undefined && isLikely(best) && sumOf(best.left.flat()) < size / 4) break
  }
  return sorted().filter((each) => isLikely(each) && (!text || each.frames >= LEAST_OF_TEXT))
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)

/** Noise is read for as many bits as it has; frames save a fifth and more. */
const CHANCE = 0.98
/** What is left over of a stream that was cut may be its largest part, if there are so many frames before it. */
const LEAST_BEFORE_CUT = 5
/** Text is frames only if there are so many. */
const LEAST_OF_TEXT = 3
/** So much of the bytes at least is in bodies: headers alone are no protobuf. */
const LEAST_COVERED = 0.35

type Places = (bytes: Uint8Array) => Iterable<number>

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

/** Where frames may begin after a preamble: some constants, or a message with a length before it. */
function* afterPreamble(bytes: Uint8Array): Generator<number> {
  for (let place = 0; place <= MOST_PREAMBLE; place++) yield place
  for (const magic of [0, 2, 4, 6, 8]) {
    for (const kind of ['u16', 'u32', 'varint'] as const) {
      const [size, at] = lengthOf(bytes, magic, kind)
      if (at > 0 && size > 0 && at + size < bytes.length) yield at + size
    }
  }
}

function atStart(): number[] {
  return [0]
}

function* anywhere(bytes: Uint8Array): Generator<number> {
  for (let place = 0; place < Math.min(MOST_SKIPPED, bytes.length); place++) yield place
}

function* guessesOf(
  shape: Shape,
  tiled: readonly Tiled[],
  plain: number,
  size: number,
): Generator<void, readonly Costed[]> {
  const headersAlone = tiled.every(({ frames: each }) => coveredOf(each.slice(0, MOST_FRAMES)) < LEAST_COVERED)
  if (headersAlone || hasFieldsInHeader(shape, tiled)) return []
  const cost = new Cost()
  let frames = 0
  let looked = 0
  let costed = 0
  for (const { bytes, frames: each } of tiled) {
    for (const frame of each.slice(0, MOST_FRAMES)) {
      cost.add(bytes, frame)
      looked += frame.end - frame.start
      if (++costed % FRAMES_A_STEP === 0) yield
    }
    frames += each.length
  }
  if (cost.covered < looked * LEAST_COVERED) return []
  const left = tiled.map(({ bytes, frames: each }): [number, number] => [
    each[0]?.start ?? 0,
    bytes.length - (each.at(-1)?.end ?? 0),
  ])
  const framed = () => tiled.map((each, i) => each.bytes.subarray(left[i]?.[0], each.frames.at(-1)?.end))
  // Of very many frames the first say what all of them cost.
  const tiledBits = cost.bits * (sumOf(framed().map(({ length }) => length)) / looked)
  let bits = tiledBits
  for (const count of left.flat()) if (count > 0) bits += (plain / size) * count + CUT_BITS
  const preamble = preambleOf(tiled)
  return spell(shape, tiled).map(({ line, oddity }) => {
    const name = NAMES.get(plainText(line))
    const text = name === undefined ? line : (headers[name] as string)
    const named = name === undefined ? 0 : NAMED_ODDITY + KNOWN_ODDITY * constantBytes(text)
    const all = bits + (oddity - named) * ODDITY_BITS
    const whole = preamble === undefined ? text : `${preamble} | ${text}`
    return {
      ...{ line: whole, header: whole },
      name: preamble === undefined ? name : undefined,
      ...{ frames, fields: cost.fields, left, tiledBits, plainBits: () => plainBits(framed()), tiled },
      ...{ bits: all, saved: plain - all },
    }
  })
}

/** Which share of the frames' bytes is in bodies and sections: known before their costs are, which take long to count. */
function coveredOf(frames: readonly Frame[]): number {
  const looked = sumOf(frames.map(({ start, end }) => end - start))
  const inside = ({ section: [from, to] = [0, 0], body, bodyEnd }: Frame) => bodyEnd - body + to - from
  return sumOf(frames.map(inside)) / looked
}

/** Whether what follows the length is fields of its own, in all frames: then it is the body's beginning, and the same there. */
const hasFieldsInHeader = ({ after, counts }: Shape, tiled: readonly Tiled[]): boolean =>
  counts !== 'body' &&
  after.section === undefined &&
  after.bytes + after.varints > 0 &&
  tiled.every(({ bytes, frames }) => frames.every(({ lengthEnd, afterEnd }) => isMessage(bytes, lengthEnd, afterEnd)))

/** Constants before the first frame, if all streams begin with the same. */
function preambleOf(tiled: readonly Tiled[]): string | undefined {
  const [first = '', ...others] = tiled.map(({ bytes, frames }) =>
    Buffer.from(bytes.subarray(0, frames[0]?.start)).toString('hex'),
  )
  if (
    first === '' ||
    first.length > 2 * (others.length > 0 ? MOST_PREAMBLE : MOST_ALONE) ||
    others.some((other) => other !== first)
  )
    return undefined
  return `0x${first}`
}

const constantBytes = (line: string): number => (/0x(\w+)/.exec(line)?.[1]?.length ?? 0) / 2

/** A line with its names left out: `:u8 length:u32`. */
const plainText = (line: string): string => line.replaceAll(/\b(?!length)\w+:/g, ':')

/** The layouts that have a name, of two of one layout the first. */
const NAMES: ReadonlyMap<string, keyof typeof headers> = new Map(
  (Object.entries(headers) as [keyof typeof headers, unknown][])
    .reverse()
    .flatMap(([name, text]) => (typeof text === 'string' ? [[plainText(text), name]] : [])),
)
