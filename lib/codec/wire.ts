// The primitives of the protobuf wire format, on plain Uint8Arrays: https://protobuf.dev/programming-guides/encoding.

/**
 * Where the last read ended, both halves of the last 64-bit integer read or split, as int32, and by how much the last long part missed its
 * alignment. Decoding is synchronous: one will do.
 */
export const at = { pos: 0, lo: 0, hi: 0, shift: 0 }

/** Own property of a message: the fields its schema does not know, as they came, one character a byte. Kept when the message is sent on. */
export const UNKNOWN = Symbol('qbp.unknown')

/** How deep messages may nest, as in every protobuf implementation; deeper ones are refused, reading and writing. */
export const MAX_DEPTH = 100

/** Thrown for a body, or a part of it, that is not protobuf. No Error: where the frame is known one is made of it, and one stack is enough. */
export class Malformed {
  readonly problem: string
  /** What is at fault is that something is not there. */
  readonly missing: boolean

  constructor(problem: string, missing = false) {
    this.problem = problem
    this.missing = missing
  }
}

/** @throws {Malformed} */
export function refuse(problem: string): never {
  throw new Malformed(problem)
}

/** @throws {Malformed} */
export function cut(): never {
  throw new Malformed('a field goes on after the end')
}

/** Whether the process has a Buffer, and what text and bytes go through is Node's. */
export const node: boolean = typeof Buffer === 'function' && 'utf8Slice' in Buffer.prototype

/** A new byte array that is nowhere else in use; its content is undefined. In Node a Buffer, from the pool where it is small. */
export const alloc: (size: number) => Uint8Array = node
  ? (size) => Buffer.allocUnsafe(size)
  : (size) => new Uint8Array(size)

const EMPTY: Uint8Array = node ? Buffer.alloc(0) : new Uint8Array(0)

/** A copy of its own of `buf[start..end)`. All empty ones are the same: 100 bytes an object is much for no content. */
export function copy(buf: Uint8Array, start: number, end: number): Uint8Array {
  if (start === end) return EMPTY
  const bytes = alloc(end - start)
  bytes.set(buf.subarray(start, end))
  return bytes
}

/** Whether `bytes` are views of the buffer that is read: all, none, or those of at least so many bytes (0: none). */
export type Share = boolean | number

/**
 * The bytes `buf[start..end)`, as a view or as a copy of their own. Where `share` is a size, nobody else has the buffer: a view is as
 * good as a copy then, if it holds on to little else and begins, as a copy does, where numbers of eight bytes may.
 */
export function part(buf: Uint8Array, start: number, end: number, share: Share): Uint8Array {
  if (share === true) return buf.subarray(start, end)
  if (share === false || share === 0 || end - start < share) return copy(buf, start, end)
  at.shift = (buf.byteOffset + start) & 7
  return at.shift === 0 ? buf.subarray(start, end) : copy(buf, start, end)
}

// ---- reading: each returns its value, with `at.pos` after it

/** The low 32 bits of a varint, as an int32. Up to 10 bytes are taken: a negative int32 travels as 64 bits. */
export function varint32(buf: Uint8Array, pos: number, end: number): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (pos >= end) cut()
    const byte = buf[pos++] as number
    if (shift < 32) value |= (byte & 127) << shift
    if (byte < 128) {
      at.pos = pos
      return value
    }
  }
  refuse('a varint of more than 10 bytes')
}

/** A tag: a uint32 in at most 5 bytes. */
export function tag(buf: Uint8Array, pos: number, end: number): number {
  const value = varint32(buf, pos, end) >>> 0
  if (at.pos - pos > 5 || (at.pos - pos === 5 && (buf[at.pos - 1] as number) > 15)) refuse('a tag over 32 bits')
  return value
}

/** A length: below 2**31, in at most 5 bytes. */
export function size(buf: Uint8Array, pos: number, end: number): number {
  const value = varint32(buf, pos, end)
  if (at.pos - pos > 5 || (at.pos - pos === 5 && (buf[at.pos - 1] as number) > 7)) refuse('a length over 2**31')
  return value
}

/** A varint of 64 bits, into `at.lo` and `at.hi`. */
export function varint64(buf: Uint8Array, pos: number, end: number): void {
  let lo = 0
  let hi = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (pos >= end) cut()
    const byte = buf[pos++] as number
    const bits = byte & 127
    if (shift < 28) lo |= bits << shift
    else if (shift === 28) {
      lo |= bits << 28
      hi = bits >> 4
    } else hi |= bits << (shift - 32)
    if (byte < 128) {
      at.pos = pos
      at.lo = lo
      at.hi = hi
      return
    }
  }
  refuse('a varint of more than 10 bytes')
}

