// Ways of cutting a stream of bytes into chunks. Every vector goes through all of them: what is decoded must not depend on how
// the bytes came.
//
//   for (const { how, chunks } of everySplit(bytes)) {
//     it(`decodes it ${how}`, …)
//   }

/** One way of cutting. */
export interface Split {
  /** In words, for a test's title: `cut after 6 bytes`. */
  readonly how: string
  /** Each in memory of its own, as a socket's chunks are; none is empty. */
  readonly chunks: readonly Buffer[]
}

/** How many cuttings there are. */
export interface SplitOptions {
  /** How many random cuttings. Default 10. */
  readonly random?: number | undefined
  /** Of the first random cutting; the next have the numbers that follow. Default 1. */
  readonly seed?: number | undefined
  /** Two-way splits at no more than so many places, evenly spread, the first and the last among them. Default: at each. */
  readonly twoWay?: number | undefined
}

/** Every way of cutting bytes: whole, byte by byte, in two at each place, and at random places. */
export function* everySplit(bytes: Uint8Array, options: SplitOptions = {}): Generator<Split, void> {
  const { random = 10, seed = 1, twoWay = Infinity } = options
  yield { how: 'whole', chunks: cut(bytes, []) }
  if (bytes.length < 2) return
  yield { how: 'byte by byte', chunks: cut(bytes, Array.from(bytes.keys()).slice(1)) }
  for (const place of places(bytes.length - 1, twoWay)) {
    yield { how: `cut after ${place} of ${bytes.length} bytes`, chunks: cut(bytes, [place]) }
  }
  for (let n = seed; n < seed + random; n++) {
    yield { how: `cut at random (seed ${n})`, chunks: cutAtRandom(bytes, n) }
  }
}

/** Bytes cut before each of these offsets, which ascend. Each chunk is a copy. */
export function cut(bytes: Uint8Array, offsets: readonly number[]): Buffer[] {
  const edges = [0, ...offsets, bytes.length]
  return edges
    .slice(1)
    .map((end, index) => Buffer.from(bytes.subarray(edges[index], end)))
    .filter((chunk) => chunk.length > 0)
}

/**
 * Bytes cut at random, the same for the same seed. Some seeds cut everywhere and some hardly at all, for headers break in small
 * chunks, and frames crowd in large ones.
 */
export function cutAtRandom(bytes: Uint8Array, seed: number): Buffer[] {
  const next = randomNumbers(seed)
  const meanLength = 2 ** (next() * Math.log2(bytes.length + 1))
  return cut(
    bytes,
    Array.from(bytes.keys()).filter((offset) => offset > 0 && next() < 1 / meanLength),
  )
}

/** Numbers in [0, 1), the same for the same seed (mulberry32).  */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The whole numbers from 1 to `last`, or `most` of them, evenly spread. */
function places(last: number, most: number): number[] {
  if (last <= most) return Array.from({ length: last }, (_, index) => index + 1)
  return Array.from({ length: most }, (_, index) => 1 + Math.round((index * (last - 1)) / Math.max(1, most - 1)))
}
