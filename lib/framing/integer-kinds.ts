// The kinds of integers that a header may hold, a row each. A new kind is a new row: layouts, the code that is made of them,
// their checks, and what shows headers to people read this table, and nothing else knows a kind by its name.

import { QbpError } from '../base/errors.ts'

/** What an integer of a header is in JavaScript: a bigint where it is a field of one's own of 64 bits. */
export type HeaderInteger = number | bigint

/** One kind of integer in a header. */
export interface IntegerKind {
  /** As a layout has it: `u32le`. */
  readonly name: string
  /** Bytes that each of its integers takes; undefined where that depends on the integer. */
  readonly width: number | undefined
  /** The most bytes that one takes. */
  readonly maxWidth: number
  /** The range of a field of one's own. */
  readonly least: HeaderInteger
  readonly most: HeaderInteger
  /** How its bytes mean an integer, for those who have no JavaScript, such as Wireshark. */
  readonly order: 'big-endian' | 'little-endian' | 'varint' | 'zigzag' | 'hex' | 'decimal'
  /**
   * Reads one at `pos` and leaves `at.pos` after it; or leaves `at.pos` -1, and in `at.needs` how far the bytes must at least
   * reach, where it goes on at `end`.
   *
   * @param name what the field is called, for a fault.
   */
  take(buf: Uint8Array, pos: number, end: number, name: string): HeaderInteger
  /** Writes one that it holds at `pos`. @returns the position after it. */
  put(buf: Uint8Array, pos: number, value: HeaderInteger): number
  /** Bytes that the value takes. It may be of any type still: headers are measured before what they hold is checked. */
  sizeOf(value: unknown): number
  /** The same three as text, where a call costs too much: see `code`. */
  readonly inline?: Inline
}

/** Code of one's own for a kind: statements on `buf`, `pos` and `end`, and an expression for the size. */
interface Inline {
  read(variable: string, name: string): string
  write(value: string): string
  size(value: string): string
}

/** Where the last integer ended; -1 where it did not, and how far the bytes must reach before that can be. */
export const at: { pos: number; needs: number } = { pos: 0, needs: 0 }

function cut(needs: number): number {
  at.pos = -1
  at.needs = needs
  return 0
}

/** The most that a length or a type can be, whatever the kind. */
export const mostNumber = ({ most }: IntegerKind): number => (typeof most === 'bigint' ? Number.MAX_SAFE_INTEGER : most)

/** Whether a field of one's own may have the value. */
export function holds({ least, most }: IntegerKind, value: unknown): boolean {
  if (typeof value === 'bigint' ? typeof most !== 'bigint' : !Number.isSafeInteger(value)) return false
  return (value as HeaderInteger) >= least && (value as HeaderInteger) <= most
}

// ---- fixed widths

type ByteOrder = 'big-endian' | 'little-endian'

function fixed(bits: number, order: ByteOrder): IntegerKind {
  const width = bits / 8
  const shifts = Array.from({ length: width }, (_, i) => 8 * (order === 'little-endian' ? i : width - 1 - i))
  return {
    name: `u${bits}${order === 'little-endian' ? 'le' : ''}`,
    width,
    maxWidth: width,
    least: 0,
    most: 2 ** bits - 1,
    order,
    take(buf, pos, end) {
      if (pos + width > end) return cut(pos + width)
      at.pos = pos + width
      let value = 0
      for (let i = 0; i < width; i++) value |= (buf[pos + i] as number) << (shifts[i] as number)
      return value >>> 0
    },
    put(buf, pos, value) {
      for (const shift of shifts) buf[pos++] = (value as number) >>> shift
      return pos
    },
    sizeOf: () => width,
    inline: {
      read(variable) {
        const parts = shifts.map((shift, i) => `buf[pos + ${i}] << ${shift}`)
        return `if (pos + ${width} > end) return more(head, start, pos + ${width})
          ${variable} = (${parts.join(' | ')}) >>> 0; pos += ${width}`
      },
      write(value) {
        return `value = ${value}; ${shifts.map((shift) => `buf[pos++] = value >>> ${shift}`).join('; ')}`
      },
      size: () => String(width),
    },
  }
}

