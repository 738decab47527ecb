import { QbpError } from '../../base/errors.ts'
import { at, cut, type IntegerFunctions } from './integer-kind.ts'

/** The longest varint, in bytes: what 64 bits take. */
export const MAX_VARINT = 10

/** A number from 0, seven bits a byte. All else about the kind stands in varint-kinds.ts: a page whose layouts were made ahead of time needs no more. */
export const varint: IntegerFunctions = {
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
}
