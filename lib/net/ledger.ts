import type { ReaderPort, WriterPort } from '../streams/ports.ts'
import type { ConnectionCalls } from './connection-calls.ts'
import { type Counts, Faults } from './stats.ts'

/** What one connection counts: what its streams do, and its faults. */
export class Ledger {
  readonly #reader: ReaderPort
  readonly #writer: WriterPort
  readonly #calls: ConnectionCalls | null
  /** Of the protocols that it spoke before. */
  readonly #past: Counts | null
  #faults: Faults | null = null
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown

  constructor(reader: ReaderPort, writer: WriterPort, calls: ConnectionCalls | null, past: Counts | null = null) {
    this.#past = past
    this.#reader = reader
    this.#writer = writer
    this.#calls = calls
  }

  refused(fault: unknown): void {
    this.#refusal = fault
    this.#count(fault)
  }

  closed(outcome: Error | null): void {
    if (outcome !== null && outcome !== this.#refusal) this.#count(outcome)
  }

  addTo(sum: Counts): void {
    if (this.#past !== null) sum.add(this.#past)
    const { tally, skipped, dropped } = this.#reader
    sum.droppedBytes += dropped
    sum.in.add(tally)
    sum.out.add(this.#writer.tally)
    sum.skipped.unknown += skipped.unknown
    sum.skipped.invalid += skipped.invalid
    sum.skipped.slow += this.#writer.skipped
    if (this.#faults !== null) sum.faults.add(this.#faults)
    if (this.#calls !== null) sum.addCalls(this.#calls.calls.counts, this.#calls.calls.underWay)
  }

  #count(fault: unknown): void {
    this.#faults ??= new Faults()
    this.#faults.count(fault)
  }
}
