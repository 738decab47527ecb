// Integers as text.

import { QbpError } from '../../base/errors.ts'
import { at, cut, type IntegerKind } from './integer-kind.ts'

/** 0 to 15, or -1 for a byte that is no hexadecimal digit. */
function digit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

function noDigit(name: string, byte: number, kind: string): never {
  const found = `0x${byte.toString(16).padStart(2, '0')}`
  throw new QbpError(
    'ERR_QBP_BAD_CONSTANT',
    `A byte of the header's ${name} is ${found}, no ${kind} digit: the peer speaks another protocol, or the stream is out of step.`,
    { field: name },
  )
}

export const hex8: IntegerKind = {
  name: 'hex8',
  width: 8,
  maxWidth: 8,
  least: 0,
  most: 2 ** 32 - 1,
  order: 'hex',
  take(buf, pos, end, name) {
    let value = 0
    for (let i = pos; i < pos + 8; i++) {
      if (i >= end) return cut(i + 1)
      const byte = buf[i] as number
      const four = digit(byte)
      if (four < 0) noDigit(name, byte, 'hexadecimal')
      value = value * 16 + four
    }
    at.pos = pos + 8
    return value
  },
  put(buf, pos, value) {
    const text = value.toString(16).toUpperCase().padStart(8, '0')
    for (let i = 0; i < 8; i++) buf[pos + i] = text.charCodeAt(i)
    return pos + 8
  },
  sizeOf: () => 8,
}

/** The most digits of a number up to 2**53 - 1. */
const MAX_DIGITS = 16

/** Decimal digits, up to the constant that follows: a layout has one there. */
export const dec: IntegerKind = {
  name: 'dec',
  width: undefined,
  maxWidth: MAX_DIGITS,
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  order: 'decimal',
  take(buf, pos, end, name) {
    let value = 0
    for (let i = pos; ; i++) {
      if (i >= end) return cut(i + 1)
      const byte = buf[i] as number
      if (byte < 48 || byte > 57) {
        if (i === pos) noDigit(name, byte, 'decimal')
        at.pos = i
        return value
      }
      value = value * 10 + byte - 48
      if (i - pos === MAX_DIGITS || value > Number.MAX_SAFE_INTEGER) {
        throw new QbpError(
          'ERR_QBP_BAD_VARINT',
          `The header's ${name} has over ${MAX_DIGITS} digits or is over 2**53 - 1.`,
          {
            field: name,
          },
        )
      }
    }
  },
  put(buf, pos, value) {
    for (const character of value.toString()) buf[pos++] = character.charCodeAt(0)
    return pos
  },
  sizeOf: (value) => (typeof value === 'number' && Number.isSafeInteger(value) ? Math.abs(value).toString().length : 1),
}
