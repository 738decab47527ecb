// Where the first frame of a stream may begin.

import { lengthOf } from './lengths.ts'

export type Places = (bytes: Uint8Array) => Iterable<number>

/** A preamble of constants has so many bytes at most. */
export const MOST_PREAMBLE = 8
/** Of a stream that begins within a frame so far its first whole one is looked for. */
const MOST_SKIPPED = 1024

/** After a preamble: some constants, or a message with a length before it. */
export function* afterPreamble(bytes: Uint8Array): Generator<number> {
  for (let place = 0; place <= MOST_PREAMBLE; place++) yield place
  for (const magic of [0, 2, 4, 6, 8]) {
    for (const kind of ['u16', 'u32', 'varint'] as const) {
      const [size, at] = lengthOf(bytes, magic, kind)
      if (at > 0 && size > 0 && at + size < bytes.length) yield at + size
    }
  }
}

export function atStart(): number[] {
  return [0]
}

export function* anywhere(bytes: Uint8Array): Generator<number> {
  for (let place = 0; place < Math.min(MOST_SKIPPED, bytes.length); place++) yield place
}
