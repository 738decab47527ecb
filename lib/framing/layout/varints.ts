import { QbpError } from '../../base/errors.ts'
import { at, cut, type Inline, type IntegerKind } from './integer-kind.ts'

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

export const varint: IntegerKind = {
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

export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
export const toZigzag = (value: unknown): number =>
  typeof value !== 'number' ? 0 : value >= 0 ? value * 2 : -value * 2 - 1

export const zigzag: IntegerKind = {
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
