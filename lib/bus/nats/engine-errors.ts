import { JetStreamApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'

/** No room on disk, or in the account: asking again makes none. */
const FULL = new Set([10002, 10023, 10028, 10047, 10077])
/** Peers that have not met yet; as many consumers as the account allows, where those of before a reset still count for a while. */
const PASSING = new Set([10005, 10026, 10097])
/** JetStream answers with these while it starts, elects a leader, or has lost a stream that is about to be made anew. */
const PASSING_STATUS = new Set([404, 408, 500, 503])

/** Whether the engine would answer the same again. */
export function isFinal(error: unknown): boolean {
  if (error instanceof JetStreamApiError) {
    if (FULL.has(error.code)) return true
    return !PASSING_STATUS.has(error.status) && !PASSING.has(error.code)
  }
  return error instanceof errors.PermissionViolationError || error instanceof errors.InvalidArgumentError
}

export function refusedError(what: string, cause: unknown): QbpError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new QbpError(
    'ERR_QBP_BUS_REFUSED',
    `${what}: the engine refuses, "${said}". See its limits and permissions.`,
    { cause },
  )
}

/** JetStream is not there, and never was. */
export function offError(what: string, cause: unknown): QbpError {
  const message = `${what}: JetStream, which keeps logs and the store, is not enabled there. Start nats-server with -js, or name its "domain".`
  return new QbpError('ERR_QBP_BUS_REFUSED', message, { cause })
}

export function timeoutError(what: string, limit: number, cause?: unknown): QbpError {
  const message = `${what}: not acknowledged within ${limit} ms; it may have happened or not. See the cause, and whether JetStream is enabled.`
  return new QbpError('ERR_QBP_BUS_TIMEOUT', message, { limit, cause })
}
