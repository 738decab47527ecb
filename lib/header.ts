// A frame of the default layout, `type:u16 length:u32`:
//
//   offset  0       2               6
//           +-------+---------------+------------------+
//           | type  | length        | body             |
//           +-------+---------------+------------------+
//            u16 BE  u32 BE          `length` bytes
//
// A layout becomes three functions when its Protocol is made: interpreted, a varint header would cost more than a body.

import { compile } from './codegen.ts'
import { QbpError } from './errors.ts'

/** What a header says; one object is used for every frame of a stream. */
export interface Head {
  /** The message's type number, or 0 where the layout has none. */
  type: number
  /** Bytes of the body. */
  length: number
  /** The layout's own fields by name, a new object for each frame, or null where it has none. */
  fields: Record<string, number> | null
}

interface Constant {
  kind: 'constant'
  bytes: number[]
  column: number
}
interface Integer {
  kind: 'integer'
  name: string
  counts: 'body' | 'rest' | 'frame'
  width: number | 'varint' | 'zigzag'
  littleEndian: boolean
  column: number
}
type Token = Constant | Integer

const TOKEN =
  /^(?:0x(?<hex>[0-9a-f]*)|(?<name>[a-z_]\w*)(?:\((?<counts>[^)]*)\))?:(?:u(?<bits>8|16|24|32)(?<le>le)?|(?<varint>varint|zigzag)))$/i
const SYNTAX =
  'A layout is a row of constants (0x56543031) and of fields, name:kind, where kind is u8, u16, u24, u32 (with le for ' +
  'little-endian), varint or zigzag. One of them is length, length(rest) or length(frame)'

/** The longest varint, in bytes: what 64 bits take. */
const MAX_VARINT = 10

/** Reads and writes the headers of one layout. */
export class Header {
  /** The layout as it was given, with single spaces. */
  readonly text: string
  /** Whether frames carry a type number; without one there is one message per direction. */
  readonly hasType: boolean
  /** The most that `type` can be; more is refused where a table is made. */
  readonly maxType: number
  /** Names of the layout's own fields, in wire order. */
  readonly fieldNames: readonly string[]
  /** The most bytes a header takes. */
  readonly maxSize: number
  /**
   * Reads the header at `pos` into `head`.
   *
   * @returns the position behind it, or -1 until more bytes have come.
   * @throws {QbpError} ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT or ERR_QBP_BAD_LENGTH, at the first wrong byte.
   */
  readonly read: (buf: Uint8Array, pos: number, end: number, head: Head) => number
  /** Bytes that a header takes. */
  readonly size: (type: number, length: number, fields: Record<string, number> | null) => number
  /** Writes a header at `pos`, where there is room for it. What it holds has been through `check`. */
  readonly write: (
    buf: Uint8Array,
    pos: number,
    type: number,
    length: number,
    fields: Record<string, number> | null,
  ) => void
  /** The longest body that any header of this layout can announce; beyond it `check` decides. */
  readonly safeLength: number
  readonly #integers: Integer[]
  readonly #lengthValue: (type: number, length: number, fields: Record<string, number> | null) => number

  /** @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column (`offset`, counted from 0) of the fault. */
  constructor(layout: string) {
    const tokens = parse(layout)
    this.#integers = tokens.filter((token) => token.kind === 'integer')
    this.text = layout.trim().split(/\s+/).join(' ')
    const type = this.#integers.find(({ name }) => name === 'type')
    this.hasType = type !== undefined
    this.maxType = type === undefined ? 0 : most(type)
    this.fieldNames = this.#integers.map(({ name }) => name).filter((name) => name !== 'type' && name !== 'length')
    this.maxSize = tokens.reduce((sum, token) => sum + (fixedWidth(token) ?? MAX_VARINT), 0)
    const scope = { readVarint, writeVarint, varintSize, unzigzag, zigzag, at, wrongConstant, wrongLength }
    this.read = compile(reader(tokens, this.fieldNames), scope)
    this.size = compile(sizer(tokens), scope)
    this.write = compile(writer(tokens), scope)
    this.safeLength = most(this.#integers.find(({ name }) => name === 'length') as Integer) - this.maxSize
    this.#lengthValue = compile(`(type, length, fields) => { ${adjust(tokens)} return length }`, scope)
  }

  /**
   * Makes sure that a header can say all this.
   *
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold; ERR_QBP_INVALID_MESSAGE for a
   * field that the layout does not have.
   */
  check(type: number, length: number, fields: Record<string, number> | null): void {
    for (const name of Object.keys(fields ?? {})) {
      if (this.fieldNames.includes(name)) continue
      const has = this.fieldNames.length === 0 ? 'none of its own' : this.fieldNames.join(', ')
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `$header.${name} is no field of the layout '${this.text}', which has ${has}.`,
        {
          field: `$header.${name}`,
        },
      )
    }
    for (const field of this.#integers) {
      const isLength = field.name === 'length'
      const own = field.name === 'type' ? type : (fields?.[field.name] ?? 0)
      const value = isLength ? this.#lengthValue(type, length, fields) : own
      const least = field.width === 'zigzag' && !isLength && field.name !== 'type' ? -most(field) : 0
      if (Number.isInteger(value) && value >= least && value <= most(field)) continue
      throw new QbpError(
        'ERR_QBP_FIELD_OVERFLOW',
        `${isLength ? `A body of ${length} bytes` : `The ${field.name} ${value}`} does not fit the header's field ` +
          `${field.name}:${kindOf(field)}, which holds integers of ${least} to ${most(field)}. Nothing of the message was sent.`,
        { size: value, limit: most(field), field: field.name },
      )
    }
  }
}

