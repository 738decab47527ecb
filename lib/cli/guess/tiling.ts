// Which headers cut a stream into whole frames: every shape of header is tried on the bytes.

/** A header's shape: how many bytes stand before the length and after it, how the length is written, and what it counts. */
export interface Shape {
  /** Fixed bytes before the length; -1 for a varint. */
  readonly before: number
  readonly length: LengthKind
  /** Fixed bytes between length and body; -1 for a varint. */
  readonly after: number
  readonly counts: 'body' | 'rest' | 'frame'
}

export type LengthKind = (typeof LENGTH_KINDS)[number]
const LENGTH_KINDS = ['u32', 'u16', 'u32le', 'u16le', 'varint', 'u8', 'u24', 'u24le', 'zigzag'] as const

/** Where a frame, its length, its body and its end lie. */
export interface Frame {
  readonly start: number
  readonly lengthAt: number
  readonly lengthEnd: number
  readonly body: number
  readonly end: number
}

/** A stream's bytes, and whether it goes on after them. */
export interface Stream {
  readonly bytes: Uint8Array
  readonly cut: boolean
}

const MAX_BEFORE = 12
const MAX_AFTER = 8

export function* shapes(): Generator<Shape> {
  for (let before = -1; before <= MAX_BEFORE; before++) {
    for (const length of LENGTH_KINDS) {
      for (let after = -1; after <= MAX_AFTER; after++) {
        for (const counts of ['body', 'rest', 'frame'] as const) {
          if (counts === 'rest' && after === 0) continue // The same as the body.
          yield { before, length, after, counts }
        }
      }
    }
  }
}

/** The end of a varint, or -1. */
function varintEnd(bytes: Uint8Array, at: number): number {
  for (let i = at; i < at + 5 && i < bytes.length; i++) if ((bytes[i] as number) < 128) return i + 1
  return -1
}

/** A value of a kind and where it ends; an end of -1 where it is cut or none. */
function lengthAt(bytes: Uint8Array, at: number, kind: LengthKind): [value: number, end: number] {
  if (kind === 'varint' || kind === 'zigzag') {
    const end = varintEnd(bytes, at)
    let value = 0
    for (let i = end - 1; i >= at; i--) value = value * 128 + ((bytes[i] as number) & 127)
    if (end > at + 1 && bytes[end - 1] === 0) return [0, -1] // Longer than it need be: no writer does so.
    return kind === 'varint' ? [value, end] : value % 2 === 0 ? [value / 2, end] : [0, -1]
  }
  const size = Number(/\d+/.exec(kind)?.[0]) / 8
  const end = at + size
  if (end > bytes.length) return [0, -1]
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[kind.endsWith('le') ? end - 1 - i : at + i] as number)
  return [value, end]
}

/** The frames of a stream by that shape, if it is tiled whole; of one that is cut, as far as it goes. */
export function tile({ bytes, cut }: Stream, { before, length, after, counts }: Shape): Frame[] | undefined {
  const frames: Frame[] = []
  let start = 0
  while (start < bytes.length) {
    const at = before < 0 ? varintEnd(bytes, start) : start + before
    if (at < 0 || at > bytes.length) break
    const [value, lengthEnd] = lengthAt(bytes, at, length)
    if (lengthEnd < 0) break
    const body = after < 0 ? varintEnd(bytes, lengthEnd) : lengthEnd + after
    if (body < 0 || body > bytes.length) break
    const end = value + (counts === 'body' ? body : counts === 'rest' ? lengthEnd : start)
    if (end < body) return undefined
    if (end > bytes.length) break
    frames.push({ start, lengthAt: at, lengthEnd, body, end })
    start = end
  }
  if (frames.length === 0) return undefined
  return start === bytes.length || (cut && frames.length > 2) ? frames : undefined
}
