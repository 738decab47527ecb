import { ownBytes } from '../codec/bytes.ts'
import { type Borrowed, copyOf, type Part, partOf } from './scratch.ts'

/**
 * Long bytes that a frame takes by reference, in the order of their places. These are kept free and never touched: what moves is what
 * stands between them.
 */
export class BorrowedBytes implements Borrowed {
  #all: { pos: number; readonly bytes: Uint8Array }[] = []

  get isEmpty(): boolean {
    return this.#all.length === 0
  }

  clear(): void {
    this.#all = []
  }

  /** Memory that threads share is copied: another may write to it. */
  add(bytes: Uint8Array, pos: number): void {
    this.#all.push({ pos, bytes: ownBytes(bytes) })
  }

  release(pos: number): void {
    this.#all = this.#all.filter((each) => each.pos < pos)
  }

  shift(buf: Uint8Array, start: number, end: number, by: number): void {
    let to = end
    // From the last on, as all moves up, to where all has been moved already.
    for (const each of this.#all.toReversed()) {
      if (each.pos < start) break
      const after = each.pos + each.bytes.length
      buf.copyWithin(after + by, after, to)
      to = each.pos
      each.pos += by
    }
    buf.copyWithin(start + by, start, to)
  }

  copy(from: Uint8Array, end: number, to: Uint8Array): void {
    let at = 0
    for (const { pos, bytes } of this.#all) {
      to.set(from.subarray(at, pos), at)
      at = pos + bytes.length
    }
    to.set(from.subarray(at, end), at)
  }

  parts(buf: Uint8Array, start: number, end: number): Part[] {
    const parts: Part[] = []
    let at = start
    for (const { pos, bytes } of this.#all) {
      if (pos > at) parts.push(copyOf(buf, at, pos))
      parts.push(partOf(bytes, null, true))
      at = pos + bytes.length
    }
    if (end > at) parts.push(copyOf(buf, at, end))
    this.clear()
    return parts
  }
}
