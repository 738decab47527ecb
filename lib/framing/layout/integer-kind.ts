// What a kind of integer is: how it stands in a header, and which values it may have.

/** What an integer of a header is in JavaScript: a bigint where it is a field of one's own of 64 bits. */
export type HeaderInteger = number | bigint

/** How integers of a kind are read and written. */
export interface IntegerFunctions {
  /**
   * Reads one at `pos` and leaves `at.pos` after it; or leaves `at.pos` -1, and in `at.needs` how far the bytes must at least
   * reach, where it goes on at `end`.
   *
   * @param name what the field is called, for a fault.
   */
  take(buf: Uint8Array, pos: number, end: number, name: string): HeaderInteger
  /** Writes one that it holds at `pos`. @returns the position after it. */
  put(buf: Uint8Array, pos: number, value: HeaderInteger): number
  /** Bytes that the value takes. It may be of any type still: headers are measured before what they hold is checked. */
  sizeOf(value: unknown): number
}

/** One kind of integer in a header. */
export interface IntegerKind extends IntegerFunctions {
  /** As a layout has it: `u32le`. */
  readonly name: string
  /** Bytes that each of its integers takes; undefined where that depends on the integer. */
  readonly width: number | undefined
  /** The most bytes that one takes. */
  readonly maxWidth: number
  /** The range of a field of one's own. */
  readonly least: HeaderInteger
  readonly most: HeaderInteger
  /** How its bytes mean an integer, for those who have no JavaScript, such as Wireshark. */
  readonly order: 'big-endian' | 'little-endian' | 'varint' | 'zigzag' | 'hex' | 'decimal'
  /** The same three as text, where a call costs too much: see `code`. */
  readonly inline?: Inline
}

/** Code of one's own for a kind: statements on `buf`, `pos` and `end`, and an expression for the size. */
export interface Inline {
  read(variable: string, name: string): string
  write(value: string): string
  size(value: string): string
}

/** Where the last integer ended; -1 where it did not, and how far the bytes must reach before that can be. */
export const at: { pos: number; needs: number } = { pos: 0, needs: 0 }

/** To be returned where the bytes end before the integer does. */
export function cut(needs: number): number {
  at.pos = -1
  at.needs = needs
  return 0
}

/** The most that a length or a type can be, whatever the kind. */
export const mostNumber = ({ most }: IntegerKind): number => (typeof most === 'bigint' ? Number.MAX_SAFE_INTEGER : most)

/** Whether a field of one's own may have the value. */
export function holds({ least, most }: IntegerKind, value: unknown): boolean {
  if (typeof value === 'bigint' ? typeof most !== 'bigint' : !Number.isSafeInteger(value)) return false
  return (value as HeaderInteger) >= least && (value as HeaderInteger) <= most
}
