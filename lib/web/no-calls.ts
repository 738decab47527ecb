import { QbpError } from '../base/errors.ts'

/** For a protocol that carries none, or has not got the code for them. */
export const noCalls = (): QbpError =>
  new QbpError(
    'ERR_QBP_BAD_OPTION',
    "This protocol carries no calls: make it with { calls: calls() }, where 'qbp-stream/web' exports calls.",
    { option: 'calls' },
  )
