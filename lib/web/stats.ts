import type { Output } from '../codec/type.ts'
import type { HeaderFields } from '../framing/head.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Entry } from '../framing/table.ts'
import { Tally } from '../framing/traffic.ts'
import { type ConnectionStats, Counts, Faults } from '../stats/counts.ts'
import type { ConnectionCalls } from './connection-calls.ts'
import type { Inbox } from './inbox.ts'
import type { Counting, Framer, StatsSupport } from './options.ts'
import type { Outbox } from './outbox.ts'

/**
 * That a connection counts what goes over it: `connection.stats()` is that of the main entry then. It brings its code along: a page that
 * does not import this has none.
 *
 *     const connection = await connect(protocol, 'wss://…', { stats: stats() })
 *     connection.stats().byName.in.Say
 */
export const stats = (): StatsSupport => ({ begin: (writer) => new WebCounting(writer) })

/** What of a connection says how it stands. */
interface Counted {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly calls: ConnectionCalls | null
  readonly outcome: Error | null | undefined
}

/** What one connection counts: it writes the frames that go out, and counts them. */
class WebCounting implements Counting {
  readonly in: Tally = new Tally()
  readonly #out = new Tally()
  readonly #faults = new Faults()
  readonly #writer: MessageWriter
  /** Of the heartbeat's message, which was written once to see that it can be. */
  readonly #beat: Entry | undefined
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown

  constructor(writer: MessageWriter) {
    this.#writer = writer
    this.#beat = writer.entry
  }

  write(message: object, output: Output, start: number): number {
    return this.#counted(start, () => this.#writer.write(message, output, start))
  }

  compose(...[entry, fields, body, output, start]: Parameters<Framer['compose']>): number {
    return this.#counted(start, () => this.#writer.compose(entry, fields as HeaderFields | null, body, output, start))
  }

  #counted(start: number, write: () => number): number {
    try {
      const end = write()
      this.#out.count(this.#writer.entry, end - start)
      return end
    } catch (refusal) {
      this.#refusal = refusal
      this.#faults.count(refusal)
      throw refusal
    }
  }

  beat(frame: Uint8Array): void {
    this.#out.count(this.#beat, frame.length)
  }

  stats({ inbox, outbox, calls, outcome = null }: Counted): ConnectionStats {
    const sum = new Counts()
    const { skipped, frames } = inbox.messages
    sum.addRead({ tally: this.in, skipped, dropped: frames.resync?.dropped ?? 0 })
    sum.out.add(this.#out)
    sum.faults.add(this.#faults)
    if (outcome !== null && outcome !== this.#refusal) sum.faults.count(outcome)
    sum.queuedBytes = outbox.queued
    if (calls !== null) sum.addCalls(calls.calls.counts, calls.calls.underWay)
    return sum.stats()
  }
}
