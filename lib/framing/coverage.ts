// What a checksum covers, in a frame whose parts are known.

import type { Field } from './layout/layout.ts'

/** The bytes that a checksum covers: of the whole frame all but its own. */
export function covered(
  { counted }: Field,
  index: number,
  starts: readonly number[],
  sizes: readonly number[],
  buf: Uint8Array,
  start: number,
  end: number,
): Uint8Array[] {
  const own = starts[index] as number
  const after = own + (sizes[index] as number)
  if (counted.all === 'rest') return [buf.subarray(after, end)]
  if (counted.all === 'frame') return [buf.subarray(start, own), buf.subarray(after, end)]
  return counted.parts.map((part) => {
    const first = starts[part] as number
    return buf.subarray(first, first + (sizes[part] as number))
  })
}

/** The lowest bytes of a checksum. */
export const cutToWidth = (sum: number, width: number): number => (width < 4 ? sum % 2 ** (8 * width) : sum)
