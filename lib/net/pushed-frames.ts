// The frames of pushed messages on their way from the sorter to the reader.
//
//   intake, of what comes:        taken ── nobody reads any more ──► dropped
//   flow, of what came and waits: flowing ◄── the reader has room, or has none ──► held
//
// One does not follow from the other: what was taken before the end still waits for room.

import { copy } from '../codec/wire.ts'
import type { ReaderPort } from '../streams/ports.ts'

export class PushedFrames {
  readonly #reader: ReaderPort
  #intake: 'taken' | 'dropped' = 'taken'
  #flow: 'flowing' | 'held' = 'flowing'
  /** Whole frames that the reader has no room for, and their bytes. */
  #waiting: Uint8Array[] = []
  #bytes = 0
  /** The reader's end, once it has all that waits. The first that is given counts. */
  #end: (() => void) | null = null

  constructor(reader: ReaderPort) {
    this.#reader = reader
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds whole frames. A few of a large chunk are copied: they would keep all of it. */
  push(buffer: Uint8Array, begin: number, end: number): void {
    if (begin === end || this.#intake === 'dropped') return
    const bytes = 2 * (end - begin) < buffer.length ? copy(buffer, begin, end) : buffer.subarray(begin, end)
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  /** Gives the reader as much as it takes, and its end after the last. */
  forward(): void {
    while (this.#flow === 'flowing') {
      const bytes = this.#waiting.shift()
      if (bytes === undefined) break
      this.#bytes -= bytes.length
      if (!this.#reader.arrive(bytes)) this.#flow = 'held'
    }
    if (this.#waiting.length > 0 || this.#end === null) return
    const end = this.#end
    this.#end = NOTHING
    end()
  }

  /** The reader has room again. */
  more(): void {
    this.#flow = 'flowing'
    this.forward()
  }

  /** Ends the reader so, once `forward` has given it all that waits. */
  endWith(end: () => void): void {
    this.#end ??= end
  }

  /** What still comes is dropped; what waits is not. */
  close(): void {
    this.#intake = 'dropped'
  }

  /** Nobody reads: what waits is given up, too. */
  drop(): void {
    this.#intake = 'dropped'
    this.take()
  }

  /** What waits, for another to go on with. */
  take(): Uint8Array[] {
    this.#bytes = 0
    return this.#waiting.splice(0)
  }
}

const NOTHING = (): void => {}
