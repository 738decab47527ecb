import { headers, type ProtocolOptions } from '../../index.ts'
import { UsageError } from '../command/fault.ts'
import type { OptionTable } from '../command/help.ts'
import { oneOf, wholeNumber } from './values.ts'

/** Of verbs that show a conversation. */
export const pairOption = {
  pair: {
    type: 'string',
    value: 'FIELD',
    help: `pair a request and its answer by this field, which has the same value in both: id, request.id, or $header.id`,
  },
} as const satisfies OptionTable

const DIALECTS = ['qbp', 'ttrpc'] as const

/** The options of verbs that know calls. */
export const callOptions = {
  dialect: {
    type: 'string',
    value: 'NAME',
    help: "how calls travel: qbp, or ttrpc, containerd's, whose header is taken where none is given",
    words: DIALECTS,
  },
  calls: { type: 'string', value: 'N', help: 'the first of the two type numbers of calls, in qbp (default: 240)' },
} as const satisfies OptionTable

interface CallValues {
  dialect?: string
  calls?: string
  header?: string
  types?: string[]
}

/** What a protocol is made with where it carries calls; nothing where neither option was given. @throws {UsageError} */
export function callForm({ dialect, calls, header, types }: CallValues): ProtocolOptions {
  if (dialect === undefined && calls === undefined) return {}
  if (oneOf('dialect', dialect ?? 'qbp', DIALECTS) === 'qbp')
    return { calls: calls === undefined ? true : wholeNumber('calls', calls) }
  if (calls !== undefined) throw new UsageError('--calls is about --dialect qbp.')
  return {
    calls: 'ttrpc',
    ...(header === undefined && { header: headers.ttrpc }),
    ...(types === undefined && { types: {} }), // Nothing but calls travels in it.
  }
}
