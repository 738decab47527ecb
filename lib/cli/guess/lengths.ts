// How a length is written, and what it says.

/** The kinds of length that are tried. `4+28` is the low 28 bits of an integer, as OLA has it. */
export const LENGTH_KINDS = [
  'u32',
  'u16',
  'varint',
  'u32le',
  'u16le',
  'u8',
  'u24',
  'u24le',
  'u64',
  'u64le',
  'zigzag',
  '4+28:u32',
  '4+28:u32le',
  '1+31:u32',
  '1+31:u32le',
  'hex8',
  'dec',
] as const
export type LengthKind = (typeof LENGTH_KINDS)[number]

/** The end of a varint; -1 where the bytes end first or it is none. */
export function varintEnd(bytes: Uint8Array, at: number): number {
  for (let i = at; i < at + 5 && i < bytes.length; i++) if ((bytes[i] as number) < 128) return i + 1
  return -1
}

const NONE = [0, -2] as const
const CUT = [0, -1] as const

/** A length and where it ends; an end of -1 where it is cut, of -2 where there is none. */
export function lengthOf(bytes: Uint8Array, at: number, kind: LengthKind): readonly [value: number, end: number] {
  switch (kind) {
    case 'varint':
    case 'zigzag':
      return varint(bytes, at, kind === 'zigzag')
    case 'hex8':
      return digits(bytes, at, 8, 16)
    case 'dec':
      return digits(bytes, at, 9, 10)
    case 'u8':
      return fixed(bytes, at, 1, false)
    case 'u16':
    case 'u16le':
      return fixed(bytes, at, 2, kind === 'u16le')
    case 'u24':
    case 'u24le':
      return fixed(bytes, at, 3, kind === 'u24le')
    case 'u32':
    case 'u32le':
      return fixed(bytes, at, 4, kind === 'u32le')
    case 'u64':
    case 'u64le':
      return fixed(bytes, at, 8, kind === 'u64le')
    default: {
      const [value, end] = fixed(bytes, at, 4, kind.endsWith('le'))
      return end < 0 ? CUT : [value % 2 ** (kind.startsWith('4+28') ? 28 : 31), end]
    }
  }
}

function fixed(bytes: Uint8Array, at: number, size: number, little: boolean): readonly [number, number] {
  const end = at + size
  if (end > bytes.length) return CUT
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[little ? end - 1 - i : at + i] as number)
  return [value, end]
}

function varint(bytes: Uint8Array, at: number, zigzag: boolean): readonly [number, number] {
  const end = varintEnd(bytes, at)
  if (end < 0) return at + 5 <= bytes.length ? NONE : CUT
  let value = 0
  for (let i = end - 1; i >= at; i--) value = value * 128 + ((bytes[i] as number) & 127)
  if (end > at + 1 && bytes[end - 1] === 0) return NONE // Longer than it need be: no writer does so.
  if (!zigzag) return [value, end]
  return value % 2 === 0 ? [value / 2, end] : NONE
}

function digits(bytes: Uint8Array, at: number, most: number, base: 10 | 16): readonly [number, number] {
  let value = 0
  let i = at
  for (; i < at + most && i < bytes.length; i++) {
    const digit = Number.parseInt(String.fromCharCode(bytes[i] as number), base)
    if (Number.isNaN(digit)) break
    value = value * base + digit
  }
  if (base === 10) return i === at ? (at >= bytes.length ? CUT : NONE) : [value, i]
  return i === at + most ? [value, i] : i >= bytes.length ? CUT : NONE
}
