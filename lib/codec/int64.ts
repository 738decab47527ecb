import type protobuf from 'protobufjs'
import { QbpError } from '../base/errors.ts'
import { at, refuse } from './wire.ts'

/** How 64-bit integers are read: as native bigint, as `Long` objects, or as numbers (refused beyond 2**53 - 1). */
export type Int64Kind = 'bigint' | 'long' | 'number'

/** A 64-bit integer in two int32 halves: https://www.npmjs.com/package/long, as protobufjs uses it. */
export type Long = ReturnType<protobuf.Reader['int64']>

/** The class of Longs. */
export type LongClass = new (low: number, high: number, unsigned: boolean) => Long

let ownLong: LongClass | undefined

/** Names the class of Longs: no other part of Qbp needs that package, so a module that reads Longs brings it along. */
export function provideLong(long: LongClass): void {
  ownLong = long
}

/** Whether a value is a Long, of whichever copy of its package. */
export const isLong = (value: unknown): value is Long =>
  typeof value === 'object' && value !== null && (value as { __isLong__?: unknown }).__isLong__ === true

/** What a 64-bit field takes on writing, whatever it is read as: a number must be a safe integer, a string decimal digits. */
export type Int64 = bigint | number | string | Long

/** Makes the value of two int32 halves. */
export type Join = (lo: number, hi: number) => bigint | number | Long

const SMALL = 256
const bigints = Array.from({ length: SMALL }, (_, i) => BigInt(i))

const unsignedNumber = (lo: number, hi: number): number => (hi >>> 0) * 2 ** 32 + (lo >>> 0)
const signedNumber = (lo: number, hi: number): number => hi * 2 ** 32 + (lo >>> 0)

const halves = new DataView(new ArrayBuffer(8))

// Small values are shared: a hostile body of integers of one byte (two, as Longs) would otherwise become thirty times its
// size in objects.
// The others are read out of their bytes, which is compiled to machine code; BigInt() is a call, and an operator several.
const signedBigint: Join = (lo, hi) => {
  if (hi === 0 && lo >= 0 && lo < SMALL) return bigints[lo] as bigint
  halves.setInt32(0, hi)
  halves.setInt32(4, lo)
  return halves.getBigInt64(0)
}
const unsignedBigint: Join = (lo, hi) => {
  if (hi === 0 && lo >= 0 && lo < SMALL) return bigints[lo] as bigint
  halves.setInt32(0, hi)
  halves.setInt32(4, lo)
  return halves.getBigUint64(0)
}

function long(unsigned: boolean): Join {
  const small: Long[] = []
  return (lo, hi) => {
    const Long = ownLong as LongClass
    if (hi !== 0 || lo < 0 || lo >= 2 ** 14) return new Long(lo, hi, unsigned)
    small[lo] ??= Object.freeze(new Long(lo, 0, unsigned))
    return small[lo] as Long
  }
}

function number(toNumber: Join): Join {
  return (lo, hi) => {
    const value = toNumber(lo, hi) as number
    if (Number.isSafeInteger(value)) return value
    return refuse(`a 64-bit integer beyond 2**53 - 1, which is no safe number (int64: 'bigint' or 'long' can hold it)`)
  }
}

const kinds: Record<Int64Kind, { signed: Join; unsigned: Join }> = {
  bigint: { signed: signedBigint, unsigned: unsignedBigint },
  long: { signed: long(false), unsigned: long(true) },
  number: { signed: number(signedNumber), unsigned: number(unsignedNumber) },
}

/** The makers of one kind. @throws {QbpError} ERR_QBP_BAD_OPTION for another word. */
export function int64Kind(kind: Int64Kind): { signed: Join; unsigned: Join } {
  if (kind === 'long' && ownLong === undefined) {
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      "int64 is 'long', which takes a module of `qbp generate --int64 long`, or Protocol.load.",
      { option: 'int64' },
    )
  }
  if (Object.hasOwn(kinds, kind)) return kinds[kind]
  throw new QbpError('ERR_QBP_BAD_OPTION', `int64 is '${kind}'; it may be 'bigint', 'long' or 'number'.`)
}

/** A 64-bit integer as a map's key: decimal. */
export const signedKey = (lo: number, hi: number): string => String(kinds.bigint.signed(lo, hi))
export const unsignedKey = (lo: number, hi: number): string => String(kinds.bigint.unsigned(lo, hi))

/**
 * Splits a value into `at.lo` and `at.hi`, if it is a 64-bit integer as it stands: a safe integer, a bigint or a Long in range.
 *
 * @returns false for anything else, a numeric string too.
 */
export function split(value: unknown, unsigned: boolean): boolean {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || (unsigned && value < 0)) return false
    at.lo = value | 0
    at.hi = Math.floor(value / 2 ** 32) | 0
    return true
  }
  if (typeof value === 'bigint') {
    if ((unsigned ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value) return false
    at.lo = Number(BigInt.asIntN(32, value))
    at.hi = Number(BigInt.asIntN(32, value >> 32n))
    return true
  }
  if (!isLong(value)) return false
  const [lo, hi] = [value.low | 0, value.high | 0] // Read first: they may be getters, which may write a message of their own.
  if (value.unsigned !== unsigned && hi < 0) return false
  at.lo = lo
  at.hi = hi
  return true
}

/** The same for a map's key, which must be written as JavaScript writes an integer. */
export function splitKey(key: string, unsigned: boolean): boolean {
  return /^-?\d{1,20}$/.test(key) && String(BigInt(key)) === key && split(BigInt(key), unsigned)
}
