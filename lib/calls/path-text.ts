import { at, copy } from '../codec/wire.ts'
import { readLength, readText } from './part-fields.ts'

/**
 * Reads the paths of methods, most of which are that of the last call: its bytes are compared, which takes a fifth of the time
 * that text of them does, and gives the same text, which a Map has hashed before.
 */
export class PathText {
  #bytes: Uint8Array = new Uint8Array(0)
  #text = ''

  /** Of the field at `pos`, as `readText`. @throws {Malformed} */
  read(buf: Uint8Array, pos: number, end: number): string {
    const stop = readLength(buf, pos, end)
    const start = at.pos
    const bytes = this.#bytes
    let i = stop - start === bytes.length ? 0 : -1
    if (i === 0) while (i < bytes.length && buf[start + i] === bytes[i]) i++
    if (i === bytes.length) {
      at.pos = stop
      return this.#text
    }
    const text = readText(buf, pos, end)
    if (stop - start <= MOST_KEPT) {
      this.#bytes = copy(buf, start, stop)
      this.#text = text
    }
    return text
  }
}

/** A peer's long text is not kept. */
const MOST_KEPT = 200
