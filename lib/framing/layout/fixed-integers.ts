import { at, cut, type IntegerKind } from './integer-kind.ts'

type ByteOrder = 'big-endian' | 'little-endian'

/** Of 8 to 32 bits. */
export function fixed(bits: number, order: ByteOrder): IntegerKind {
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

/** Of 64 bits: a bigint. */
export function fixed64(order: ByteOrder): IntegerKind {
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
