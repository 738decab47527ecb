// What the integers of a header are called, by what they were in all frames.

import type { Frame, Tiled } from './tiling.ts'

/** An integer of a header, and where it stands: after `side`, at a byte, or of varints the number that it is. */
export interface Integer {
  readonly kind: string
  readonly size: number
  readonly side: (frame: Frame) => number
  readonly at: number
}

/** A constant or a checksum as it stands in the line, or an integer that wants a name. */
export type Part = string | Integer

const MOST_TYPES = 256
const SAMPLED = 200

/** Names, by the parts' places; of a constant an empty one. The type is what takes few values; what goes up is an id. */
export function namesOf(parts: readonly Part[], tiled: readonly Tiled[]): string[] {
  const seen = parts.map((part) => (typeof part === 'string' ? undefined : seenOf(part, tiled)))
  const types = [...seen.keys()].filter((i) => seen[i] !== undefined && !seen[i].climbs && seen[i].isFew)
  const varied = types.filter((i) => (seen[i]?.distinct ?? 0) > 1)
  const type = varied.sort((a, b) => (seen[a]?.distinct ?? 0) - (seen[b]?.distinct ?? 0))[0] ?? types[0]
  let fields = 0
  let ids = 0
  return parts.map((part, i) => {
    if (typeof part === 'string') return ''
    if (i === type) return 'type'
    if (seen[i]?.climbs) return ++ids === 1 ? 'id' : `id${ids}`
    return `field${++fields}`
  })
}

function seenOf({ kind, size, side, at }: Integer, tiled: readonly Tiled[]) {
  const values = new Set<string>()
  let climbs = false
  let frames = 0
  for (const { bytes, frames: each } of tiled) {
    let before = -1
    let rises = each.length > 2
    for (const frame of each.slice(0, SAMPLED)) {
      frames++
      let start = side(frame)
      let length = size
      if (size === 0) [start, length] = varintAt(bytes, start, at)
      else start += at
      const read = [...bytes.subarray(start, start + length)]
      if (kind.endsWith('le') || size === 0) read.reverse()
      const value = read.reduce((sum, byte) => sum * (size === 0 ? 128 : 256) + (size === 0 ? byte & 127 : byte), 0)
      values.add(String(value))
      if (value <= before) rises = false
      before = value
    }
    climbs ||= rises
  }
  return { climbs, distinct: values.size, isFew: values.size <= Math.min(MOST_TYPES, Math.max(2, frames * 0.6)) }
}

function varintAt(bytes: Uint8Array, from: number, number: number): [start: number, length: number] {
  let start = from
  for (let at = from, left = number; ; at++) {
    if ((bytes[at] ?? 0) >= 128) continue
    if (left-- === 0) return [start, at + 1 - start]
    start = at + 1
  }
}