/** Undoes zigzag on `at.lo` and `at.hi`. */
export function unzigzag64(): void {
  const sign = -(at.lo & 1)
  at.lo = ((at.lo >>> 1) | (at.hi << 31)) ^ sign
  at.hi = (at.hi >>> 1) ^ sign
}

/** A varint as bool: true where any of its bits is set. */
export function bool(buf: Uint8Array, pos: number, end: number): boolean {
  let bits = 0
  for (const last = pos + 10; pos < last; ) {
    if (pos >= end) cut()
    const byte = buf[pos++] as number
    bits |= byte & 127
    if (byte < 128) {
      at.pos = pos
      return bits !== 0
    }
  }
  refuse('a varint of more than 10 bytes')
}

/** Four bytes, little-endian, as an int32. The caller has checked that they are there. */
export function fixed32(buf: Uint8Array, pos: number): number {
  return (
    (buf[pos] as number) |
    ((buf[pos + 1] as number) << 8) |
    ((buf[pos + 2] as number) << 16) |
    ((buf[pos + 3] as number) << 24)
  )
}

const eight = new DataView(new ArrayBuffer(8))

export function float(buf: Uint8Array, pos: number): number {
  eight.setInt32(0, fixed32(buf, pos))
  return eight.getFloat32(0)
}

export function double(buf: Uint8Array, pos: number): number {
  eight.setInt32(4, fixed32(buf, pos))
  eight.setInt32(0, fixed32(buf, pos + 4))
  return eight.getFloat64(0)
}

/** The position after a field that the schema does not know; `pos` stands after its tag. */
export function skip(buf: Uint8Array, pos: number, end: number, fieldTag: number, depth: number): number {
  if (fieldTag >>> 3 === 0) refuse('field number 0')
  if (depth > MAX_DEPTH) refuse(`nested deeper than ${MAX_DEPTH}`)
  switch (fieldTag & 7) {
    case 0:
      do if (pos >= end) cut()
      while ((buf[pos++] as number) > 127)
      break
    case 1:
      pos += 8
      break
    case 2: {
      const length = size(buf, pos, end)
      pos = at.pos + length
      break
    }
    case 3:
      for (;;) {
        const inner = tag(buf, pos, end)
        pos = at.pos
        if ((inner & 7) === 4) {
          if (inner >>> 3 !== fieldTag >>> 3) refuse('a group ends that did not begin')
          break
        }
        pos = skip(buf, pos, end, inner, depth + 1)
      }
      break
    case 5:
      pos += 4
      break
    default:
      refuse(`wire type ${fieldTag & 7} where a field begins`)
  }
  if (pos > end) cut()
  return pos
}

/** Of fewer bytes a copy costs less than a chunk of their own. */
export const BORROWED_FROM = 16_384

// ---- writing: each returns the position after it; the caller has made room

/** Writes a uint32, or an int32's 32 bits, as a varint of at most 5 bytes. */
export function writeVarint32(buf: Uint8Array, pos: number, value: number): number {
  value >>>= 0
  while (value > 127) {
    buf[pos++] = (value & 127) | 128
    value >>>= 7
  }
  buf[pos++] = value
  return pos
}

/** Writes a varint of at most 10 bytes from two int32 halves. */
export function writeVarint64(buf: Uint8Array, pos: number, lo: number, hi: number): number {
  while (hi !== 0) {
    buf[pos++] = (lo & 127) | 128
    lo = (lo >>> 7) | (hi << 25)
    hi >>>= 7
  }
  return writeVarint32(buf, pos, lo)
}

export function writeFixed32(buf: Uint8Array, pos: number, value: number): number {
  buf[pos] = value
  buf[pos + 1] = value >>> 8
  buf[pos + 2] = value >>> 16
  buf[pos + 3] = value >>> 24
  return pos + 4
}

export function writeFloat(buf: Uint8Array, pos: number, value: number): number {
  eight.setFloat32(0, value)
  return writeFixed32(buf, pos, eight.getInt32(0))
}

export function writeDouble(buf: Uint8Array, pos: number, value: number): number {
  eight.setFloat64(0, value)
  return writeFixed32(buf, writeFixed32(buf, pos, eight.getInt32(4)), eight.getInt32(0))
}

/** Bytes that a uint32 takes as a varint. */
export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}
