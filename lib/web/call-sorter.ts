import type { QbpError } from '../base/errors.ts'
import type { Calls } from '../calls/calls.ts'
import type { CallFrame } from '../calls/dialect.ts'
import { FrameSorter, type SortedFrames } from '../calls/frame-sorter.ts'
import { copy } from '../codec/wire.ts'
import type { Inbox, Intake } from './inbox.ts'
import type { ConnectionSettings } from './options.ts'

/** What it is made of. */
export interface SorterParts {
  readonly inbox: Inbox
  readonly settings: ConnectionSettings
  /** What came is no frame, or breaks the rules of calls. */
  failed(fault: Error): void
}

/** The way into an inbox, with calls taken out of what arrives. */
export class CallSorter implements Intake, SortedFrames {
  /** A call may come at any time: bytes are always waited for. */
  readonly waiting = true
  readonly #sorter: FrameSorter
  readonly #calls: Calls
  readonly #inbox: Inbox
  readonly #settings: ConnectionSettings
  readonly #failed: (fault: Error) => void
  /** 'open' until nothing more is sorted: by a fault, or null. */
  #end: Error | null | 'open' = 'open'

  constructor(calls: Calls, { inbox, settings, failed }: SorterParts) {
    this.#sorter = new FrameSorter(settings.reading, this)
    this.#calls = calls
    this.#inbox = inbox
    this.#settings = settings
    this.#failed = failed
  }

  get frames(): { readonly index: number; readonly pending: number } {
    return this.#sorter.frames
  }

  arrive(chunk: Uint8Array): void {
    if (this.#end !== 'open') return
    let fault: Error | null = null
    try {
      this.#sorter.feed(chunk)
      this.#sorter.sort(() => this.#end === 'open')
    } catch (error) {
      fault = error as Error
    }
    fault ??= this.#end === 'open' ? null : this.#end
    if (fault === null) return
    this.#end = fault
    this.#inbox.fail(fault)
    this.#failed(fault)
  }

  carries(type: number | string): boolean {
    return this.#calls.carries(type)
  }

  call(frame: CallFrame, size: number): void {
    const { counting, reading } = this.#settings
    counting?.in.count(reading.table.byType(frame.type), size)
    this.#calls.receive(frame)
  }

  /** A few frames of a large chunk are copied: they would keep all of it. */
  pushed(buffer: Uint8Array, begin: number, end: number): void {
    this.#inbox.arrive(2 * (end - begin) < buffer.length ? copy(buffer, begin, end) : buffer.subarray(begin, end))
  }

  /** The peer has broken the rules of calls: it is read no further, and what came before is handed out. */
  breakOff(fault: QbpError): void {
    this.#end = this.#sorter.frames.located(fault)
  }

  /** The peer sends nothing more: it may still hear answers. */
  end(): void {
    if (this.#end !== 'open') return
    this.#end = null
    try {
      this.#sorter.frames.finish()
      this.#inbox.end()
    } catch (fault) {
      this.#end = fault as Error
      this.#inbox.fail(fault as Error)
    }
    this.#calls.unanswered(this.#end)
  }

  fail(fault: Error): void {
    if (this.#end === 'open') this.#end = fault
    this.#inbox.fail(fault)
  }

  truncation(): Error | null {
    return this.#end === 'open' ? null : this.#end
  }
}
