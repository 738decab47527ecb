// How many bits a stream takes if it is read by some header: the fewer, the likelier that header. What is always the same, or
// is what protobuf's rules let expect, costs little; what a wrong header leaves over costs eight bits a byte.

import { isUtf8 } from 'node:buffer'
import { ByteModel } from './chance.ts'
import type { Frame, Span } from './tiling.ts'

/** Learns how often each symbol comes after a context, and what the next one costs by that. */
class Model {
  readonly #contexts = new Map<string, { total: number; counts: Map<number, number> }>()

  /** `prior`: what a symbol costs that this context has not seen, once that is known. */
  bits(context: string, symbol: number, prior: number): number {
    let seen = this.#contexts.get(context)
    if (seen === undefined) {
      seen = { total: 0, counts: new Map() }
      this.#contexts.set(context, seen)
    }
    const { total, counts } = seen
    const count = counts.get(symbol) ?? 0
    counts.set(symbol, count + 1)
    seen.total++
    // An unseen symbol has the weight of half a seen one, shared by all that are unseen.
    return count > 0 ? -Math.log2(count / (total + 0.5)) : prior + Math.log2((total + 0.5) / 0.5)
  }
}

const MAX_DEPTH = 6
const BYTE_BITS = 8
/** An empty body is possible, and rare. */
const EMPTY_BITS = 5
const END = 1
/** That a body is no protobuf, beside what it takes as bytes. */
const OTHER_BITS = 10
const MORE = 0
/** So many bytes that cost so much each are packed or encrypted. */
const LEAST_OPAQUE = 32
const OPAQUE_BITS = 7.8

/** The costs of one reading of a capture. */
export class Cost {
  bits = 0
  fields = 0
  /** Bytes of bodies and sections. */
  covered = 0
  /** Bits of what is packed or encrypted within them: it costs the same however it is read. */
  opaque = 0
  readonly #texts = [new ByteModel(0), new ByteModel(255)]
  readonly #others = [new ByteModel(0), new ByteModel(255)]
  readonly #columns = new Model()
  readonly #ends = new Model()
  readonly #tags = new Model()
  readonly #lengths = new Model()
  readonly #values = new Model()
  readonly #known = new Map<string, number>()

  /** Adds a frame. */
  add(bytes: Uint8Array, frame: Frame): void {
    if (frame.spans !== undefined) this.addSpans(bytes, frame.spans)
    else this.#addShape(bytes, frame)
  }

  /** Adds parts of a layout that is known. */
  addSpans(bytes: Uint8Array, spans: readonly Span[]): void {
    for (const { kind, key, start, end, length } of spans) {
      if (kind === 'column') this.#columnsOf(bytes, start, end, key)
      else if (kind === 'bytes') this.bits += this.#bytes(bytes, start, end)
      else this.#top(bytes, start, end, kind === 'body' ? kind : key, length)
      if (kind === 'bytes') this.covered += end - start
    }
  }

