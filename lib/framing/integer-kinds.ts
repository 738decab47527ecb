// The kinds of integers that a header may hold, a row each. A new kind is a new row: layouts, the code that is made of them,
// their checks, and what shows headers to people read this table, and nothing else knows a kind by its name.

import { QbpError } from '../base/errors.ts'

/** One kind of integer in a header. */
export interface IntegerKind {
  /** As a layout has it: `u32le`. */
  readonly name: string
  /** Bytes that each of its integers takes; undefined where that depends on the integer. */
  readonly width: number | undefined
  /** The most bytes that one takes. */
  readonly maxWidth: number
  /** The range. A length or a type is never negative, whatever its kind. */
  readonly least: number
  readonly most: number
  /** How its bytes mean an integer, for those who have no JavaScript, such as Wireshark. */
  readonly order: 'big-endian' | 'little-endian' | 'varint' | 'zigzag'
  /**
   * Statements that read one at `pos` of `buf` into the variable and leave `pos` after it. They `return -1` where it goes on
   * at `end`.
   *
   * @param name what the field is called, for a fault.
   */
  read(variable: string, name: string): string
  /** Statements that write the value of an expression at `pos`, and leave `pos` after it. */
  write(value: string): string
  /** An expression for the bytes that the value takes, which may be of any type still. */
  size(value: string): string
}

function fixed(bits: number, order: 'big-endian' | 'little-endian'): IntegerKind {
  const width = bits / 8
  const shifts = Array.from({ length: width }, (_, i) => 8 * (order === 'little-endian' ? i : width - 1 - i))
  return {
    name: `u${bits}${order === 'little-endian' ? 'le' : ''}`,
    width,
    maxWidth: width,
    least: 0,
    most: 2 ** bits - 1,
    order,
    read(variable) {
      const parts = shifts.map((shift, i) => `buf[pos + ${i}] << ${shift}`)
      return `if (pos + ${width} > end) return -1
        ${variable} = (${parts.join(' | ')}) >>> 0; pos += ${width}`
    },
    write(value) {
      return `value = ${value}; ${shifts.map((shift) => `buf[pos++] = value >>> ${shift}`).join('; ')}`
    },
    size() {
      return String(width)
    },
  }
}

/** The longest varint, in bytes: what 64 bits take. */
const MAX_VARINT = 10

const varint: IntegerKind = {
  name: 'varint',
  width: undefined,
  maxWidth: MAX_VARINT,
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  order: 'varint',
  read(variable, name) {
    return `if (pos === end) return -1
      ${variable} = buf[pos]
      if (${variable} < 128) pos++
      else { ${variable} = readVarint(buf, pos, end, '${name}'); if (${variable} < 0) return -1; pos = at.pos }`
  },
  write(value) {
    return `pos = writeVarint(buf, pos, ${value})`
  },
  size(value) {
    return `varintSize(${value})`
  },
}

const zigzag: IntegerKind = {
  ...varint,
  name: 'zigzag',
  least: -(Number.MAX_SAFE_INTEGER - 1) / 2,
  most: (Number.MAX_SAFE_INTEGER - 1) / 2,
  order: 'zigzag',
  read(variable, name) {
    return `${varint.read(variable, name)}
      ${variable} = unzigzag(${variable})`
  },
  write(value) {
    return varint.write(`toZigzag(${value})`)
  },
  size(value) {
    return varint.size(`toZigzag(${value})`)
  },
}

/** All kinds, by their names in a layout. */
export const integerKinds: ReadonlyMap<string, IntegerKind> = new Map(
  [
    fixed(8, 'big-endian'),
    ...[16, 24, 32].flatMap((bits) => [fixed(bits, 'big-endian'), fixed(bits, 'little-endian')]),
    varint,
    zigzag,
  ].map((kind) => [kind.name, kind]),
)

/** Where the last varint ended. */
const at = { pos: 0 }

function readVarint(buf: Uint8Array, pos: number, end: number, name: string): number {
  let value = 0
  for (let i = 0; i < MAX_VARINT; i++) {
    if (pos + i >= end) return -1
    const byte = buf[pos + i] as number
    value += (byte & 127) * 2 ** (7 * i)
    if (value > Number.MAX_SAFE_INTEGER) break
    if (byte < 128) {
      at.pos = pos + i + 1
      return value
    }
  }
  throw new QbpError(
    'ERR_QBP_BAD_VARINT',
    `The header's ${name} is a varint of over ${MAX_VARINT} bytes or over 2**53 - 1.`,
    { field: name },
  )
}

function writeVarint(buf: Uint8Array, pos: number, value: number): number {
  for (; value > 127; value = Math.floor(value / 128)) buf[pos++] = (value % 128) + 128
  buf[pos++] = value
  return pos
}

// Headers are measured before what they hold is checked: this and toZigzag take anything, and come to an end.
function varintSize(value: unknown): number {
  let rest = typeof value === 'number' ? value : 0
  let size = 1
  for (; rest > 127 && size < MAX_VARINT; rest = Math.floor(rest / 128)) size++
  return size
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
const toZigzag = (value: unknown): number => (typeof value !== 'number' ? 0 : value >= 0 ? value * 2 : -value * 2 - 1)

/** What the code of the rows calls. */
export const integerCodeScope = { readVarint, writeVarint, varintSize, unzigzag, toZigzag, at }
