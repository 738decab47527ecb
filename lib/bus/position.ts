import { QbpError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'
import type { Position } from './contract.ts'

const EPOCH = /^[A-Za-z0-9_-]{1,64}$/
const MARK = /^[A-Za-z0-9_-]{1,40}$/
const TEXT = /^([A-Za-z0-9_-]{1,64})\.(0|[1-9][0-9]{0,18})(?:-([A-Za-z0-9_-]{1,40}))?$/
const MAX_OFFSET = 2n ** 63n - 1n

/** A position as text of at most 125 characters, to hand to a client: `<epoch>.<offset>-<mark>`, or without a mark where there is none. */
export function formatPosition({ epoch, offset, mark }: Position): string {
  return mark === undefined ? `${epoch}.${offset}` : `${epoch}.${offset}-${mark}`
}

/**
 * A position from the text that {@link formatPosition} made. The text comes from a peer: one that names no place in the log
 * leads to a gap, not to a fault.
 *
 * @throws {QbpError} ERR_QBP_INVALID_BODY for any other text: what the peer has sent is no position.
 */
export function parsePosition(text: string): Position {
  const [, epoch, offset, mark] = TEXT.exec(text) ?? []
  const value = BigInt(offset ?? 0)
  if (epoch === undefined || offset === undefined || value > MAX_OFFSET) {
    const found = typeof text === 'string' ? JSON.stringify(text.slice(0, 100)) : shown(text)
    const message = `The text of a position is ${found}: the peer has sent something else than <epoch>.<offset>-<mark>, as formatPosition writes it.`
    throw new QbpError('ERR_QBP_INVALID_BODY', message)
  }
  return { epoch, offset: value, ...(mark === undefined ? {} : { mark }) }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what is no position. */
export function checkPosition(position: Position): Position {
  const { epoch, offset, mark } = position
  if (typeof epoch !== 'string' || !EPOCH.test(epoch)) throw badPosition(`the epoch ${JSON.stringify(epoch)}`)
  if (typeof offset !== 'bigint' || offset < 0n || offset > MAX_OFFSET)
    throw badPosition(`the offset ${String(offset)}`)
  if (mark !== undefined && (typeof mark !== 'string' || !MARK.test(mark)))
    throw badPosition(`the mark ${JSON.stringify(mark)}`)
  return position
}

/** Whether both name the same place. */
export function samePosition(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.mark === b.mark
}

function badPosition(found: string): QbpError {
  return new QbpError(
    'ERR_QBP_BAD_OPTION',
    `no position: ${found}. A position is { epoch, offset, mark }, as the bus gave it, or its text, <epoch>.<offset>-<mark>.`,
  )
}
