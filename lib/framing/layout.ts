// The text of a header layout: a row of fields and constants, in wire order.

import { QbpError } from '../base/errors.ts'

/** Bytes that stand in every header. */
export interface Constant {
  readonly kind: 'constant'
  readonly bytes: readonly number[]
}

/** A number in the header: its type, its length, or a field of the layout's own. */
export interface Integer {
  readonly kind: 'integer'
  readonly name: string
  /** What a length counts: the body, every byte behind the length, or the whole frame. */
  readonly counts: 'body' | 'rest' | 'frame'
  /** Bytes of a fixed width, or how it varies. */
  readonly width: number | 'varint' | 'zigzag'
  readonly littleEndian: boolean
}

export type Token = Constant | Integer

const TOKEN =
  /^(?:0x(?<hex>[\da-fA-F]*)|(?<name>[A-Za-z_]\w*)(?:\((?<counts>[^)]*)\))?:(?:u(?<bits>8|16|24|32)(?<le>le)?|(?<varint>varint|zigzag)))$/
const SYNTAX =
  'A layout is a row of constants (0x56543031) and of fields, name:kind, where kind is u8, u16, u24, u32 (with le for ' +
  'little-endian), varint or zigzag. One of them is length, length(rest) or length(frame)'

/** The longest varint, in bytes: what 64 bits take. */
export const MAX_VARINT = 10

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
  /** ABCI over a socket, in Tendermint up to 0.34: https://github.com/cometbft/cometbft/discussions/300 */
  tendermint: 'length:zigzag',
  /** gRPC's length-prefixed message: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
  grpc: 'flags:u8 length:u32',
  /** Steam's CM connections; the constant is 'VT01'. */
  steam: 'length:u32le 0x56543031',
} as const

/**
 * The tokens of a layout, in wire order.
 *
 * @throws {QbpError} ERR_QBP_BAD_LAYOUT with the column of the fault, counted from 1 in the message, from 0 as `offset`.
 */
export function parseLayout(layout: string): Token[] {
  if (typeof layout !== 'string') throw new QbpError('ERR_QBP_BAD_LAYOUT', `The header layout is no text. ${SYNTAX}.`)
  const tokens: Token[] = []
  const columns = new Map<string, number>()
  for (const { 0: word, index: column } of layout.matchAll(/\S+/g)) {
    const fail = (problem: string) => refusal(layout, problem, column)
    const parts = TOKEN.exec(word)?.groups
    if (parts === undefined) throw fail(`'${word}' is neither a constant nor a field`)
    const { hex, name, counts, bits, le, varint } = parts
    if (hex !== undefined) {
      if (hex.length === 0 || hex.length % 2 === 1) throw fail(`the constant ${word} is no whole number of bytes`)
      const bytes = hex.match(/../g)?.map((digits) => Number.parseInt(digits, 16)) ?? []
      tokens.push({ kind: 'constant', bytes })
      continue
    }
    if (name === undefined) continue
    const first = columns.get(name)
    if (first !== undefined) throw fail(`there is a second ${name}, after the one at column ${first + 1}`)
    if (name in Object.prototype) throw fail(`a field cannot be called ${name}, which every object has`)
    columns.set(name, column)
    if (counts !== undefined && (name !== 'length' || !['rest', 'frame'].includes(counts))) {
      throw fail(`'${word}': only length counts something else than the body, and that is (rest) or (frame)`)
    }
    if (bits === '8' && le) throw fail('u8 is one byte: it has no order')
    tokens.push({
      kind: 'integer',
      name,
      counts: (counts ?? 'body') as Integer['counts'],
      width: bits === undefined ? (varint as 'varint' | 'zigzag') : Number(bits) / 8,
      littleEndian: le !== undefined,
    })
  }
  if (!columns.has('length')) throw refusal(layout, 'it has no length', layout.length)
  return tokens
}

function refusal(layout: string, problem: string, column: number): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_LAYOUT',
    `The header layout '${layout}' is wrong at column ${column + 1}: ${problem}. ${SYNTAX}.`,
    { offset: column },
  )
}

/** Bytes that a token takes, or undefined where they vary. */
export const fixedWidth = (token: Token): number | undefined =>
  token.kind === 'constant' ? token.bytes.length : typeof token.width === 'number' ? token.width : undefined

/** A field's kind as the layout has it. */
export const kindOf = ({ width, littleEndian }: Integer): string =>
  typeof width === 'number' ? `u${width * 8}${littleEndian ? 'le' : ''}` : width

/** The most that a field can hold. */
export function most({ width }: Integer): number {
  if (typeof width === 'number') return 2 ** (width * 8) - 1
  return width === 'varint' ? Number.MAX_SAFE_INTEGER : (Number.MAX_SAFE_INTEGER - 1) / 2
}

/** The one length of a layout. */
export const lengthOf = (tokens: readonly Token[]): Integer =>
  tokens.find((token): token is Integer => token.kind === 'integer' && token.name === 'length') as Integer
