// How many bits a stream takes if it is read by some header: the fewer, the likelier that header. What is always the same, or
// is what protobuf's rules let expect, costs little; what a wrong header leaves over costs eight bits a byte.

import type { Frame } from './tiling.ts'

/** The key of a context's sum: no symbol is negative. */
const TOTAL = -1

/** Learns how often each symbol comes after a context, and what the next one costs by that. */
class Model {
  readonly #counts = new Map<string, Map<number, number>>()
  readonly #alphabet: number

  constructor(alphabet: number) {
    this.#alphabet = alphabet
  }

  bits(context: string, symbol: number): number {
    const counts = this.#counts.get(context) ?? new Map([[TOTAL, 0]])
    this.#counts.set(context, counts)
    const total = counts.get(TOTAL) as number
    const count = counts.get(symbol) ?? 0
    counts.set(symbol, count + 1)
    counts.set(TOTAL, total + 1)
    return -Math.log2((count + 1 / this.#alphabet) / (total + 1))
  }
}

const MAX_DEPTH = 6
const TEXT_BITS = 6

/** The costs of one reading of a capture. */
export class Cost {
  bits = 0
  fields = 0
  readonly #columns = new Model(256)
  readonly #tags = new Model(128)
  readonly #lengths = new Model(64)
  readonly #values = new Model(1024)
  readonly #known = new Map<string, number>()

  /** Adds a frame. Returns whether its body is protobuf at all. */
  add(bytes: Uint8Array, { start, lengthAt, lengthEnd, body, end }: Frame): boolean {
    // A length costs nothing, however wide it is: it says what is known from where the next frame begins.
    for (let at = start; at < lengthAt; at++) this.bits += this.#columns.bits(`${at - start}`, bytes[at] as number)
    for (let at = lengthEnd; at < body; at++) this.bits += this.#columns.bits(`+${at - lengthEnd}`, bytes[at] as number)
    const bits = this.#message(bytes, body, end, 'top', 0, true)
    if (bits === undefined) return false
    this.bits += bits
    return true
  }

  #message(
    bytes: Uint8Array,
    start: number,
    end: number,
    path: string,
    depth: number,
    counted: boolean,
  ): number | undefined {
    let bits = 2 // That it ends here.
    let before = ''
    let pos = start
    while (pos < end) {
      const tag = varint(bytes, pos, end)
      if (tag === undefined || tag.value < 8 || tag.value > 2 ** 32 - 1) return undefined
      pos = tag.end
      const wire = tag.value % 8
      const number = (tag.value - wire) / 8
      const context = `${path} ${before}`
      bits += this.#tags.bits(context, tag.value) + (number > 64 ? 4 : 0)
      before = String(tag.value)
      if (counted) this.fields++
      if (wire === 0) {
        const value = varint(bytes, pos, end)
        if (value === undefined) return undefined
        bits += this.#repeated(context, String(value.value), 7 * (value.end - pos))
        pos = value.end
      } else if (wire === 1 || wire === 5) {
        const size = wire === 1 ? 8 : 4
        bits += size * 8
        pos += size
      } else if (wire === 2) {
        const length = varint(bytes, pos, end)
        if (length === undefined || length.value > end - length.end) return undefined
        bits += this.#lengths.bits(`${path} ${before}`, Math.min(length.value, 127))
        bits += this.#content(bytes, length.end, length.end + length.value, `${path}.${number}`, depth)
        pos = length.end + length.value
      } else return undefined // Groups are too rare to be distinguished from chance.
      if (pos > end) return undefined
    }
    return bits
  }

  /** A value that has come before costs what its number of times says; a new one all of its bits, too. */
  #repeated(context: string, value: string, bits: number): number {
    const key = `${context}=${value}`
    const known = this.#known.get(key)
    if (known !== undefined) return Math.min(bits, this.#values.bits(context, known))
    this.#known.set(key, this.#known.size + 1)
    this.#values.bits(context, this.#known.size)
    return bits
  }

  #content(bytes: Uint8Array, start: number, end: number, path: string, depth: number): number {
    const plain = 8 * (end - start)
    if (isText(bytes, start, end)) {
      const text = end - start < 40 ? String.fromCharCode(...bytes.subarray(start, end)) : `${start}`
      return this.#repeated(path, text, TEXT_BITS * (end - start))
    }
    const inner =
      depth < MAX_DEPTH && end > start ? this.#message(bytes, start, end, path, depth + 1, false) : undefined
    return inner === undefined ? plain : Math.min(plain, inner)
  }
}

function varint(bytes: Uint8Array, at: number, end: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = at, scale = 1; i < end && i < at + 10; i++, scale *= 128) {
    const byte = bytes[i] as number
    value += (byte & 127) * scale
    if (byte < 128) return { value, end: i + 1 }
  }
  return undefined
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte < 32 || byte === 127) return false
  }
  return true
}
