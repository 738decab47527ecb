import { QbpError } from '../base/errors.ts'
import type { CodecSupport } from '../codec/type.ts'
import type { FrameHeader } from '../framing/frame-header.ts'
import { Entry } from '../framing/table.ts'
import { QBP_CALLS, TTRPC } from './call-schemas.ts'
import { messageType } from './forms.ts'
import { makeTypes } from './types.ts'

/**
 * That a protocol carries calls: in Qbp's own dialect, in two messages whose type numbers are this one and the next, or 240
 * and 241 for `true`; or in `'ttrpc'`, containerd's.
 */
export type CallForm = boolean | number | 'ttrpc'

/** How calls travel, or null where none do. */
export type CallDialect = 'qbp' | 'ttrpc'

/** The first of the two numbers that `true` stands for: both fit a header's u8. */
const FIRST_TYPE = 240

/** The type numbers of the two messages that calls travel in. */
export function callTypes(form: true | number): { readonly call: number; readonly reply: number } {
  const call = form === true ? FIRST_TYPE : form
  return { call, reply: call + 1 }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what is no form, ERR_QBP_BAD_TABLE where the header cannot carry calls. */
export function callDialect(form: CallForm | undefined, header: FrameHeader): CallDialect | null {
  if (form === undefined || form === false) return null
  if (form !== true && form !== 'ttrpc' && !(Number.isSafeInteger(form) && form >= 0))
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `calls is ${JSON.stringify(form)}; it may be true, the first of two free type numbers, or 'ttrpc'.`,
      { option: 'calls' },
    )
  const lacking = ['type', ...(form === 'ttrpc' ? ['stream', 'flags'] : [])].filter(
    (name) => !(name === 'type' ? header.hasType : header.fieldNames.includes(name)),
  )
  if (lacking.length > 0)
    throw new QbpError(
      'ERR_QBP_BAD_TABLE',
      `Calls need a header with a ${lacking.join(' and a ')}; '${header.text}' has none${form === 'ttrpc' ? ': headers.ttrpc is the layout' : ''}.`,
    )
  return form === 'ttrpc' ? 'ttrpc' : 'qbp'
}

/** The entries of the messages that calls travel in, for one table. */
export function callEntries(form: CallForm, support: CodecSupport): Entry[] {
  if (form === 'ttrpc') {
    const types = makeTypes(TTRPC, 'ttrpc', { int64: 'bigint' }, support)
    return [
      new Entry('ttrpc.Request', 1, messageType('Request', types)),
      new Entry('ttrpc.Response', 2, messageType('Response', types)),
      new Entry('ttrpc.Data', 3, 'raw'),
    ]
  }
  const { call, reply } = callTypes(form as true | number)
  const types = makeTypes(QBP_CALLS, 'qbp', { int64: 'bigint' }, support)
  return [
    new Entry('qbp.Call', call, messageType('Call', types)),
    new Entry('qbp.Reply', reply, messageType('Reply', types)),
  ]
}
