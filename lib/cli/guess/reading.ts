// What a reading of the streams is, and what it costs: of a shape, in each way that it is written, or of a layout that is known.

import { headers, type Role } from '../../index.ts'
import { isMessage } from './bodies.ts'
import { plainBits } from './chance.ts'
import { Cost } from './cost.ts'
import { constantsOf, type HeaderForm, markOf } from './known-layouts.ts'
import type { Laid } from './laying.ts'
import { MOST_PREAMBLE } from './places.ts'
import type { Shape } from './shapes.ts'
import { spell } from './spelling.ts'
import type { Frame, Tiled } from './tiling.ts'

/** A header that cuts all streams into frames with bodies of protobuf. */
export interface Guess {
  /** For people. */
  readonly line: string
  /** What a Protocol takes for its header. */
  readonly header: HeaderForm
  /** The name of the layout, if it has one: `--header NAME`. */
  readonly name: string | undefined
  /** Whose the first stream is, where roles have layouts of their own. */
  readonly role: Role | undefined
  /** It has a name, and constants that hardly anything else begins with. */
  readonly isMarked: boolean
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

/** A guess, and what only the judging of it needs. */
export interface Reading extends Guess {
  /** Of the frames alone, and of their bytes if they were none. */
  readonly tiledBits: number
  readonly plainBits: () => number
  /** Of these what is packed or encrypted. */
  readonly opaque: number
}

/** What the streams are by themselves. */
export interface Plain {
  readonly bits: number
  readonly size: number
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
/** So much of the bytes at least is in bodies: headers alone are no protobuf. */
const LEAST_COVERED = 0.35
/** So many bytes of constants are no chance. */
const LEAST_MARK = 3
/** Of one stream alone more bytes are rather the rest of a frame. */
const MOST_ALONE = 4

export const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)

/** The readings of a shape, one for each line that it may be written as. */
export function* shapeReadings(
  shape: Shape,
  tiled: readonly Tiled[],
  plain: Plain,
): Generator<void, readonly Reading[]> {
  const headersAlone = tiled.every(({ frames }) => coveredOf(frames.slice(0, MOST_FRAMES)) < LEAST_COVERED)
  if (headersAlone || hasFieldsInHeader(shape, tiled)) return []
  const costed = yield* costOf(tiled, plain)
  if (costed === undefined) return []
  const preamble = preambleOf(tiled)
  return spell(shape, tiled).map(({ line, oddity }) => {
    const name = NAMES.get(plainText(line))
    const text = name === undefined ? line : (headers[name] as string)
    const named = name === undefined ? 0 : NAMED_ODDITY + KNOWN_ODDITY * constantBytes(text)
    const bits = costed.bits + (oddity - named) * ODDITY_BITS
    const whole = preamble === undefined ? text : `${preamble} | ${text}`
    const said = { line: whole, header: whole, name: preamble === undefined ? name : undefined }
    const rest = { role: undefined, isMarked: false }
    return { ...costed, ...said, ...rest, bits, saved: plain.bits - bits }
  })
}

/** The reading of a layout that is known, as a whole or without its preamble. */
export function* layoutReading(
  { layout: { form, name, oddity }, role, tiled }: Laid,
  plain: Plain,
): Generator<void, readonly Reading[]> {
  const costed = yield* costOf(tiled, plain)
  if (costed === undefined) return []
  const named = (name === undefined ? 0 : NAMED_ODDITY) + KNOWN_ODDITY * constantsOf(form)
  const bits = costed.bits + (oddity - named) * ODDITY_BITS
  const line = typeof form === 'string' ? form : `{ client: '${form.client}', server: '${form.server}' }`
  const isMarked = name !== undefined && markOf(form) >= LEAST_MARK
  return [{ ...costed, ...{ line, header: form, name, role, isMarked, bits, saved: plain.bits - bits } }]
}

/** What the frames cost, and what is left over; undefined where they are hardly more than headers. */
function* costOf(
  tiled: readonly Tiled[],
  plain: Plain,
): Generator<void, Omit<Reading, 'line' | 'header' | 'name' | 'role' | 'isMarked' | 'saved'> | undefined> {
  const cost = new Cost()
  let frames = 0
  let looked = 0
  let costed = 0
  for (const { bytes, frames: each, preamble = [] } of tiled) {
    cost.addSpans(bytes, preamble)
    for (const frame of each.slice(0, MOST_FRAMES)) {
      cost.add(bytes, frame)
      looked += frame.end - frame.start
      if (++costed % FRAMES_A_STEP === 0) yield
    }
    frames += each.length
  }
  if (cost.covered < looked * LEAST_COVERED) return undefined
  const left = tiled.map(({ bytes, frames: each, begin }): [number, number] => [
    begin ?? each[0]?.start ?? 0,
    bytes.length - (each.at(-1)?.end ?? 0),
  ])
  const framed = () => tiled.map((each, i) => each.bytes.subarray(left[i]?.[0], each.frames.at(-1)?.end))
  // Of very many frames the first say what all of them cost.
  const share = sumOf(framed().map(({ length }) => length)) / looked
  const tiledBits = cost.bits * share
  let bits = tiledBits
  for (const count of left.flat()) if (count > 0) bits += (plain.bits / plain.size) * count + CUT_BITS
  return {
    ...{ frames, fields: cost.fields, left, bits, tiled },
    ...{ tiledBits, plainBits: () => plainBits(framed()), opaque: cost.opaque * share },
  }
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
