import { QbpError } from './errors.ts'

/** Checks a limit in bytes. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive integer or Infinity. */
export function byteLimit(name: string, value: number | undefined, initial: number): number {
  return integer(name, value, initial, ' of bytes')
}

/** Checks a limit on a number of things. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive integer or Infinity. */
export function countLimit(name: string, value: number | undefined, initial: number): number {
  return integer(name, value, initial, '')
}

function integer(name: string, value: number | undefined, initial: number, unit: string): number {
  if (value === undefined) return initial
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value > 0)) return value
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `${name} is ${String(value)}; it may be a positive integer${unit}, or Infinity for no limit.`,
  )
}

/** Checks a time. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive number or Infinity. */
export function milliseconds(name: string, value: number | undefined, initial: number): number {
  if (value === undefined) return initial
  if (typeof value === 'number' && value > 0) return value
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `${name} is ${String(value)}; it may be a positive number of milliseconds, or Infinity for no limit.`,
  )
}
