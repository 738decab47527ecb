import { QbpError } from '../base/errors.ts'

/** For what a page has to import and to give, and has not, or has given as the main entry takes it. */
export const missing = (option: string, taker = 'Protocol.from', call = `${option}()`): QbpError =>
  new QbpError(
    'ERR_QBP_BAD_OPTION',
    `There is no ${option} here: give ${taker} { ${option}: ${call} }, which 'qbp-stream/web' exports.`,
    { option },
  )
