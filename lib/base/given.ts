import { QbpError } from './errors.ts'
import { shown } from './shown.ts'

/**
 * Checks an argument that must be there.
 *
 * @param usage how the call is written, for the error.
 * @throws {QbpError} ERR_QBP_BAD_OPTION with what was given, and what belongs there.
 */
export function given(isRight: boolean, value: unknown, what: string, usage: string): void {
  if (!isRight) throw new QbpError('ERR_QBP_BAD_OPTION', `${usage} was given ${shown(value)} where ${what} belongs.`)
}
