import { CallLimits } from '../calls/limits.ts'
import { QbpDialect } from '../calls/qbp-dialect.ts'
import { Entry } from '../framing/table.ts'
import { type CallForm, callDialect, callTypes } from '../protocol/call-forms.ts'
import type { Makers, SchemaProtocol } from '../protocol/schema-protocol.ts'
import { ConnectionCalls, type OpenCalls } from './connection-calls.ts'
import type { ConnectionOptions } from './options.ts'

/** The code for calls, as a Protocol has it where `calls()` has brought it. */
export interface CallSupport extends NonNullable<Makers['calls']> {
  readonly form: true | number
  /** What begins the calls of one connection, its limits checked. @throws {QbpError} ERR_QBP_BAD_OPTION */
  prepare(protocol: SchemaProtocol, options: ConnectionOptions): OpenCalls
}

/**
 * That a protocol carries calls, as `calls: true` of the main entry. It brings the code for them along: a page that does not import it has none.
 *
 *     Protocol.from(accounts, { calls: calls() })
 *
 * @param first the first of two type numbers that are free, where 240 and 241 are not.
 */
export function calls(first: true | number = true): CallForm {
  const support: CallSupport = {
    form: first,
    dialect: callDialect,
    entries(form) {
      const { call, reply } = callTypes(form as true | number)
      return [new Entry('qbp.Call', call, 'raw'), new Entry('qbp.Reply', reply, 'raw')]
    },
    prepare(protocol, { role = 'client', ...options }) {
      const limits = new CallLimits(options)
      const [incoming, outgoing] = [protocol.table(role, 'incoming'), protocol.table(role, 'outgoing')]
      return (parts) => new ConnectionCalls(parts, protocol, new QbpDialect(incoming, outgoing), limits)
    },
  }
  return support as unknown as CallForm
}
