// A layout's tokens to the functions that read, measure and write its headers.

import { compile } from '../base/compile.ts'
import { QbpError } from '../base/errors.ts'
import { integerCodeScope } from './integer-kinds.ts'
import { type Constant, fixedWidth, type Integer, lengthOf, type Token } from './layout.ts'

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
  const scope = { ...integerCodeScope, wrongConstant, wrongNumber }
  return {
    read: compile(reader(tokens), scope),
    size: compile(sizer(tokens), scope),
    write: compile(writer(tokens), scope),
    lengthValue: compile(`(type, length, fields) => { ${adjust(tokens)} return length }`, scope),
  }
}

/** Statements that leave the token's value in a variable of its name, after a $, and `pos` after it. */
function readToken(token: Token): string {
  if (token.kind === 'constant') return readConstant(token)
  const { name, of } = token
  return `${of.read(`$${name}`, name)}
    ${name === 'type' && of.least < 0 ? "if ($type < 0) wrongNumber('type', $type, 0)" : ''}
    ${name === 'length' ? 'behindLength = pos' : ''}`
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

const fieldValue = ({ name }: Integer): string =>
  name === 'type' || name === 'length' ? name : `(fields === null ? 0 : fields.${name} ?? 0)`

/** The sum of the bytes that tokens take, the length itself left out. */
function sum(tokens: readonly Token[]): string {
  const parts = tokens.map((token) => {
    const fixed = fixedWidth(token)
    if (fixed !== undefined) return String(fixed)
    const integer = token as Integer
    return integer.name === 'length' ? '0' : integer.of.size(fieldValue(integer))
  })
  return ['0', ...parts].join(' + ')
}

/** Statements that make `length`, the body's, what the field must say; the field's own size may be counted in it. */
function adjust(tokens: readonly Token[]): string {
  const i = tokens.findIndex((token) => token.kind === 'integer' && token.name === 'length')
  const field = tokens[i] as Integer
  if (field.counts === 'body') return ''
  if (field.counts === 'rest') return `length += ${sum(tokens.slice(i + 1))};`
  if (field.of.width !== undefined) return `length += ${sum(tokens)};`
  return `length += ${sum(tokens)}; let own = 1; while (${field.of.size('length + own')} > own) own++; length += own;`
}

function sizer(tokens: readonly Token[]): string {
  const length = lengthOf(tokens)
  const own = length.of.width === undefined ? ` + ${length.of.size('length')}` : ''
  return `(type, length, fields) => { ${adjust(tokens)} return ${sum(tokens)}${own} }`
}

function writer(tokens: readonly Token[]): string {
  const steps = tokens.map((token) => {
    if (token.kind === 'constant') return token.bytes.map((byte) => `buf[pos++] = ${byte}`).join('; ')
    return token.of.write(fieldValue(token))
  })
  return `(buf, pos, type, length, fields) => { let value; ${adjust(tokens)} ${steps.join('\n')} }`
}

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
