import { codeOf } from '../base/errors.ts'
import { addCallCounts, CallCounts, type CallStats, callStats } from '../calls/stats.ts'
import { type ReaderCounts, Tally, type Traffic } from '../framing/traffic.ts'

/** What went over a connection so far. A copy: it does not change. */
export interface ConnectionStats {
  /** Messages handed out, the skipped ones included. */
  messagesIn: number
  messagesOut: number
  /** Bytes of whole frames. */
  bytesIn: number
  bytesOut: number
  /** Bytes written that the operating system has not taken yet. */
  queuedBytes: number
  /** The same messages and bytes by message name; frames of a type that no table lists count as `(unlisted)`. */
  byName: { in: Record<string, Traffic>; out: Record<string, Traffic> }
  /**
   * Messages that were dropped because the protocol's `unknown` or `invalid` is 'skip'; and, as `slow`, those of a group whose
   * `slow` is 'skip' that were left out because this peer takes its bytes too slowly.
   */
  skipped: { unknown: number; invalid: number; slow: number }
  /** Bytes that were no frame, and dropped as the protocol's `resync` says; there once there are some. */
  droppedBytes?: number
  /** How often which fault came, by its `code`, or by its class where it has none: what ended a connection, and messages refused on write. */
  faults: Record<string, number>
  /** Where the protocol carries calls. */
  calls?: CallStats
}

/** What stats() is made of: of one connection, or summed up for a server. */
export class Counts {
  readonly in: Tally = new Tally()
  readonly out: Tally = new Tally()
  readonly skipped = { unknown: 0, invalid: 0, slow: 0 }
  droppedBytes = 0
  readonly faults: Faults = new Faults()
  queuedBytes = 0
  /** Where the protocol carries calls; and those under way. */
  calls: CallCounts | null = null
  callsUnderWay = { in: 0, out: 0 }

  addRead({ tally, skipped, dropped }: ReaderCounts): void {
    this.in.add(tally)
    this.skipped.unknown += skipped.unknown
    this.skipped.invalid += skipped.invalid
    this.droppedBytes += dropped
  }

  addCalls(counts: CallCounts, underWay: { in: number; out: number }): void {
    this.calls ??= new CallCounts()
    addCallCounts(this.calls, counts)
    this.callsUnderWay.in += underWay.in
    this.callsUnderWay.out += underWay.out
  }

  add(counts: Counts): void {
    this.in.add(counts.in)
    this.out.add(counts.out)
    this.skipped.unknown += counts.skipped.unknown
    this.skipped.invalid += counts.skipped.invalid
    this.skipped.slow += counts.skipped.slow
    this.droppedBytes += counts.droppedBytes
    this.faults.add(counts.faults)
    this.queuedBytes += counts.queuedBytes
    if (counts.calls !== null) this.addCalls(counts.calls, counts.callsUnderWay)
  }

  stats(): ConnectionStats {
    const [read, written] = [this.in.total(), this.out.total()]
    return {
      messagesIn: read.messages,
      messagesOut: written.messages,
      bytesIn: read.bytes,
      bytesOut: written.bytes,
      queuedBytes: this.queuedBytes,
      byName: { in: this.in.byName(), out: this.out.byName() },
      skipped: { ...this.skipped },
      ...(this.droppedBytes > 0 && { droppedBytes: this.droppedBytes }),
      faults: this.faults.byCode(),
      ...(this.calls !== null && { calls: callStats(this.calls, this.callsUnderWay) }),
    }
  }
}

/** How often which fault came, by code. */
export class Faults {
  readonly #counts = new Map<string, number>()

  count(fault: unknown): void {
    this.#add(codeOf(fault), 1)
  }

  add(faults: Faults): void {
    for (const [code, count] of faults.#counts) this.#add(code, count)
  }

  byCode(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  #add(code: string, count: number): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + count)
  }
}

/** The way to add what a connection has counted to a sum. */
export const addCounts = Symbol('qbp.addCounts')
