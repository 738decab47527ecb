// Text on the wire: UTF-8, and bytes as characters. Where the process has a Buffer (Node), it goes through that; elsewhere
// (browsers) through TextDecoder and TextEncoder.

import { node, refuse } from './wire.ts'

interface NodeBuffer extends Uint8Array {
  utf8Slice(start: number, end: number): string
  latin1Slice(start: number, end: number): string
  utf8Write(text: string, at: number): number
  latin1Write(text: string, at: number): number
}

/** Bytes as characters of the same number. */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  if (node) return (buf as NodeBuffer).latin1Slice(start, end)
  let text = ''
  while (start < end) text += String.fromCharCode(buf[start++] as number)
  return text
}

const loose = new TextDecoder('utf-8', { ignoreBOM: true })
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const slice = node
  ? (buf: Uint8Array, start: number, end: number): string => (buf as NodeBuffer).utf8Slice(start, end)
  : (buf: Uint8Array, start: number, end: number): string => loose.decode(buf.subarray(start, end))

/** Makes text of UTF-8. */
export type ReadText = (buf: Uint8Array, start: number, end: number) => string

/** UTF-8 where faulty sequences become U+FFFD, as proto2 has it. */
export const looseText: ReadText = slice

/** UTF-8 or refused, as proto3 has it. */
export const checkedText: ReadText = (buf, start, end) => {
  const text = slice(buf, start, end)
  if (!text.includes('\ufffd')) return text
  try {
    return strict.decode(buf.subarray(start, end)) // An U+FFFD that was sent as one is text like any other.
  } catch {
    refuse('text that is not UTF-8')
  }
}

const encoder = new TextEncoder()

/** Writes text as UTF-8 and returns the position after it, or -1 for a lone surrogate. Three bytes a character must be free. */
export function writeText(buf: Uint8Array, pos: number, text: string): number {
  if (text.length < 40) {
    const start = pos
    for (let i = 0; i < text.length; i++) {
      const char = text.charCodeAt(i)
      if (char > 127) return writeLongText(buf, start, text)
      buf[pos++] = char
    }
    return pos
  }
  return writeLongText(buf, pos, text)
}

function writeLongText(buf: Uint8Array, pos: number, text: string): number {
  const length = node ? (buf as NodeBuffer).utf8Write(text, pos) : encoder.encodeInto(text, buf.subarray(pos)).written
  return length !== text.length && !text.isWellFormed() ? -1 : pos + length
}

/** Bytes that text takes as UTF-8. */
export const textLength: (text: string) => number = node
  ? (text) => Buffer.byteLength(text)
  : (text) => encoder.encode(text).length

/** Writes characters as bytes of the same number and returns the position after them. */
export function writeLatin1(buf: Uint8Array, pos: number, text: string): number {
  if (node) return pos + (buf as NodeBuffer).latin1Write(text, pos)
  for (let i = 0; i < text.length; i++) buf[pos++] = text.charCodeAt(i)
  return pos
}
