import { headers } from '../../index.ts'
import { Cost } from './cost.ts'
import { spell } from './spelling.ts'
import { type Frame, type Shape, type Stream, shapes, tile } from './tiling.ts'

/** A header that cuts all streams into frames with bodies of protobuf. */
export interface Guess {
  readonly line: string
  /** The name of the layout, if it has one: `--header NAME`. */
  readonly name: string | undefined
  readonly frames: number
  /** Fields of the bodies, not counting those within others. */
  readonly fields: number
  /** What the streams take by this header: of two, the less is likelier. */
  readonly bits: number
}

/** A bit of cost for each unit of oddity: of readings that are alike the plainer comes first. */
const ODDITY_BITS = 3
const PRESET_BITS = 20
const MOST_FRAMES = 4000

/** The headers that fit, the likeliest first. */
export function guess(streams: readonly Stream[]): Guess[] {
  const filled = streams.filter(({ bytes }) => bytes.length > 0)
  const found = new Map<string, Guess>()
  if (filled.length === 0) return []
  for (const shape of shapes()) {
    const read = reading(filled, shape)
    if (read === undefined) continue
    for (const { line, name, oddity } of spellings(shape, read.tiled)) {
      const bits = read.bits + oddity * ODDITY_BITS
      const known = found.get(line)
      if (known === undefined || known.bits > bits)
        found.set(line, { line, name, frames: read.frames, fields: read.fields, bits })
    }
  }
  return [...found.values()].sort((a, b) => a.bits - b.bits)
}

type Tiled = readonly (readonly [Stream, readonly Frame[]])[]

function reading(
  streams: readonly Stream[],
  shape: Shape,
): { tiled: Tiled; bits: number; frames: number; fields: number } | undefined {
  const tiled: [Stream, Frame[]][] = []
  for (const stream of streams) {
    const frames = tile(stream, shape)
    if (frames === undefined) return undefined
    tiled.push([stream, frames])
  }
  const cost = new Cost()
  let counted = 0
  for (const [{ bytes }, frames] of tiled) {
    for (const frame of frames.slice(0, MOST_FRAMES)) if (!cost.add(bytes, frame)) return undefined
    counted += frames.length
    cost.bits += 8 * (bytes.length - (frames.at(-1)?.end ?? 0)) // What is left over.
  }
  return { tiled, bits: cost.bits, frames: counted, fields: cost.fields }
}

/** A layout of nothing but hexadecimal constants and integers before the body: what a shape can be. */
const PLAIN = /^(?:(?:0x\w+|\w+(?:\((?:rest|frame)\))?:\w+)(?: |$))+$/

/** How a shape is written: as its bytes suggest, and as layouts that have a name and read the same. */
function* spellings(shape: Shape, tiled: Tiled): Generator<{ line: string; name: string | undefined; oddity: number }> {
  const { line, oddity } = spell(shape, tiled)
  const named = new Map<string, string>(
    Object.entries(headers)
      .reverse() // Of two names of one layout the first.
      .flatMap(([name, text]): [string, string][] =>
        typeof text === 'string' && PLAIN.test(text) ? [[text, name]] : [],
      ),
  )
  yield { line, name: named.get(line), oddity: named.has(line) ? oddity - PRESET_BITS / ODDITY_BITS : oddity }
  for (const [text, name] of named) {
    if (text === line || !isOf(text, shape, tiled)) continue
    yield { line: text, name, oddity: Math.min(oddity, 3) - PRESET_BITS / ODDITY_BITS }
  }
}

/** Whether a layout of constants and plain integers is of that shape, its constants on the bytes. */
function isOf(text: string, { before, length, after, counts }: Shape, tiled: Tiled): boolean {
  const words = text.split(' ')
  const at = words.findIndex((word) => word.startsWith('length'))
  if (words[at] !== `length${counts === 'body' ? '' : `(${counts})`}:${length}`) return false
  const parts: [string[], number, (frame: Frame) => number][] = [
    [words.slice(0, at), before, ({ start }) => start],
    [words.slice(at + 1), after, ({ lengthEnd }) => lengthEnd],
  ]
  return parts.every(([side, size, place]) => {
    if (side.length === 1 && side[0]?.endsWith(':varint')) return size === -1
    let offset = 0
    for (const word of side) {
      const hex = /^0x((?:[\da-f]{2})+)$/i.exec(word)?.[1]
      const width = /^\w+:u(\d+)(?:le)?$/.exec(word)?.[1]
      if (hex === undefined && width === undefined) return false
      const from = offset
      offset += hex === undefined ? Number(width) / 8 : hex.length / 2
      if (hex === undefined) continue
      const wanted = Buffer.from(hex, 'hex')
      const same = tiled.every(([{ bytes }, frames]) =>
        frames.every((frame) => wanted.every((byte, i) => bytes[place(frame) + from + i] === byte)),
      )
      if (!same) return false
    }
    return size === offset
  })
}