function fixed64(order: ByteOrder): IntegerKind {
  const bytes = [0, 1, 2, 3, 4, 5, 6, 7]
  const places = order === 'big-endian' ? bytes : bytes.toReversed()
  return {
    name: order === 'big-endian' ? 'u64' : 'u64le',
    width: 8,
    maxWidth: 8,
    least: 0n,
    most: 2n ** 64n - 1n,
    order,
    take(buf, pos, end) {
      if (pos + 8 > end) return cut(pos + 8)
      at.pos = pos + 8
      return places.reduce((sum, place) => (sum << 8n) | BigInt(buf[pos + place] as number), 0n)
    },
    put(buf, pos, value) {
      let rest = BigInt(value)
      for (const place of places.toReversed()) {
        buf[pos + place] = Number(rest & 255n)
        rest >>= 8n
      }
      return pos + 8
    },
    sizeOf: () => 8,
  }
}

// ---- varints

/** The longest varint, in bytes: what 64 bits take. */
const MAX_VARINT = 10

const varintCode: Inline = {
  read(variable, name) {
    return `if (pos === end) return more(head, start, pos + 1)
        ${variable} = buf[pos]
        if (${variable} < 128) pos++
        else {
          ${variable} = kinds.varint.take(buf, pos, end, '${name}')
          if (at.pos < 0) return more(head, start, at.needs)
          pos = at.pos
        }`
  },
  write: (value) => `pos = kinds.varint.put(buf, pos, ${value})`,
  size: (value) => `kinds.varint.sizeOf(${value})`,
}

const varint: IntegerKind = {
  name: 'varint',
  width: undefined,
  maxWidth: MAX_VARINT,
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  order: 'varint',
  take(buf, pos, end, name) {
    let value = 0
    for (let i = 0; i < MAX_VARINT; i++) {
      if (pos + i >= end) return cut(pos + i + 1)
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
  },
  put(buf, pos, value) {
    let rest = value as number
    for (; rest > 127; rest = Math.floor(rest / 128)) buf[pos++] = (rest % 128) + 128
    buf[pos++] = rest
    return pos
  },
  sizeOf(value) {
    let rest = typeof value === 'number' ? value : 0
    let size = 1
    for (; rest > 127 && size < MAX_VARINT; rest = Math.floor(rest / 128)) size++
    return size
  },
  inline: varintCode,
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
const toZigzag = (value: unknown): number => (typeof value !== 'number' ? 0 : value >= 0 ? value * 2 : -value * 2 - 1)

const zigzag: IntegerKind = {
  ...varint,
  name: 'zigzag',
  least: -(Number.MAX_SAFE_INTEGER - 1) / 2,
  most: (Number.MAX_SAFE_INTEGER - 1) / 2,
  order: 'zigzag',
  take: (buf, pos, end, name) => unzigzag(varint.take(buf, pos, end, name) as number),
  put: (buf, pos, value) => varint.put(buf, pos, toZigzag(value)),
  sizeOf: (value) => varint.sizeOf(toZigzag(value)),
  inline: {
    read: (variable, name) => `${varintCode.read(variable, name)}
        ${variable} = unzigzag(${variable})`,
    write: (value) => varintCode.write(`toZigzag(${value})`),
    size: (value) => varintCode.size(`toZigzag(${value})`),
  },
}

// ---- text

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

const hex8: IntegerKind = {
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
const dec: IntegerKind = {
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

/** All kinds, by their names in a layout. */
export const integerKinds: ReadonlyMap<string, IntegerKind> = new Map(
  [
    fixed(8, 'big-endian'),
    ...[16, 24, 32].flatMap((bits) => [fixed(bits, 'big-endian'), fixed(bits, 'little-endian')]),
    fixed64('big-endian'),
    fixed64('little-endian'),
    varint,
    zigzag,
    hex8,
    dec,
  ].map((kind) => [kind.name, kind]),
)

/** A kind's code: its own, or calls. */
export function code(kind: IntegerKind): Inline {
  if (kind.inline !== undefined) return kind.inline
  return {
    read: (variable, name) => `${variable} = kinds.${kind.name}.take(buf, pos, end, '${name}')
      if (at.pos < 0) return more(head, start, at.needs)
      pos = at.pos`,
    write: (value) => `pos = kinds.${kind.name}.put(buf, pos, ${value})`,
    size: (value) => (kind.width === undefined ? `kinds.${kind.name}.sizeOf(${value})` : String(kind.width)),
  }
}

/** What the code calls. */
export const codeScope = { kinds: Object.fromEntries(integerKinds), at, unzigzag, toZigzag }
