import type { MessageReaderSettings } from './message-reader.ts'

/** For bytes that are at hand already, each whole: header and table are all that is needed beside it. */
export const WITHOUT_LIMITS: Omit<MessageReaderSettings, 'header' | 'table'> = {
  unknown: 'error',
  invalid: 'error',
  shareBytes: false,
  maxBodyBytes: Number.POSITIVE_INFINITY,
  maxHeaderBytes: Number.POSITIVE_INFINITY,
  maxConsecutiveEmptyFrames: Number.POSITIVE_INFINITY,
  maxConsecutiveSkippedFrames: Number.POSITIVE_INFINITY,
}
