// Statements of the compiled codecs that several kinds have in common: how what a value is made of is read and written.

import { BORROWED_FROM } from './wire.ts'

/** Makes room for what follows. */
export const makeRoom = (size: number | string): string =>
  `if (pos + ${size} > buf.length) buf = output.grow(pos, ${size});`

// ---- reading. Two bytes of a varint are taken in place, for most that have more than one have no more than two.

export const readVarint = (then = '') =>
  `v = buf[pos++]; if (!(v < 128)) { k = buf[pos]; if (k < 128) { v = v & 127 | k << 7; pos++ } else { v = varint32(buf, pos - 1, end); pos = at.pos } }${then}`
export const readVarint64 = (make: string) =>
  `v = buf[pos++]; if (v < 128) v = ${make}(v, 0); else { varint64(buf, pos - 1, end); pos = at.pos; v = ${make}(at.lo, at.hi) }`
export const readEight = (make: string) =>
  `if (pos + 8 > end) cut(); v = ${make}(fixed32(buf, pos), fixed32(buf, pos + 4)); pos += 8`
export const readFour = (value: string) => `if (pos + 4 > end) cut(); v = ${value}; pos += 4`

/** Statements that leave where a length-prefixed value ends in `v`. */
export const readEnd = `v = buf[pos++]; if (!(v < 128)) { v = size(buf, pos - 1, end); pos = at.pos } v += pos; if (!(v <= end)) cut();`

// ---- writing

/** Writes a uint32 in `v`: most that take more than one byte take two. */
export const writeVarint =
  'if (v < 128) buf[pos++] = v; else if (v < 16384) { buf[pos++] = v & 127 | 128; buf[pos++] = v >>> 7 } else pos = writeVarint32(buf, pos, v);'
export const writeInt32 = `if (v >= 0) { ${writeVarint} } else pos = writeVarint64(buf, pos, v, -1);`
export const writeEight = 'n = at.hi; pos = writeFixed32(buf, writeFixed32(buf, pos, at.lo), n);'
/** Up to 42 characters the length takes one byte, whatever they are. */
export const writeString = `n = v.length; if (n < 43) { ${makeRoom('n * 3 + 11')} mark = pos++; pos = writeText(buf, pos, v); if (pos < 0) return -1; buf[mark] = pos - mark - 1 }
  else { n = textLength(v); ${makeRoom('n + 16')} pos = writeText(buf, writeVarint32(buf, pos, n), v); if (pos < 0) return -1 }`
export const writeBytes = `n = byteLength(v); ${makeRoom('n + 16')} pos = writeVarint32(buf, pos, n); if (n < 24) { for (let i = 0; i < n; i++) buf[pos++] = v[i] } else { if (n < ${BORROWED_FROM}) buf.set(v, pos); else putBytes(output, pos, v); pos += n }`