  #addShape(bytes: Uint8Array, { start, beforeEnd, lengthEnd, afterEnd, section, body, bodyEnd, end }: Frame): void {
    // A length costs nothing, however wide it is: a body says itself where it ends.
    this.#columnsOf(bytes, start, beforeEnd, '<')
    this.#columnsOf(bytes, lengthEnd, afterEnd, '>')
    this.bits += BYTE_BITS * (end - bodyEnd)
    if (section !== undefined) this.#top(bytes, section[0], section[1], 'head')
    this.#top(bytes, body, bodyEnd, 'body')
  }

  #columnsOf(bytes: Uint8Array, start: number, end: number, side: string): void {
    for (let at = start; at < end; at++)
      this.bits += this.#columns.bits(`${side}${at - start}`, bytes[at] as number, BYTE_BITS)
  }

  #top(bytes: Uint8Array, start: number, end: number, path: string, length = 0): void {
    this.covered += end - start
    this.bits += this.#message(bytes, start, end, path, 0, length) ?? this.#bytes(bytes, start, end) + OTHER_BITS
  }

  #message(bytes: Uint8Array, start: number, end: number, path: string, depth: number, free = 0): number | undefined {
    let bits = 0
    let before = 0
    let pos = start
    while (pos < end) {
      const tag = varint(bytes, pos, end)
      if (tag === undefined || tag.value < 8 || tag.value > 2 ** 32 - 1) return undefined
      pos = tag.end
      const wire = tag.value % 8
      const context = `${path} ${before}`
      bits += this.#ends.bits(context, MORE, before === 0 ? 0 : 1)
      bits += this.#tags.bits(context, tag.value, tagPrior(tag.value, before))
      const known = `${path}.${tag.value}`
      before = tag.value
      if (depth === 0) this.fields++
      if (wire === 0) {
        const value = varint(bytes, pos, end)
        if (value === undefined) return undefined
        if (Math.floor(tag.value / 8) !== free) bits += this.#number(bytes, pos, value.end, known, String(value.value))
        pos = value.end
      } else if (wire === 1 || wire === 5) {
        const size = wire === 1 ? 8 : 4
        if (pos + size > end) return undefined
        bits += this.#number(bytes, pos, pos + size, known)
        pos += size
      } else if (wire === 2) {
        const length = varint(bytes, pos, end)
        if (length === undefined || length.value > end - length.end) return undefined
        bits += this.#lengths.bits(known, Math.min(length.value, 127), 6)
        bits += this.#content(bytes, length.end, length.end + length.value, known, depth)
        pos = length.end + length.value
      } else return undefined // Groups are too rare to be distinguished from chance.
    }
    return bits + this.#ends.bits(`${path} ${before}`, END, before === 0 ? EMPTY_BITS : 1)
  }

  /** A number costs what it would in a header, too: what its bytes were before. */
  #number(bytes: Uint8Array, start: number, end: number, context: string, value?: string): number {
    let bits = 0
    for (let at = start; at < end; at++) {
      // Of a varint's high bit only the last is news.
      const prior = value === undefined ? BYTE_BITS : BYTE_BITS - 1
      bits += this.#columns.bits(`${context}#${at - start}`, bytes[at] as number, prior)
    }
    return value === undefined ? bits : Math.min(bits, this.#repeated(context, value, bits))
  }

  /** A value that has come before costs what its number of times says; a new one all of its bits, too. */
  #repeated(context: string, value: string, bits: number): number {
    const key = `${context}=${value}`
    let number = this.#known.get(key)
    if (number === undefined) {
      number = this.#known.size
      this.#known.set(key, number)
    }
    return Math.min(bits + 2, this.#values.bits(context, number, bits))
  }

  /** What text costs by its letters, or by those that came before; undefined for what is none. */
  #text(bytes: Uint8Array, start: number, end: number): number | undefined {
    const bits = textBits(bytes, start, end)
    return bits === undefined ? undefined : Math.min(bits, ...this.#texts.map((model) => model.bits(bytes, start, end)))
  }

  #plain(bytes: Uint8Array, start: number, end: number): number {
    return Math.min(BYTE_BITS * (end - start), ...this.#others.map((model) => model.bits(bytes, start, end)))
  }

  #content(bytes: Uint8Array, start: number, end: number, path: string, depth: number): number {
    const text = this.#text(bytes, start, end)
    if (text !== undefined) {
      const value = end - start < 40 ? String.fromCharCode(...bytes.subarray(start, end)) : `@${start}`
      return this.#repeated(path, value, text)
    }
    const plain = this.#plain(bytes, start, end)
    const inner = depth < MAX_DEPTH && end > start ? this.#message(bytes, start, end, path, depth + 1) : undefined
    if (inner !== undefined && inner < plain) return inner
    this.#noteOpaque(plain, end - start)
    return plain
  }

  #bytes(bytes: Uint8Array, start: number, end: number): number {
    const bits = this.#plain(bytes, start, end)
    this.#noteOpaque(bits, end - start)
    return bits
  }

  #noteOpaque(bits: number, length: number): void {
    if (length >= LEAST_OPAQUE && bits >= length * OPAQUE_BITS) this.opaque += bits
  }
}

/** What a tag costs that has not come here before: writers go up through the numbers, mostly one by one. */
function tagPrior(tag: number, before: number): number {
  const step = Math.floor(tag / 8) - Math.floor(before / 8)
  const wire = tag % 8 === 0 || tag % 8 === 2 ? 1.3 : 3.3
  if (step > 0) return wire + 1 + 2 * Math.log2(step)
  if (step === 0) return tag === before ? 3 : 14 // One of a list follows another.
  return wire + 10
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

const LETTER_BITS = 4.7
const SIGN_BITS = 6.2

/** What text costs that is the first; undefined for what is none. */
function textBits(bytes: Uint8Array, start: number, end: number): number | undefined {
  let bits = 0
  let ascii = true
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) return undefined
    if (byte > 127) ascii = false
    bits += (byte >= 97 && byte <= 122) || byte === 32 ? LETTER_BITS : byte < 128 ? SIGN_BITS : BYTE_BITS - 1
  }
  return ascii || isUtf8(bytes.subarray(start, end)) ? bits : undefined
}
