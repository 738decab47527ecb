// The frames of pushed messages on their way from the sorter to the reader.
//
//   phase:  read ── nobody reads any more ──► dropped
//
//   read     They wait, in order, for the reader to have room.
//   dropped  They are dropped as they come.

import { copy } from '../codec/wire.ts'
import type { ReaderPort } from '../streams/ports.ts'

export class PushedFrames {
  readonly #reader: ReaderPort
  #phase: 'read' | 'dropped' = 'read'
  /** Whole frames that the reader has no room for, and their bytes. */
  #waiting: Uint8Array[] = []
  #bytes = 0
  #isReaderFull = false
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
    if (begin === end || this.#phase === 'dropped') return
    const bytes = 2 * (end - begin) < buffer.length ? copy(buffer, begin, end) : buffer.subarray(begin, end)
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  /** Gives the reader as much as it takes, and its end after the last. */
  forward(): void {
    while (!this.#isReaderFull) {
      const bytes = this.#waiting.shift()
      if (bytes === undefined) break
      this.#bytes -= bytes.length
      this.#isReaderFull = !this.#reader.arrive(bytes)
    }
    if (this.#waiting.length > 0 || this.#end === null) return
    const end = this.#end
    this.#end = NOTHING
    end()
  }

  /** The reader has room again. */
  more(): void {
    this.#isReaderFull = false
    this.forward()
  }

  /** Ends the reader so, once `forward` has given it all that waits. */
  endWith(end: () => void): void {
    this.#end ??= end
  }

  /** What still comes is dropped; what waits is not. */
  close(): void {
    this.#phase = 'dropped'
  }

  /** Nobody reads: what waits is given up, too. */
  drop(): void {
    this.#phase = 'dropped'
    this.take()
  }

  /** What waits, for another to go on with. */
  take(): Uint8Array[] {
    this.#bytes = 0
    return this.#waiting.splice(0)
  }
}

const NOTHING = (): void => {}
