// The two messages of a health check, of one field each, read and written by hand: nothing is compiled for them, so that they travel under
// `--disallow-code-generation-from-strings`, too, and a page that asks or answers needs no module of theirs.

import { keep } from '../codec/decode-runtime.ts'
import { isPlain } from '../codec/encode-runtime.ts'
import { type ReadText, textLength, writeLatin1, writeText } from '../codec/text.ts'
import type { Codec, Decode, Output, Type } from '../codec/type.ts'
import { at, cut, size, skip, tag, UNKNOWN, varint32, writeVarint32, writeVarint64 } from '../codec/wire.ts'
import type { GeneratedCodec } from '../protocol/description.ts'

/** The value of the one field: how it travels. */
interface OneField<V> {
  readonly name: string
  /** Its tag, one byte: the field has the number 1. */
  readonly tag: number
  /** What is not sent. */
  readonly initial: V
  /** Reads the value and leaves `at.pos` after it. */
  take(buf: Uint8Array, pos: number, end: number): V
  holds(value: unknown): value is V
  /** The most bytes of a value. */
  most(value: V): number
  /** Writes it where there is room. @returns the position after it, or -1 for text that is not well-formed. */
  put(buf: Uint8Array, pos: number, value: V): number
}

type Values = Record<PropertyKey, unknown>

function codecOf<V>(field: OneField<V>): (type: Type) => Codec {
  const { name, initial } = field
  const decode: Decode = (message, buf, pos, end, depth) => {
    const values = message as Values
    while (pos < end) {
      const start = pos
      const own = tag(buf, pos, end)
      if (own === field.tag) {
        const value = field.take(buf, at.pos, end)
        if (value === initial) delete values[name]
        else values[name] = value
        pos = at.pos
      } else {
        pos = skip(buf, at.pos, end, own, depth)
        keep(message, buf, start, pos)
      }
    }
    return pos
  }
  const encode = (message: object, output: Output, pos: number): number => {
    const { [name]: value = null, [UNKNOWN]: unknown = '' } = message as Values
    for (const key in message) if (![name, '$name', '$header'].includes(key)) return -1
    if (!isPlain(message) || !(value === null || field.holds(value))) return -1
    if (value !== null && value !== initial) {
      const buf = roomIn(output, pos, 1 + field.most(value))
      buf[pos] = field.tag
      pos = field.put(buf, pos + 1, value)
      if (pos < 0) return pos
    }
    const { length } = unknown as string
    return length === 0 ? pos : writeLatin1(roomIn(output, pos, length), pos, unknown as string)
  }
  return ({ Message }) => ({
    decode,
    read($name, $header, buf, start, end, share) {
      const message = Object.assign(new Message(), { $name }, $header !== null && { $header })
      decode(message, buf, start, end, 0, share, 0)
      return message
    },
    nest(buf, pos, end, depth, share) {
      const message = new Message()
      decode(message, buf, pos, end, depth, share, 0)
      return message
    },
    encode,
  })
}

const roomIn = (output: Output, pos: number, bytes: number): Uint8Array =>
  pos + bytes > output.buf.length ? output.grow(pos, bytes) : output.buf

const text = (name: string, read: ReadText): OneField<string> => ({
  name,
  tag: 0x0a,
  initial: '',
  take(buf, pos, end) {
    const length = size(buf, pos, end)
    const start = at.pos
    if (start + length > end) cut()
    const value = read(buf, start, start + length)
    at.pos = start + length
    return value
  },
  holds: (value) => typeof value === 'string',
  most: (value) => 5 + 3 * value.length, // Text is written where each character has three bytes.
  put: (buf, pos, value) => writeText(buf, writeVarint32(buf, pos, textLength(value)), value),
})

const number = (name: string): OneField<number> => ({
  name,
  tag: 0x08,
  initial: 0,
  take: varint32,
  holds: (value): value is number => (value as number) === ((value as number) | 0),
  most: () => 10,
  put: (buf, pos, value) => (value < 0 ? writeVarint64(buf, pos, value, -1) : writeVarint32(buf, pos, value)),
})

export const healthCodec: GeneratedCodec = ({ strictText }: { readonly strictText: ReadText }) => ({
  'grpc.health.v1.HealthCheckRequest': codecOf(text('service', strictText)),
  'grpc.health.v1.HealthCheckResponse': codecOf(number('status')),
})
