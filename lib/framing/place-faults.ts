// Faults of a stream of frames that say where they are.

import { QbpError } from '../base/errors.ts'

/** The same fault with its place in the stream. */
export function locatedAt(fault: QbpError, offset: number, frame: number): QbpError {
  const { code, message, cause } = fault
  const place = `(frame ${frame}, at byte ${offset} of the stream)`
  return new QbpError(code, `${message} ${place}`, { ...fault, cause, offset, frame })
}

/** The stream has ended within a frame, or what stands before the first, after `size` bytes of it. */
export function truncated(
  what: string,
  size: number,
  head: { readonly needs: number; readonly isEndKnown: boolean },
): QbpError {
  const needs = `of ${head.isEndKnown ? '' : 'at least '}${head.needs} bytes`
  return new QbpError('ERR_QBP_TRUNCATED', `The stream ended ${size} bytes into ${what} ${needs}.`, { size })
}