/** Layouts of protocols that exist, by name. */
export const headers = {
  /** Qbp's default, and Mumble's: https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html */
  default: 'type:u16 length:u32',
  /** https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html */
  mumble: 'type:u16 length:u32',
  /** MySQL's X Protocol: https://dev.mysql.com/doc/dev/mysql-server/latest/mysqlx_protocol_messages.html */
  mysqlx: 'length(rest):u32le type:u8',
  /** https://docs.riak.com/riak/kv/latest/developing/api/protocol-buffers/index.html */
  riak: 'length(rest):u32 type:u8',
  /** ESPHome's native API, unencrypted: https://developers.esphome.io/architecture/api/protocol_details/ */
  esphome: '0x00 length:varint type:varint',
  /** Google Cast (CASTV2), Riemann, cTrader: a bare big-endian length. */
  castv2: 'length:u32',
  /** `writeDelimitedTo` of Java and C++, Go's protodelim, libp2p, CometBFT. */
  delimited: 'length:varint',
  /** Tendermint before 0.34, go-wire's signed varint. */
  tendermint: 'length:zigzag',
  /** gRPC's length-prefixed message: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
  grpc: 'flags:u8 length:u32',
  /** Steam's CM connections; the constant is 'VT01'. */
  steam: 'length:u32le 0x56543031',
} as const

function parse(layout: string): Token[] {
  const fail = (problem: string, column: number): never => {
    throw new QbpError(
      'ERR_QBP_BAD_LAYOUT',
      `The header layout '${layout}' is wrong at column ${column + 1}: ${problem}. ${SYNTAX}.`,
      { offset: column },
    )
  }
  if (typeof layout !== 'string') throw new QbpError('ERR_QBP_BAD_LAYOUT', `The header layout is no text. ${SYNTAX}.`)
  const tokens: Token[] = []
  const columns = new Map<string, number>()
  for (const { 0: word, index: column } of layout.matchAll(/\S+/g)) {
    const { hex, name, counts, bits, le, varint } =
      TOKEN.exec(word)?.groups ?? fail(`'${word}' is neither a constant nor a field`, column)
    if (hex !== undefined) {
      if (hex.length === 0 || hex.length % 2 === 1) fail(`the constant ${word} is no whole number of bytes`, column)
      tokens.push({
        kind: 'constant',
        bytes: hex.match(/../g)?.map((digits) => Number.parseInt(digits, 16)) ?? [],
        column,
      })
      continue
    }
    if (name === undefined) continue
    if (columns.has(name))
      fail(`there is a second ${name}, after the one at column ${(columns.get(name) as number) + 1}`, column)
    if (name === '__proto__') fail('a field cannot be called __proto__', column)
    columns.set(name, column)
    if (counts !== undefined && (name !== 'length' || !['rest', 'frame'].includes(counts))) {
      fail(`'${word}': only length counts something else than the body, and that is (rest) or (frame)`, column)
    }
    if (bits === '8' && le) fail('u8 is one byte: it has no order', column)
    tokens.push({
      kind: 'integer',
      name,
      counts: (counts ?? 'body') as Integer['counts'],
      width: bits === undefined ? (varint as 'varint' | 'zigzag') : Number(bits) / 8,
      littleEndian: le !== undefined,
      column,
    })
  }
  if (!columns.has('length')) fail('it has no length', layout.length)
  return tokens
}

const fixedWidth = (token: Token): number | undefined =>
  token.kind === 'constant' ? token.bytes.length : typeof token.width === 'number' ? token.width : undefined

const kindOf = ({ width, littleEndian }: Integer): string =>
  typeof width === 'number' ? `u${width * 8}${littleEndian ? 'le' : ''}` : width

function most({ width }: Integer): number {
  if (typeof width === 'number') return 2 ** (width * 8) - 1
  return width === 'varint' ? Number.MAX_SAFE_INTEGER : (Number.MAX_SAFE_INTEGER - 1) / 2
}

/** The shift of each byte of a fixed integer, in wire order. */
const shifts = (width: number, littleEndian: boolean): number[] =>
  Array.from({ length: width }, (_, i) => 8 * (littleEndian ? i : width - 1 - i))

