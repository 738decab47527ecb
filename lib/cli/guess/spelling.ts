// The line of a header's shape: what its bytes were in all frames says which are constants, and which belong together.

import type { Frame, Shape, Stream } from './tiling.ts'

interface Column {
  readonly first: number
  readonly distinct: number
}

interface Spelled {
  readonly parts: readonly string[]
  /** The less, the more like what people write. */
  readonly oddity: number
}

/** The lines that a shape may be written as, the likeliest first. */
export function spell(
  shape: Shape,
  streams: readonly (readonly [Stream, readonly Frame[]])[],
): { line: string; oddity: number } {
  const columns = (from: (frame: Frame) => number, count: number): Column[] =>
    Array.from({ length: Math.max(0, count) }, (_, i) => {
      const values = new Set<number>()
      for (const [{ bytes }, frames] of streams)
        for (const frame of frames) values.add(bytes[from(frame) + i] as number)
      return { first: [...values][0] as number, distinct: values.size }
    })
  const frames = streams.reduce((sum, [, each]) => sum + each.length, 0)
  const names = new Names()
  // A header with varints writes small numbers so, and its length, too.
  const long = streams.some(([, each]) => each.some(({ start, lengthAt }) => lengthAt - start > 2))
  const oddity = (shape.length === 'varint' ? 1 : 2) + (long ? 4 : 0)
  const varintPart: Spelled = { parts: [':varint'], oddity }
  const before =
    shape.before < 0
      ? varintPart
      : split(
          columns(({ start }) => start, shape.before),
          frames,
        )
  const after =
    shape.after < 0
      ? varintPart
      : split(
          columns(({ lengthEnd }) => lengthEnd, shape.after),
          frames,
        )
  const length = `length${shape.counts === 'body' ? '' : `(${shape.counts})`}:${shape.length}`
  const line = [
    ...before.parts.map((part) => names.of(part)),
    length,
    ...after.parts.map((part) => names.of(part)),
  ].join(' ')
  return { line, oddity: before.oddity + after.oddity + LENGTH_ODDITY[shape.length] + COUNTS_ODDITY[shape.counts] }
}

const LENGTH_ODDITY = { u32: 0, u16: 1, varint: 0.5, u32le: 1.5, u16le: 2, u8: 3, u24: 4, u24le: 5, zigzag: 9 }
const COUNTS_ODDITY = { body: 0, rest: 0.5, frame: 0.7 }

/** The first number is the type: of what is known this is likeliest. */
class Names {
  #count = 0

  of(part: string): string {
    if (!part.startsWith(':')) return part
    this.#count++
    return `${this.#count === 1 ? 'type' : `field${this.#count}`}${part}`
  }
}

/** Bytes as constants and integers: all ways to cut them, and the least odd one. */
function split(columns: readonly Column[], frames: number): Spelled {
  const best: Spelled[] = [{ parts: [], oddity: 0 }]
  for (let end = 1; end <= columns.length; end++) {
    let least: Spelled | undefined
    for (let size = 1; size <= Math.min(8, end); size++) {
      const head = best[end - size] as Spelled
      for (const [part, oddity] of partsOf(columns.slice(end - size, end), frames)) {
        const sum = head.oddity + oddity
        if (least === undefined || sum < least.oddity) least = { parts: [...head.parts, part], oddity: sum }
      }
    }
    best.push(least ?? { parts: [], oddity: Number.POSITIVE_INFINITY })
  }
  return best[columns.length] as Spelled
}

/** Odd enough that no header is spelt so unless nothing else fits. */
const STRANGE = 12

function* partsOf(columns: readonly Column[], frames: number): Generator<[part: string, oddity: number]> {
  const size = columns.length
  const constant = columns.every(({ distinct }) => distinct === 1)
  const zero = constant && columns.every(({ first }) => first === 0)
  if (constant && frames > 1) {
    const digits = columns.map(({ first }) => first.toString(16).padStart(2, '0')).join('')
    yield [`0x${digits}`, 2 + (zero && size > 1 ? 4 : zero ? 1 : 0) + (size > 4 ? 2 : 0)]
  }
  if (![1, 2, 3, 4, 8].includes(size)) return
  const width = { 1: 1.5, 2: 1.6, 3: 4, 4: 1.7, 8: 3 }[size] as number
  // Of an integer the high byte varies less than the low one, and is mostly 0.
  const order = (bytes: readonly Column[]): number => {
    let oddity = 0
    for (let i = 1; i < bytes.length; i++) {
      if ((bytes[i - 1] as Column).distinct > (bytes[i] as Column).distinct) oddity += STRANGE
    }
    const [high] = bytes
    if (bytes.length > 1 && high !== undefined && (high.first !== 0 || high.distinct > 1)) oddity += 1.5
    return oddity
  }
  const still = constant && frames > 1 ? 1 : 0
  yield [`:u${size * 8}`, width + order(columns) + still]
  if (size > 1) yield [`:u${size * 8}le`, width + 0.5 + order([...columns].reverse()) + still]
}
