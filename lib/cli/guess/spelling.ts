// The lines of a header's shape: what its bytes were in all frames says which are constants, and which belong together.

import { checksums } from '../../framing/checksums.ts'
import type { LengthKind } from './lengths.ts'
import { type Integer, namesOf, type Part } from './naming.ts'
import type { Fill, Shape } from './shapes.ts'
import type { Frame, Tiled } from './tiling.ts'

/** A row of parts, and how unlike it is to what people write: the less, the likelier. */
interface Spelled {
  readonly parts: readonly Part[]
  readonly oddity: number
}

/** A line that a shape may be written as. */
export interface Line {
  readonly line: string
  readonly oddity: number
}

/** So many lines of one shape are kept. */
const MOST_LINES = 4

const LENGTH_ODDITY: Record<LengthKind, number> = {
  ...{ u32: 0, u16: 0.5, varint: 0, u32le: 0.5, u16le: 1, u8: 3, u24: 3, u24le: 4, u64: 2, u64le: 2, zigzag: 7 },
  ...{ '4+28:u32': 5, '4+28:u32le': 5, '1+31:u32': 5, '1+31:u32le': 5, hex8: 3, dec: 4 },
}
const COUNTS_ODDITY = { body: 0, rest: 0.5, frame: 0.7, sum: 0.5 }
const SECTION_ODDITY = 6
/** Lengths and integers of one header are of one byte order. */
const MIXED_ODDITY = 4

/** The lines that a shape may be written as, the likeliest first. */
export function spell(shape: Shape, tiled: readonly Tiled[]): Line[] {
  const { before, length, after, counts, trailer } = shape
  if (length.includes('+') && !hasHighBits(shape, tiled)) return []
  const frames = tiled.reduce((sum, { frames }) => sum + frames.length, 0)
  const first = fillOf(before, tiled, ({ start }) => start, frames)
  const second = fillOf(after, tiled, ({ lengthEnd }) => lengthEnd, frames)
  const last = trailer === 0 ? '' : checksumOf(tiled, ({ bodyEnd }) => bodyEnd, true)
  if (last === undefined) return []
  const fixed = LENGTH_ODDITY[length] + COUNTS_ODDITY[counts]
  const order = length.endsWith('le') ? 'le' : /^(u16|u24|u32|u64)$|:u32$/.test(length) ? 'be' : ''
  const lines: Line[] = []
  for (const left of first) {
    for (const right of second) {
      const parts = [...left.parts, ...right.parts]
      const orders = new Set([order, ...parts.map(orderOf)])
      const mixed = orders.has('le') && orders.has('be') ? MIXED_ODDITY : 0
      const names = namesOf(parts, tiled)
      const named = (part: Part, at: number) => (typeof part === 'string' ? part : `${names[at]}:${part.kind}`)
      const line = [
        ...left.parts.map(named),
        ...sectionOf(before),
        lengthText(shape),
        ...right.parts.map((part, i) => named(part, left.parts.length + i)),
        ...sectionOf(after),
        ...(last === '' ? [] : ['body', last]),
      ].join(' ')
      lines.push({ line, oddity: left.oddity + right.oddity + fixed + mixed + (last === '' ? 0 : CHECKSUM_ODDITY) })
    }
  }
  return lines.sort((a, b) => a.oddity - b.oddity).slice(0, MOST_LINES)
}

function lengthText({ length, counts }: Shape): string {
  if (length.includes('+')) {
    const [bits, kind] = length.split(':') as [string, string]
    const [high, low] = bits.split('+')
    return `[${high === '1' ? 'flag' : 'version'}:${high} length${counts === 'body' ? '' : `(${counts})`}:${low}]:${kind}`
  }
  return `length${{ body: '', rest: '(rest)', frame: '(frame)', sum: '(Head+body)' }[counts]}:${length}`
}

const sectionOf = ({ section, inner }: Fill): string[] =>
  section === undefined
    ? []
    : [`length(Head):${section}`, '{Head}', ...(inner === undefined ? [] : [`length:${inner}`])]

