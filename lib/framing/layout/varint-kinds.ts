// The kinds of varints, and their code: statements instead of calls, which cost more than a body.

import type { Inline, IntegerKind } from './integer-kind.ts'
import { MAX_VARINT, varint } from './varint.ts'

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

/** As an int64 that is no less than 0 stands in protobuf. */
export const varintKind: IntegerKind = {
  ...varint,
  name: 'varint',
  width: undefined,
  maxWidth: MAX_VARINT,
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  order: 'varint',
  inline: varintCode,
}

export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
export const toZigzag = (value: unknown): number =>
  typeof value !== 'number' ? 0 : value >= 0 ? value * 2 : -value * 2 - 1

/** As sint64 has it in protobuf. */
export const zigzag: IntegerKind = {
  ...varintKind,
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
