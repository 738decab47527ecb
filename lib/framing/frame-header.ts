import { QbpError } from '../base/errors.ts'
import type { Output } from '../codec/type.ts'
import type { Head, HeaderFields } from './head.ts'
import type { Part } from './layout/layout.ts'
import type { Piece, RowReader } from './row-reader.ts'

/** What a frame is of, beside its body. */
export interface Subject {
  readonly type: number | string
  readonly fields: HeaderFields | null
  readonly maxHeaderBytes: number
}

/** Writes what stands around a body, or a preamble. */
export interface PartsWriter {
  /**
   * Writes the frame of a body that lies from `start` to `bodyEnd`, and is moved to where the other parts leave it.
   *
   * @returns the position after the frame.
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold; ERR_QBP_INVALID_MESSAGE for a field that
   * the layout does not have, or a section that does not encode; ERR_QBP_TOO_LONG.
   */
  wrap(output: Output, start: number, bodyEnd: number, subject: Subject): number
}

/** Writes headers that need no draft. */
export interface HeaderWriter {
  /** The longest body that any header of this layout can announce; beyond it `check` decides. */
  readonly safeLength: number
  /** Bytes that a header takes. */
  readonly size: (this: void, type: number, length: number, fields: HeaderFields | null) => number
  /** Writes a header at `pos`, where there is room for it. What it holds has been through `check`. */
  readonly write: (
    this: void,
    buf: Uint8Array,
    pos: number,
    type: number,
    length: number,
    fields: HeaderFields | null,
  ) => void
  /** Makes sure that a header can say all this. @throws {QbpError} ERR_QBP_FIELD_OVERFLOW or ERR_QBP_INVALID_MESSAGE. */
  check(type: number, length: number, fields: HeaderFields | null): void
}

/** What is sent once, before the first frame. */
export interface Preamble {
  readonly reader: RowReader
  readonly writer: PartsWriter
}

/** What reads and writes the headers of one layout: a `Header`, made of its text, or a `GeneratedHeader`. */
export interface FrameHeader {
  /** The layout as it was given, with single spaces. */
  readonly text: string
  /** The parts of a frame, in wire order; none where the layout was never read. */
  readonly parts: readonly Part[]
  readonly preamble: Preamble | null
  /** Whether frames carry a type; without one there is one message per direction. */
  readonly hasType: boolean
  /** The most that `type` can be, more is refused where a table is made; 'text' where types are text; 'any' where no schema says. */
  readonly maxType: number | 'text' | 'any'
  /** The enum that types are of, where they stand in a section's field that is one. */
  readonly typeNames: ReadonlyMap<string, number> | null
  /** Names of what is in `$header`, in wire order. */
  readonly fieldNames: readonly string[]
  /** Bytes by which each frame begins: what `resync` looks for. Empty if there are none. */
  readonly start: readonly number[]
  /**
   * Reads the frame at `pos` into `head`.
   *
   * @returns the position after it, or -1 until `head.needs` of its bytes are there.
   * @throws {QbpError} ERR_QBP_BAD_CONSTANT, ERR_QBP_BAD_VARINT, ERR_QBP_BAD_LENGTH, ERR_QBP_BAD_CHECKSUM or
   * ERR_QBP_TOO_LONG, at the first wrong byte.
   */
  readonly read: (buf: Uint8Array, pos: number, end: number, head: Head) => number
  /** Up to where the frame that was read last was looked at, if it is none; 0 for a plain layout, whose headers are short. */
  readonly reached: number
  /** For a plain layout: the header before a body, which needs no draft. Null for any other. */
  readonly plain: HeaderWriter | null
  /** For any other. A plain one has none where its text was never read. */
  readonly writer: PartsWriter | null
  /** Where the parts of a whole frame lie among its bytes, for those who show it to people; empty for bytes that are none. */
  pieces(frame: Uint8Array): Piece[]
}

/** @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a type where there is none, or of the wrong kind. */
export function checkType(
  type: number | string,
  { hasType, maxType, text }: Pick<FrameHeader, 'hasType' | 'maxType' | 'text'>,
): void {
  if (hasType ? maxType === 'any' || typeof type === typeof maxType : type === 0) return
  const problem = hasType ? `has types that are ${maxType === 'text' ? 'text' : 'numbers'}` : 'has none'
  throw new QbpError('ERR_QBP_INVALID_MESSAGE', `The type ${type} cannot be sent: the layout '${text}' ${problem}.`, {
    type,
    field: 'type',
  })
}

/** @throws {QbpError} ERR_QBP_INVALID_MESSAGE for a field that the layout does not have. */
export function checkNames(fields: unknown, names: ReadonlySet<string>, text: string): void {
  if (fields === null) return
  const isObject = typeof fields === 'object'
  const strange = isObject ? Object.keys(fields).find((name) => !names.has(name)) : ''
  if (strange === undefined) return
  const field = isObject ? `$header.${strange}` : '$header'
  const problem = isObject ? 'is no field' : `is ${String(fields)}, not an object of the fields`
  throw new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `${field} ${problem} of the layout '${text}', which has ${[...names].join(', ') || 'none of its own'}. Nothing of the message was sent.`,
    { field },
  )
}
