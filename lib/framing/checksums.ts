// Checksums of frames: https://www.rfc-editor.org/rfc/rfc1950 (adler32), IEEE 802.3 (crc32), RFC 3720 (crc32c), and
// TFRecord's mask of the last: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/hash/crc32c.h

/** A checksum over pieces of bytes that follow one another. */
export type Checksum = (pieces: readonly Uint8Array[]) => number

/** By the polynomial with its bits reversed. Each table is made when it is first needed. */
function crc(polynomial: number): Checksum {
  let table: Uint32Array | undefined
  const make = () =>
    Uint32Array.from({ length: 256 }, (_, byte) => {
      let value = byte
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
      return value >>> 0
    })
  return (pieces) => {
    table ??= make()
    let sum = ~0
    for (const piece of pieces) {
      for (let i = 0; i < piece.length; i++) {
        sum = (table[(sum ^ (piece[i] as number)) & 255] as number) ^ (sum >>> 8)
      }
    }
    return ~sum >>> 0
  }
}

const crc32c = crc(0x82f63b78)

function adler32(pieces: readonly Uint8Array[]): number {
  let [a, b] = [1, 0]
  for (const piece of pieces) {
    // So many bytes fit before the sums leave 32 bits.
    for (let start = 0; start < piece.length; start += 3800) {
      const end = Math.min(start + 3800, piece.length)
      for (let i = start; i < end; i++) {
        a += piece[i] as number
        b += a
      }
      a %= 65_521
      b %= 65_521
    }
  }
  return b * 65_536 + a
}

function maskedCrc32c(pieces: readonly Uint8Array[]): number {
  const sum = crc32c(pieces)
  return (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0
}

/** By their names in a layout. */
export const checksums: ReadonlyMap<string, Checksum> = new Map([
  ['crc32', crc(0xedb88320)],
  ['crc32c', crc32c],
  ['maskedcrc32c', maskedCrc32c],
  ['adler32', adler32],
])