function reader(tokens: Token[], fieldNames: readonly string[]): string {
  const steps = tokens.map((token) => {
    if (token.kind === 'constant') {
      const hex = `0x${token.bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
      return token.bytes
        .map(
          (byte, i) =>
            `if (pos === end) return -1; if (buf[pos] !== ${byte}) wrongConstant('${hex}', ${i}, ${byte}, buf[pos]); pos++`,
        )
        .join('\n')
    }
    const { name, width } = token
    const behind = name === 'length' ? '; behindLength = pos' : ''
    if (typeof width !== 'number') {
      const value = width === 'zigzag' ? `unzigzag($${name})` : `$${name}`
      return `if (pos === end) return -1; $${name} = buf[pos]; if ($${name} < 128) pos++
        else { $${name} = readVarint(buf, pos, end, '${name}'); if ($${name} < 0) return -1; pos = at.pos }
        $${name} = ${value}${name === 'type' ? '; if ($type < 0) wrongLength("type", $type, 0)' : ''}${behind}`
    }
    const parts = shifts(width, token.littleEndian).map(
      (shift, i) => `buf[pos + ${i}]${shift === 0 ? '' : ` << ${shift}`}`,
    )
    return `if (pos + ${width} > end) return -1; $${name} = (${parts.join(' | ')}) >>> 0; pos += ${width}${behind}`
  })
  const length = tokens.find((token): token is Integer => token.kind === 'integer' && token.name === 'length')
  const counted = { body: '0', rest: 'pos - behindLength', frame: 'pos - start' }[length?.counts ?? 'body']
  const names = tokens.flatMap((token) => (token.kind === 'integer' ? [`$${token.name} = 0`] : []))
  return `(buf, pos, end, head) => {
    const start = pos
    let behindLength = 0, ${names.join(', ')}
    ${steps.join('\n')}
    const body = $length - (${counted})
    if (body < 0) wrongLength('length', $length, ${counted})
    head.type = ${names.some((name) => name === '$type = 0') ? '$type' : '0'}
    head.length = body
    head.fields = ${fieldNames.length === 0 ? 'null' : `{ ${fieldNames.map((name) => `${name}: $${name}`).join(', ')} }`}
    return pos
  }`
}

const fieldValue = ({ name, width }: Integer): string => {
  const value = name === 'type' || name === 'length' ? name : `(fields === null ? 0 : fields.${name} ?? 0)`
  return width === 'zigzag' ? `zigzag(${value})` : value
}

/** The sum of the bytes that tokens take, the length itself left out. */
function sum(tokens: Token[]): string {
  const parts = tokens.map((token) => {
    const fixed = fixedWidth(token)
    if (fixed !== undefined) return String(fixed)
    const integer = token as Integer
    return integer.name === 'length' ? '0' : `varintSize(${fieldValue(integer)})`
  })
  return ['0', ...parts].join(' + ')
}

/** Statements that make `length`, the body's, what the field must say; the field's own size may be counted in it. */
function adjust(tokens: Token[]): string {
  const i = tokens.findIndex((token) => token.kind === 'integer' && token.name === 'length')
  const field = tokens[i] as Integer
  if (field.counts === 'body') return ''
  if (field.counts === 'rest') return `length += ${sum(tokens.slice(i + 1))};`
  if (typeof field.width === 'number') return `length += ${sum(tokens)};`
  const own = field.width === 'zigzag' ? 'zigzag(length + own)' : 'length + own'
  return `length += ${sum(tokens)}; let own = 1; while (varintSize(${own}) > own) own++; length += own;`
}

function sizer(tokens: Token[]): string {
  const length = tokens.find(
    (token): token is Integer => token.kind === 'integer' && token.name === 'length',
  ) as Integer
  const own = typeof length.width === 'number' ? '' : ` + varintSize(${fieldValue(length)})`
  return `(type, length, fields) => { ${adjust(tokens)} return ${sum(tokens)}${own} }`
}

function writer(tokens: Token[]): string {
  const steps = tokens.map((token) => {
    if (token.kind === 'constant') return token.bytes.map((byte) => `buf[pos++] = ${byte}`).join('; ')
    if (typeof token.width !== 'number') return `pos = writeVarint(buf, pos, ${fieldValue(token)})`
    const { width, littleEndian } = token
    return `value = ${fieldValue(token)}; ${shifts(width, littleEndian)
      .map((shift) => `buf[pos++] = value >>> ${shift}`)
      .join('; ')}`
  })
  return `(buf, pos, type, length, fields) => { let value; ${adjust(tokens)} ${steps.join('\n')} }`
}

// ---- what the generated functions call

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

function varintSize(value: number): number {
  let size = 1
  for (; value > 127; value = Math.floor(value / 128)) size++
  return size
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)
const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1)

const byteText = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, '0')}`

function wrongConstant(hex: string, index: number, allowed: number, found: number): never {
  throw new QbpError(
    'ERR_QBP_BAD_CONSTANT',
    `Byte ${index} of the header's constant ${hex} is ${byteText(found)}, not ${byteText(allowed)}: the peer speaks another protocol, or the stream is out of step.`,
  )
}

function wrongLength(name: string, found: number, least: number): never {
  throw new QbpError('ERR_QBP_BAD_LENGTH', `The header's ${name} is ${found}; it counts at least ${least}.`, {
    field: name,
    size: found,
    limit: least,
  })
}
