import { QbpError } from '../base/errors.ts'
import type { Position } from './contract.ts'

export function downError(cause?: unknown): QbpError {
  const message = 'The engine of this bus is away: nothing was sent. Wait for the event "up", then try again.'
  return new QbpError('ERR_QBP_BUS_DOWN', message, cause === undefined ? {} : { cause })
}

export function closedError(): QbpError {
  return new QbpError('ERR_QBP_BUS_CLOSED', 'This bus is closed. Make another one.')
}

export function staleError(key: readonly string[], revision: Position | null): QbpError {
  const expected = revision === null ? 'nothing' : `revision ${revision.epoch}.${revision.offset}`
  const message = `The key ${JSON.stringify(key)} does not hold ${expected} any more: nothing was written. Get it again and decide anew.`
  return new QbpError('ERR_QBP_STALE_REVISION', message, { key, revision })
}

export function noNodeError(node: string): QbpError {
  return new QbpError('ERR_QBP_NO_NODE', `No node ${JSON.stringify(node)} is on the bus now.`, { node })
}
