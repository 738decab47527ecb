import { QbpError } from '../base/errors.ts'
import type { Calls } from '../calls/calls.ts'
import { noCalls } from '../calls/dialects.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type Counts, Faults } from '../stats/counts.ts'
import { NOBODY, type ReaderPort, type WriterPort } from '../streams/ports.ts'
import { type CallUser, ConnectionCalls } from './connection-calls.ts'
import { Deadlines } from './deadlines.ts'
import type { ConnectionSettings } from './settings.ts'
import type { Watched } from './watched.ts'

/** The ports of a connection's reader and writer. */
export interface Ports {
  readonly reader: ReaderPort
  readonly writer: WriterPort
}

/**
 * What a connection speaks in one protocol: its reader, its writer and the calls beside them, how long they may take, and what they
 * have counted. `goOn` begins another.
 */
export class Conversation {
  readonly settings: ConnectionSettings
  readonly reader: ReaderPort
  readonly writer: WriterPort
  /** Where the protocol carries calls. */
  readonly calls: ConnectionCalls | null
  /** What bytes come to: the reader, or what takes calls out in front of it. */
  readonly intake: ReaderPort
  readonly deadlines: Deadlines
  /** What the conversations before have counted. */
  readonly #past: Counts | null
  #faults: Faults | null = null
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown

  constructor(settings: ConnectionSettings, ports: Ports, user: CallUser & Watched, past: Counts | null = null) {
    this.settings = settings
    this.reader = ports.reader
    this.writer = ports.writer
    this.calls = settings.calls === null ? null : new ConnectionCalls(settings, settings.calls, ports, user)
    this.intake = this.calls?.sorter ?? ports.reader
    this.deadlines = new Deadlines(this.intake, user, settings)
    this.#past = past
  }

  /** Another goes on with the duplex: what has come whole may be read still. */
  leave(): void {
    this.intake.own(NOBODY)
    this.writer.own(NOBODY)
    this.calls?.gone(new QbpError('ERR_QBP_CLOSED', 'The connection has gone on in another protocol.'))
    this.intake.conclude()
  }

  /** @throws {QbpError} ERR_QBP_BAD_OPTION where the protocol carries no calls. */
  carried(): { readonly calls: Calls; readonly protocol: Protocol } {
    if (this.calls !== null && this.settings.calls !== null)
      return { calls: this.calls.calls, protocol: this.settings.calls.protocol }
    throw noCalls()
  }

  // ---- counting

  refused(fault: unknown): void {
    this.#refusal = fault
    this.#count(fault)
  }

  closed(outcome: Error | null): void {
    if (outcome !== null && outcome !== this.#refusal) this.#count(outcome)
  }

  /** What it has counted, and those before it; what waits for the peer is the connection's to know. */
  addTo(sum: Counts): void {
    if (this.#past !== null) sum.add(this.#past)
    const { counts } = this.reader
    const { tally } = this.writer
    if (counts !== null) sum.addRead(counts)
    if (tally !== null) sum.out.add(tally)
    sum.skipped.slow += this.writer.skipped
    if (this.#faults !== null) sum.faults.add(this.#faults)
    if (this.calls !== null) sum.addCalls(this.calls.calls.counts, this.calls.calls.underWay)
  }

  #count(fault: unknown): void {
    this.#faults ??= new Faults()
    this.#faults.count(fault)
  }
}
