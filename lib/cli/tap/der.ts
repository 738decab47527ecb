// DER, as far as a certificate needs it: https://www.itu.int/rec/T-REC-X.690. A value is its tag, its length, its content.

const OBJECT_IDENTIFIER = 0x06
const INTEGER = 0x02
const SEQUENCE = 0x30
const SET = 0x31

/** A value with its tag and length. */
export function der(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  const { length } = body
  // Up to 127 the length is a byte; beyond, a byte says of how many bytes it is.
  const digits = length < 128 ? [] : length < 256 ? [length] : [length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, digits.length === 0 ? length : 0x80 | digits.length, ...digits]), body])
}

export const sequence = (...items: Uint8Array[]): Buffer => der(SEQUENCE, ...items)
export const set = (...items: Uint8Array[]): Buffer => der(SET, ...items)

/** A whole number of 0 or more, from its bytes, the highest first. */
export const integer = (bytes: Uint8Array): Buffer =>
  der(INTEGER, ...((bytes[0] ?? 0) > 127 ? [Buffer.of(0)] : []), bytes)

/** `2.5.4.3`. */
export function identifier(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const digits = [first * 40 + second, ...rest].flatMap((part) => {
    const groups = [part & 127]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 127) | 128)
    return groups
  })
  return der(OBJECT_IDENTIFIER, Buffer.from(digits))
}