/** Without the high bits it is a plain integer. */
const hasHighBits = ({ before, length }: Shape, tiled: readonly Tiled[]): boolean =>
  before.varints === 0 &&
  tiled.some(({ bytes, frames }) =>
    frames.some(({ start }) => {
      const at = start + before.bytes + (length.endsWith('le') ? 3 : 0)
      return (bytes[at] as number) >= (length.startsWith('1') ? 128 : 16)
    }),
  )

const orderOf = (part: Part): string =>
  typeof part === 'string' || part.size < 2 ? '' : part.kind.endsWith('le') ? 'le' : 'be'

type Place = (frame: Frame) => number

function fillOf(fill: Fill, tiled: readonly Tiled[], place: Place, frames: number): Spelled[] {
  if (fill.varints > 0) return [varints(fill.varints, tiled, place)]
  const rows = split(fill.bytes, tiled, place, frames)
  if (fill.section === undefined) return rows
  const odd = SECTION_ODDITY + LENGTH_ODDITY[fill.section] + (fill.inner === undefined ? 0 : 1)
  return rows.map(({ parts, oddity }) => ({ parts, oddity: oddity + odd }))
}

/** Small numbers as varints are bytes; what is never small would hardly be written so. */
function varints(count: number, tiled: readonly Tiled[], place: Place): Spelled {
  const parts: Part[] = []
  for (let number = 0; number < count; number++) parts.push({ kind: 'varint', size: 0, side: place, at: number })
  const lengths = new Set<number>()
  for (const { bytes, frames } of tiled) {
    for (const frame of frames) {
      let at = place(frame)
      for (let left = count; left > 0; at++) if ((bytes[at] as number) < 128) left--
      lengths.add(at - place(frame))
    }
  }
  // Of one byte each it is likelier that they are bytes, and of always as many that they are something else.
  const odd = lengths.size > 1 ? 0.5 : lengths.has(count) ? 2 : 6
  return { parts, oddity: count * odd }
}

interface Column {
  readonly first: number
  readonly distinct: number
}

/** Bytes as constants and integers: the least odd ways to cut them. */
function split(count: number, tiled: readonly Tiled[], place: Place, frames: number): Spelled[] {
  const columns = Array.from({ length: count }, (_, i): Column => {
    const values = new Set<number>()
    for (const { bytes, frames } of tiled) for (const frame of frames) values.add(bytes[place(frame) + i] as number)
    return { first: [...values][0] as number, distinct: values.size }
  })
  const best: Spelled[][] = [[{ parts: [], oddity: 0 }]]
  for (let end = 1; end <= count; end++) {
    const found: Spelled[] = []
    for (let size = 1; size <= Math.min(8, end); size++) {
      const at = end - size
      for (const { part, oddity } of partsOf(columns.slice(at, end), at, frames, tiled, place))
        for (const head of best[at] as Spelled[]) {
          // Two constants side by side are one.
          if (typeof part === 'string' && /^0x/.test(String(head.parts.at(-1))) && part.startsWith('0x')) continue
          found.push({ parts: [...head.parts, part], oddity: head.oddity + oddity })
        }
    }
    best.push(found.sort((a, b) => a.oddity - b.oddity).slice(0, MOST_LINES))
  }
  return best[count] as Spelled[]
}

/** Odd enough that no header is spelt so unless nothing else fits. */
const STRANGE = 12
const WIDTHS = new Map([
  [1, 1.5],
  [2, 1.6],
  [3, 5],
  [4, 1.7],
  [8, 2.5],
])
/** A checksum that is right in all frames is no chance. */
const CHECKSUM_ODDITY = -10
/** A number that never changes is a version, or flags that nobody sets, where it is small; a constant, where it is not. */
const SMALL = 8

