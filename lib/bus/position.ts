import { QbpError } from '../base/errors.ts'
import type { Position } from './contract.ts'

const EPOCH = /^[A-Za-z0-9_-]{1,64}$/
const TEXT = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,18})$/
const MAX_OFFSET = 2n ** 63n - 1n

/** A position as text of at most 84 characters, to hand to a client: `<epoch>.<offset>`. */
export function formatPosition(position: Position): string {
  return `${position.epoch}.${position.offset}`
}

/**
 * A position from the text that {@link formatPosition} made. The text may come from a peer: one that names no place in the log
 * leads to a gap, not to a fault.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION for any other text.
 */
export function parsePosition(text: string): Position {
  const [, epoch, offset] = TEXT.exec(text) ?? []
  if (epoch === undefined || offset === undefined) throw badPosition(JSON.stringify(String(text).slice(0, 100)))
  return checkPosition({ epoch, offset: BigInt(offset) })
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what is no position. */
export function checkPosition(position: Position): Position {
  const { epoch, offset } = position
  if (typeof epoch !== 'string' || !EPOCH.test(epoch)) throw badPosition(`the epoch ${JSON.stringify(epoch)}`)
  if (typeof offset !== 'bigint' || offset < 0n || offset > MAX_OFFSET)
    throw badPosition(`the offset ${String(offset)}`)
  return position
}

/** Whether both name the same place. */
export function samePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset
}

function badPosition(found: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_OPTION',
    `no position: ${found}. A position is { epoch, offset }, as the bus gave it, or its text, <epoch>.<offset>.`,
  )
}
