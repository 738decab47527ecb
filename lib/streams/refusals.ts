// Why a message is not written, or not read, now.

import { QbpError } from '../base/errors.ts'

/** Nothing can be written any more. */
export function closedForWriting(): QbpError {
  return new QbpError('ERR_QBP_CLOSED', 'The stream is closed for writing: nothing of the message was sent.')
}

/** The peer is too slow for what is written. */
export function queueFull(
  limits: { readonly maxQueuedBytes: number; readonly slow: 'destroy' | 'throw' },
  queued: number,
  size: number,
): QbpError {
  const { maxQueuedBytes, slow } = limits
  const advice = "await writeMessage(), or wait for 'drain' when write() is false"
  return new QbpError(
    'ERR_QBP_QUEUE_FULL',
    `${queued} bytes wait for a slow peer, and ${size} more would pass maxQueuedBytes, ${maxQueuedBytes}. ` +
      `Nothing of the message was sent${slow === 'destroy' ? ", and the writer is destroyed: see the option 'slow'" : ''}. ` +
      `To write no more than the peer takes, ${advice}.`,
    { size: queued + size, limit: maxQueuedBytes },
  )
}

/** What was written by reference is not there any more, with a part of its frame sent, perhaps. */
export function bytesGone(written: number, left: number): QbpError {
  return new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `Of ${written} bytes that were written with shareBytes ${left} are left: do not transfer or resize them before the callback of their write().`,
    { size: left },
  )
}

/** The next message cannot be read now. */
export function busy(reason: string): QbpError {
  return new QbpError('ERR_QBP_BUSY', `The next message cannot be read now: ${reason}.`)
}

/** No message follows, as this side has given up what there was. */
export function readerDestroyed(): QbpError {
  return new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed before its end.')
}