function* partsOf(columns: readonly Column[], at: number, frames: number, tiled: readonly Tiled[], place: Place) {
  const size = columns.length
  const constant = frames > 1 && columns.every(({ distinct }) => distinct === 1)
  const zero = constant && columns.every(({ first }) => first === 0)
  const width = WIDTHS.get(size)
  if (constant) {
    const digits = columns.map(({ first }) => first.toString(16).padStart(2, '0')).join('')
    // What is made of nothing but small bytes is rather some numbers.
    const odd = zero ? (size > 1 ? 4 : 0.3) : columns.every(({ first }) => first < SMALL) ? size : 0
    yield { part: `0x${digits}`, oddity: 1.7 + odd + (width === undefined || size === 3 ? 2.5 : 0) }
  }
  if (width === undefined) return
  if (size === 4 && !constant && frames > 2) {
    const sum = checksumOf(tiled, (frame) => place(frame) + at, false)
    if (sum !== undefined) yield { part: sum, oddity: CHECKSUM_ODDITY }
  }
  const integer = (kind: string): Integer => ({ kind, size, side: place, at })
  // A constant that is large is hardly the value of a number.
  const still = constant ? (zero ? 0.8 : smallest(columns) === undefined ? 4 : 0.4) : 0
  yield { part: integer(`u${size * 8}`), oddity: width + orderOdd(columns, frames) + still }
  if (size > 1)
    yield { part: integer(`u${size * 8}le`), oddity: width + 0.5 + orderOdd([...columns].reverse(), frames) + still }
}

/** The value of constant bytes as an integer of either byte order, if it is small. */
function smallest(columns: readonly Column[]): number | undefined {
  const values = columns.map(({ first }) => first)
  const isZero = (bytes: number[]) => bytes.every((byte) => byte === 0)
  const [first = 0, last = 0] = [values[0], values.at(-1)]
  if (isZero(values.slice(0, -1)) && last < SMALL) return last
  return isZero(values.slice(1)) && first < SMALL ? first : undefined
}

/** Of an integer the high byte varies less than the low one, and is mostly 0; of a random one all vary. */
function orderOdd(bytes: readonly Column[], frames: number): number {
  if (bytes.length < 2) return 0
  // As different as random bytes are, or nearly.
  const isRandom = bytes.every(({ distinct }) => distinct > 2 && distinct > Math.min(frames, 256) * 0.4)
  if (isRandom) return 1
  let oddity = 0
  for (let i = 1; i < bytes.length; i++)
    if ((bytes[i - 1] as Column).distinct > (bytes[i] as Column).distinct) oddity += STRANGE
  // High bytes that never change and are not 0 are something by themselves.
  for (const { first, distinct } of bytes.slice(0, -1)) {
    if (distinct > 1) break
    if (first !== 0 && frames > 1) oddity += 3
  }
  return oddity + ((bytes[0] as Column).distinct > 1 ? 1.5 : 0)
}

/** The checksum that stands at a place of every frame, over its body. */
function checksumOf(tiled: readonly Tiled[], place: Place, isTrailer: boolean): string | undefined {
  for (const [name, sum, covers, little] of SUMS) {
    let frames = 0
    const right = tiled.every((stream) =>
      stream.frames.slice(0, MOST_SUMMED).every((frame) => {
        frames++
        const at = place(frame)
        const view = new DataView(stream.bytes.buffer, stream.bytes.byteOffset)
        return (
          at + 4 <= stream.bytes.length && view.getUint32(at, little) === sum([covered(stream.bytes, frame, covers)])
        )
      }),
    )
    if (right && frames > (isTrailer ? 0 : 1)) return `${name}(${covers}):u32${little ? 'le' : ''}`
  }
  return undefined
}

const MOST_SUMMED = 32
const SUMS = [...checksums].flatMap(([name, sum]) =>
  (['body', 'length'] as const).flatMap((covers) =>
    [false, true].map((little) => [name, sum, covers, little] as const),
  ),
)

const covered = (bytes: Uint8Array, { beforeEnd, lengthEnd, body, bodyEnd }: Frame, covers: 'body' | 'length') =>
  covers === 'body' ? bytes.subarray(body, bodyEnd) : bytes.subarray(beforeEnd, lengthEnd)
