import { checkedText, looseText, type ReadText } from './text.ts'

/** Up to so many bytes a loop is quicker than a TextDecoder. */
const SHORT = 24

/** Text of a few bytes, if all of them are ASCII; else null. read-text has a case for each length, 8 KB of code, which is quicker still. */
function shortText(buf: Uint8Array, start: number, end: number): string | null {
  if (end - start > SHORT) return null
  let text = ''
  for (let pos = start; pos < end; pos++) {
    const byte = buf[pos] as number
    if (byte > 127) return null
    text += String.fromCharCode(byte)
  }
  return text
}

/** UTF-8 where faulty sequences become U+FFFD, as proto2 has it. */
export const text: ReadText = (buf, start, end) => shortText(buf, start, end) ?? looseText(buf, start, end)

/** UTF-8 or refused, as proto3 has it. */
export const strictText: ReadText = (buf, start, end) => shortText(buf, start, end) ?? checkedText(buf, start, end)
