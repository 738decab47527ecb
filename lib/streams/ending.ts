import type { TransformCallback } from 'node:stream'
import { readerDestroyed } from './refusals.ts'

/** The reader that ends. */
interface Ended {
  /** What reports it to those who read the stream as Node's. */
  readonly side: {
    /** Reports the fault once what is queued has been read. */
    fail(fault: Error): void
    /** Ends Node's side, which then calls the receiver's `end` with its callback. */
    end(): void
    /** Sees that Node emits `end`, which it does only for those who read. */
    emitEnd(): void
  }
}

/** How a reader ends, and to whom that is reported. The picture stands in receiver.ts. */
export class Ending {
  /** Reading calls are used, or a connection owns the reader: these report the faults, and `error` need not. */
  reportedBy: 'events' | 'calls' = 'events'
  readonly #reader: Ended
  #outcome: 'open' | 'clean' | 'destroyed' | Error = 'open'

  constructor(reader: Ended) {
    this.#reader = reader
  }

  /** Whether messages may follow. */
  get isOpen(): boolean {
    return this.#outcome === 'open'
  }

  get isClean(): boolean {
    return this.#outcome === 'clean'
  }

  /** The fault after the last message. */
  get fault(): Error | null {
    return this.#outcome instanceof Error ? this.#outcome : null
  }

  /** By a clean end, whatever the bytes may still bring. */
  clean(): void {
    this.#outcome = 'clean'
  }

  fail(fault: Error): void {
    this.#outcome = fault
    this.#reader.side.fail(fault)
  }

  destroy(error: Error | null): void {
    if (this.#outcome === 'open' || (this.#outcome === 'clean' && error !== null)) this.#outcome = error ?? 'destroyed'
  }

  /** Reports the end to Node. @param done Node's callback, if it waits for one. */
  report(done: TransformCallback | null): void {
    if (done === null) {
      this.#reader.side.end()
      return
    }
    done()
    if (this.reportedBy === 'calls') this.#reader.side.emitEnd()
  }

  /** What a reading call gets after the last message. @throws the fault. */
  result(): null {
    if (this.#outcome instanceof Error) throw this.#outcome
    if (this.#outcome !== 'clean') throw readerDestroyed()
    this.#reader.side.emitEnd()
    return null
  }
}
