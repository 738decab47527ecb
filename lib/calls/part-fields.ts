// The fields that the parts of both dialects are made of, written into a connection's own output: nothing is encoded twice.

import { encodeBody } from '../codec/body.ts'
import { strictText } from '../codec/read-text-by-loop.ts'
import { textLength, writeText } from '../codec/text.ts'
import type { Output, Type } from '../codec/type.ts'
import { at, copy, refuse, size, skip, tag, varint32, varintLength, writeVarint32 } from '../codec/wire.ts'
import type { CallDetail, Metadata } from './call-error.ts'
import type { Part, ReceivedPart } from './part.ts'

const VARINT = 0
const LENGTH = 2
/** The most that a tag of these small numbers and a uint32 take. */
const NUMBER_BYTES = 6
/** The same of a tag and a length. */
const HEAD_BYTES = 6

/** `number << 3 | wire type`. All numbers here are below 16: one byte. */
export const varintTag = (number: number): number => (number << 3) | VARINT
export const lengthTag = (number: number): number => (number << 3) | LENGTH

function room(output: Output, pos: number, bytes: number): Uint8Array {
  return pos + bytes > output.buf.length ? output.grow(pos, bytes) : output.buf
}

/** Writes a uint32, unless it is 0. */
export function writeNumber(output: Output, pos: number, number: number, value: number): number {
  if (value === 0) return pos
  const buf = room(output, pos, NUMBER_BYTES)
  buf[pos++] = varintTag(number)
  return writeVarint32(buf, pos, value)
}

/** Writes text, unless it is empty. Lone surrogates become U+FFFD. */
export function writeTextField(output: Output, pos: number, number: number, text: string): number {
  return text === ''
    ? pos
    : writeString(output, pos, lengthTag(number), text.isWellFormed() ? text : text.toWellFormed())
}

function writeString(output: Output, pos: number, fieldTag: number, text: string): number {
  const buf = room(output, pos, HEAD_BYTES + 3 * text.length)
  buf[pos++] = fieldTag
  return writeText(buf, writeVarint32(buf, pos, textLength(text)), text)
}

/** Writes a map of texts. */
export function writeMetadata(output: Output, pos: number, number: number, metadata: Metadata): number {
  for (const key of Object.keys(metadata)) {
    const value = metadata[key] as string
    const [keyBytes, valueBytes] = [textLength(key), textLength(value)]
    const length = 2 + varintLength(keyBytes) + keyBytes + varintLength(valueBytes) + valueBytes
    const buf = room(output, pos, HEAD_BYTES)
    buf[pos++] = lengthTag(number)
    pos = writeVarint32(buf, pos, length)
    pos = writeString(output, pos, lengthTag(1), key)
    pos = writeString(output, pos, lengthTag(2), value)
  }
  return pos
}

/** Writes messages of type google.protobuf.Any. */
export function writeDetails(output: Output, pos: number, number: number, details: readonly CallDetail[]): number {
  for (const { typeUrl, value } of details) {
    const urlBytes = textLength(typeUrl)
    const length = 2 + varintLength(urlBytes) + urlBytes + varintLength(value.length) + value.length
    let buf = room(output, pos, HEAD_BYTES)
    buf[pos++] = lengthTag(number)
    pos = writeVarint32(buf, pos, length)
    pos = writeString(output, pos, lengthTag(1), typeUrl)
    buf = room(output, pos, HEAD_BYTES + value.length)
    buf[pos++] = lengthTag(2)
    pos = writeVarint32(buf, pos, value.length)
    buf.set(value, pos)
    pos += value.length
  }
  return pos
}

/**
 * Writes the message of a part as a field, where its body is to stand: its length is put in front once it is known.
 *
 * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the path of the field that cannot be written.
 */
export function writeMessage(output: Output, pos: number, number: number, part: Part): number {
  room(output, pos, 2)[pos] = lengthTag(number)
  const body = pos + 2
  const end = encodeBody(part.type as Type, part.message as object, output, body)
  const length = end - body
  part.bodyBytes = length
  if (length === 0) return pos // As proto3 has it of bytes.
  const more = varintLength(length) - 1
  if (more > 0) room(output, end, more).copyWithin(body + more, body, end)
  writeVarint32(output.buf, pos + 1, length)
  return end + more
}

// ---- reading: `at.pos` stands after what was read

/** Where the field of this tag ends, its beginning in `at.pos`. @throws {Malformed} */
export function readLength(buf: Uint8Array, pos: number, end: number): number {
  const length = size(buf, pos, end)
  if (length > end - at.pos) refuse('a field goes on after the end')
  return at.pos + length
}

/** @throws {Malformed} */
export function readText(buf: Uint8Array, pos: number, end: number): string {
  const stop = readLength(buf, pos, end)
  const text = strictText(buf, at.pos, stop)
  at.pos = stop
  return text
}

/** Reads a part's message: where its body lies. @throws {Malformed} */
export function readBody(buf: Uint8Array, pos: number, end: number, part: ReceivedPart): void {
  part.end = readLength(buf, pos, end)
  part.start = at.pos
  at.pos = part.end
}

/** Reads an entry of a part's metadata, a map of texts. @throws {Malformed} */
export function readMetadata(buf: Uint8Array, pos: number, end: number, part: ReceivedPart): void {
  const stop = readLength(buf, pos, end)
  let key = ''
  let value = ''
  for (pos = at.pos; pos < stop; pos = at.pos) {
    const fieldTag = tag(buf, pos, stop)
    if (fieldTag === lengthTag(1)) key = readText(buf, at.pos, stop)
    else if (fieldTag === lengthTag(2)) value = readText(buf, at.pos, stop)
    else at.pos = skip(buf, at.pos, stop, fieldTag, 0)
  }
  at.pos = stop
  part.metadata ??= {}
  // A key of an object's own, whatever its name.
  Object.defineProperty(part.metadata, key, { value, enumerable: true, configurable: true, writable: true })
  part.metadataBytes += textLength(key) + textLength(value)
}

/** Reads a detail of a part's fault, a google.protobuf.Any. @throws {Malformed} */
export function readDetail(buf: Uint8Array, pos: number, end: number, part: ReceivedPart): void {
  const stop = readLength(buf, pos, end)
  let typeUrl = ''
  let value = copy(buf, 0, 0)
  for (pos = at.pos; pos < stop; pos = at.pos) {
    const fieldTag = tag(buf, pos, stop)
    if (fieldTag === lengthTag(1)) typeUrl = readText(buf, at.pos, stop)
    else if (fieldTag === lengthTag(2)) {
      const valueEnd = readLength(buf, at.pos, stop)
      value = copy(buf, at.pos, valueEnd)
      at.pos = valueEnd
    } else at.pos = skip(buf, at.pos, stop, fieldTag, 0)
  }
  at.pos = stop
  part.details ??= []
  part.details.push({ typeUrl, value })
}

/** @throws {Malformed} */
export const readNumber = (buf: Uint8Array, pos: number, end: number): number => varint32(buf, pos, end) >>> 0
