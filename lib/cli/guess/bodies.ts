// Whether bytes may be a protobuf message at all: a look at its fields, not into them.

import { isUtf8 } from 'node:buffer'

/** Where a varint ends that begins at a place; -1 if it has no end. */
function skipVarint(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end && i < at + 10; i++) if ((bytes[i] as number) < 128) return i + 1
  return -1
}

/** Whether tags, lengths and ends fit. Groups are too rare to be distinguished from chance. */
export function isMessage(bytes: Uint8Array, start: number, end: number): boolean {
  let pos = start
  while (pos < end) {
    const first = bytes[pos] as number
    const wire = first & 7
    const after = skipVarint(bytes, pos, Math.min(end, pos + 5))
    if (after < 0 || (first < 8 && after === pos + 1)) return false
    if (wire === 0) pos = skipVarint(bytes, after, end)
    else if (wire === 1) pos = after + 8
    else if (wire === 5) pos = after + 4
    else if (wire === 2) {
      let length = 0
      pos = skipVarint(bytes, after, Math.min(end, after + 5))
      for (let at = pos - 1; at >= after; at--) length = length * 128 + ((bytes[at] as number) & 127)
      if (pos >= 0) pos += length
    } else return false
    if (pos < 0) return false
  }
  return pos === end
}

/** Whether all of it is text, which no row of frames is. */
export function isText(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && bytes.every((byte) => byte >= 32 || (byte >= 9 && byte <= 13) || byte === 27)
}
