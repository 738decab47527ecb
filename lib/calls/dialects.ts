import { QbpError } from '../base/errors.ts'
import type { Role } from '../base/role.ts'
import type { Protocol } from '../protocol/protocol.ts'
import type { Dialect } from './dialect.ts'
import { QbpDialect } from './qbp-dialect.ts'
import { TtrpcDialect } from './ttrpc-dialect.ts'

export const noCalls = (): QbpError =>
  new QbpError('ERR_QBP_BAD_OPTION', 'This protocol carries no calls: make it with calls: true.', { option: 'calls' })

/**
 * The dialect of a protocol's calls, for one end of a connection.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION if the protocol carries none, or a role is missing that the dialect needs.
 */
export function dialectOf(protocol: Protocol, role: Role | undefined): Dialect {
  const [incoming, outgoing] = [protocol.table(role, 'incoming'), protocol.table(role, 'outgoing')]
  if (protocol.calls === 'qbp') return new QbpDialect(incoming, outgoing)
  if (protocol.calls === null) throw noCalls()
  if (role === undefined)
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      "In ttrpc clients call and servers are called: role is 'client' or 'server'.",
      {
        option: 'role',
      },
    )
  return new TtrpcDialect(outgoing, role)
}
