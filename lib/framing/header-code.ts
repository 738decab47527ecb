// A layout's tokens to the functions that read, measure and write its headers.

import { compile } from '../base/compile.ts'
import { QbpError } from '../base/errors.ts'
import { type Constant, fixedWidth, type Integer, lengthOf, MAX_VARINT, type Token } from './layout.ts'

/** What a header says; one object is used for every frame of a stream. */
export interface Head {
  /** The message's type number, or 0 where the layout has none. */
  type: number
  /** Bytes of the body. */
  length: number
  /** The layout's own fields by name, a new object for each frame, or null where it has none. */
  fields: Record<string, number> | null
}

/** The fields of a layout's own, as a message has them in `$header`. */
type Fields = Record<string, number> | null

/** What a layout is compiled to; `Header` says what each does. */
export interface HeadCode {
  read(this: void, buf: Uint8Array, pos: number, end: number, head: Head): number
  size(this: void, type: number, length: number, fields: Fields): number
  write(this: void, buf: Uint8Array, pos: number, type: number, length: number, fields: Fields): void
  /** What the length field says of a body of `length` bytes. */
  lengthValue(this: void, type: number, length: number, fields: Fields): number
}

export function compileHeads(tokens: readonly Token[]): HeadCode {
  const scope = { readVarint, writeVarint, varintSize, unzigzag, zigzag, at, wrongConstant, wrongNumber }
  return {
    read: compile(reader(tokens), scope),
    size: compile(sizer(tokens), scope),
    write: compile(writer(tokens), scope),
    lengthValue: compile(`(type, length, fields) => { ${adjust(tokens)} return length }`, scope),
  }
}

/** The shift of each byte of a fixed integer, in wire order. */
const shifts = ({ width, littleEndian }: Integer): number[] =>
  Array.from({ length: width as number }, (_, i) => 8 * (littleEndian ? i : (width as number) - 1 - i))

/** Statements that leave the token's value in a variable of its name, behind a $, and `pos` behind it. */
function readToken(token: Token): string {
  if (token.kind === 'constant') return readConstant(token)
  const { name, width } = token
  const behind = name === 'length' ? 'behindLength = pos' : ''
  if (typeof width === 'number') {
    const parts = shifts(token).map((shift, i) => `buf[pos + ${i}] << ${shift}`)
    return `if (pos + ${width} > end) return -1
      $${name} = (${parts.join(' | ')}) >>> 0; pos += ${width}; ${behind}`
  }
  return `if (pos === end) return -1
    $${name} = buf[pos]
    if ($${name} < 128) pos++
    else { $${name} = readVarint(buf, pos, end, '${name}'); if ($${name} < 0) return -1; pos = at.pos }
    ${width === 'zigzag' ? `$${name} = unzigzag($${name})` : ''}
    ${name === 'type' && width === 'zigzag' ? "if ($type < 0) wrongNumber('type', $type, 0)" : ''}
    ${behind}`
}

/** Each byte by itself: a fault shows at the first wrong one. */
function readConstant({ bytes }: Constant): string {
  const hex = `0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  return bytes
    .map((byte, i) => {
      return `if (pos === end) return -1
        if (buf[pos] !== ${byte}) wrongConstant('${hex}', ${i}, ${byte}, buf[pos]); pos++`
    })
    .join('\n')
}

function reader(tokens: readonly Token[]): string {
  const names = tokens.flatMap((token) => (token.kind === 'integer' ? [token.name] : []))
  const own = names.filter((name) => name !== 'type' && name !== 'length')
  const counted = { body: '0', rest: 'pos - behindLength', frame: 'pos - start' }[lengthOf(tokens).counts]
  return `(buf, pos, end, head) => {
    const start = pos
    let behindLength = 0, ${names.map((name) => `$${name} = 0`).join(', ')}
    ${tokens.map(readToken).join('\n')}
    const body = $length - (${counted})
    if (body < 0) wrongNumber('length', $length, ${counted})
    head.type = ${names.includes('type') ? '$type' : '0'}
    head.length = body
    head.fields = ${own.length === 0 ? 'null' : `{ ${own.map((name) => `${name}: $${name}`).join(', ')} }`}
    return pos
  }`
}

const fieldValue = ({ name, width }: Integer): string => {
  const value = name === 'type' || name === 'length' ? name : `(fields === null ? 0 : fields.${name} ?? 0)`
  return width === 'zigzag' ? `zigzag(${value})` : value
}

/** The sum of the bytes that tokens take, the length itself left out. */
function sum(tokens: readonly Token[]): string {
  const parts = tokens.map((token) => {
    const fixed = fixedWidth(token)
    if (fixed !== undefined) return String(fixed)
    const integer = token as Integer
    return integer.name === 'length' ? '0' : `varintSize(${fieldValue(integer)})`
  })
  return ['0', ...parts].join(' + ')
}

/** Statements that make `length`, the body's, what the field must say; the field's own size may be counted in it. */
function adjust(tokens: readonly Token[]): string {
  const i = tokens.findIndex((token) => token.kind === 'integer' && token.name === 'length')
  const field = tokens[i] as Integer
  if (field.counts === 'body') return ''
  if (field.counts === 'rest') return `length += ${sum(tokens.slice(i + 1))};`
  if (typeof field.width === 'number') return `length += ${sum(tokens)};`
  const own = field.width === 'zigzag' ? 'zigzag(length + own)' : 'length + own'
  return `length += ${sum(tokens)}; let own = 1; while (varintSize(${own}) > own) own++; length += own;`
}

function sizer(tokens: readonly Token[]): string {
  const length = lengthOf(tokens)
  const own = typeof length.width === 'number' ? '' : ` + varintSize(${fieldValue(length)})`
  return `(type, length, fields) => { ${adjust(tokens)} return ${sum(tokens)}${own} }`
}

function writer(tokens: readonly Token[]): string {
  const steps = tokens.map((token) => {
    if (token.kind === 'constant') return token.bytes.map((byte) => `buf[pos++] = ${byte}`).join('; ')
    if (typeof token.width !== 'number') return `pos = writeVarint(buf, pos, ${fieldValue(token)})`
    const bytes = shifts(token).map((shift) => `buf[pos++] = value >>> ${shift}`)
    return `value = ${fieldValue(token)}; ${bytes.join('; ')}`
  })
  return `(buf, pos, type, length, fields) => { let value; ${adjust(tokens)} ${steps.join('\n')} }`
}

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

// Headers are measured before what they hold is checked: this and zigzag take anything, and come to an end.
function varintSize(value: unknown): number {
  let rest = typeof value === 'number' ? value : 0
  let size = 1
  for (; rest > 127 && size < MAX_VARINT; rest = Math.floor(rest / 128)) size++
  return size
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
const zigzag = (value: unknown): number => (typeof value !== 'number' ? 0 : value >= 0 ? value * 2 : -value * 2 - 1)

const byteText = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, '0')}`

function wrongConstant(hex: string, index: number, allowed: number, found: number): never {
  throw new QbpError(
    'ERR_QBP_BAD_CONSTANT',
    `Byte ${index} of the header's constant ${hex} is ${byteText(found)}, not ${byteText(allowed)}: the peer speaks another protocol, or the stream is out of step.`,
  )
}

function wrongNumber(name: string, found: number, least: number): never {
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's ${name} is ${found}; it counts at least ${least}.`, {
    field: name,
    size: found,
    limit: least,
  })
}
