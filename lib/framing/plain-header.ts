import { checkNames, checkType, type HeaderWriter } from './frame-header.ts'
import type { Head, HeaderFields } from './head.ts'
import type { IntegerFunctions } from './layout/integer-kind.ts'

type Fields = HeaderFields | null

/** The functions of a plain layout: all of it before the body, and nothing in it but constants and integers. */
export interface HeaderCode {
  read(this: void, buf: Uint8Array, pos: number, end: number, head: Head): number
  /** Bytes that a header takes. */
  size(this: void, type: number, length: number, fields: Fields): number
  /** Writes a header at `pos`, where there is room for it. What it holds has been through `check`. */
  write(this: void, buf: Uint8Array, pos: number, type: number, length: number, fields: Fields): void
  /** @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold. */
  check(this: void, type: number, length: number, fields: Fields): void
}

/** All that such functions call, by the names that their source has for it. */
export type HeaderLibrary = Readonly<Record<string, unknown>> & {
  /** Those whose functions are called. */
  readonly kinds: Readonly<Record<string, IntegerFunctions>>
}

/** A plain layout, ready made: what is known of it, and its functions. A module of `qbp generate` holds it. */
export interface PlainLayout extends HeaderCode {
  readonly text: string
  readonly hasType: boolean
  readonly maxType: number
  readonly fieldNames: readonly string[]
  /** Bytes by which each frame begins. */
  readonly start: readonly number[]
  /** The longest body that any header of this layout can announce; beyond it `check` decides. */
  readonly safeLength: number
  /** The kinds of integers whose functions it calls: a library may not have all. */
  readonly kinds: readonly string[]
}

/** Writes the header of a plain layout. */
export class PlainHeader implements HeaderWriter {
  readonly safeLength: number
  readonly size: HeaderCode['size']
  readonly write: HeaderCode['write']
  readonly #layout: PlainLayout
  readonly #names: ReadonlySet<string>

  constructor(layout: PlainLayout) {
    this.#layout = layout
    this.#names = new Set(layout.fieldNames)
    this.safeLength = layout.safeLength
    this.size = layout.size
    this.write = layout.write
  }

  /**
   * Makes sure that a header can say all this.
   *
   * @throws {QbpError} ERR_QBP_FIELD_OVERFLOW for a number that its field cannot hold; ERR_QBP_INVALID_MESSAGE for a
   * field that the layout does not have.
   */
  check(type: number, length: number, fields: Fields): void {
    checkNames(fields, this.#names, this.#layout.text)
    checkType(type, this.#layout)
    this.#layout.check(type, length, fields)
  }
}
