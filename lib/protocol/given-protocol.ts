import { given } from '../base/given.ts'
import type { Protocol } from './protocol.ts'

/** Checks that a Protocol was given, of this copy of the library or of another. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function givenProtocol(value: unknown, usage: string): void {
  const { table, header } = (value ?? {}) as Partial<Protocol>
  given(typeof table === 'function' && header !== undefined, value, 'a Protocol', usage)
}
