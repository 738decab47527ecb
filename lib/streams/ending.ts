import type { TransformCallback } from 'node:stream'
import { readerDestroyed } from './refusals.ts'

/** What a receiver needs of the stream that it is the inside of. */
export interface ReceiverStream {
  /** The stream itself, as the diagnostics name it. */
  readonly reader: object
  /** Whether Node's side has asked and got nothing yet. */
  readonly wants: boolean
  /** Reading calls are used from now on, which report the faults. */
  goDirect(): void
  /** A message that Node has queued, or NONE. @throws {QbpError} ERR_QBP_BUSY while `data` flows. */
  queued(): unknown
  /** Adds to a list what Node has queued, up to `max`. @returns whether what follows may be taken too: not while `data` flows. */
  fill(list: unknown[], max: number): boolean
  /** Gives messages to Node's side, if it has asked for some. @returns whether it had. */
  serve(): boolean
  /** Reports the fault once what is queued has been read. */
  fail(fault: Error): void
  /** Ends Node's side, which then calls the receiver's `end` with its callback. */
  end(): unknown
  /** Drops what Node has queued. */
  clear(): void
  /** Sees that Node emits `end`, which it does only for those who read. */
  emitEnd(): void
  destroy(): unknown
}

/** How a reader ends, and to whom that is reported. The picture stands in receiver.ts. */
export class Ending {
  /** Reading calls are used, or a connection owns the reader: these report the faults, and `error` need not. */
  reportedBy: 'events' | 'calls' = 'events'
  readonly #stream: ReceiverStream
  #outcome: 'open' | 'clean' | 'destroyed' | Error = 'open'

  constructor(stream: ReceiverStream) {
    this.#stream = stream
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
    this.#stream.fail(fault)
  }

  destroy(error: Error | null): void {
    if (this.#outcome === 'open' || (this.#outcome === 'clean' && error !== null)) this.#outcome = error ?? 'destroyed'
  }

  /** Reports the end to Node. @param done Node's callback, if it waits for one. */
  report(done: TransformCallback | null): void {
    if (done === null) {
      this.#stream.end()
      return
    }
    done()
    if (this.reportedBy === 'calls') this.#stream.emitEnd()
  }

  /** What a reading call gets after the last message. @throws the fault. */
  result(): null {
    if (this.#outcome instanceof Error) throw this.#outcome
    if (this.#outcome !== 'clean') throw readerDestroyed()
    this.#stream.emitEnd()
    return null
  }
}
