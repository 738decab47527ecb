import { shortText } from './short-text.ts'
import { checkedText, looseText, type ReadText } from './text.ts'

/** UTF-8 where faulty sequences become U+FFFD, as proto2 has it. */
export const text: ReadText = (buf, start, end) => {
  const short = end - start > 32 ? null : shortText(buf, start, end)
  return short === null ? looseText(buf, start, end) : short
}

/** UTF-8 or refused, as proto3 has it. */
export const strictText: ReadText = (buf, start, end) => {
  const short = end - start > 32 ? null : shortText(buf, start, end)
  return short === null ? checkedText(buf, start, end) : short
}
