import { QbpError } from '../base/errors.ts'
import type { Calls } from '../calls/calls.ts'
import { noCalls } from '../calls/dialects.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type Counts, Faults } from '../stats/counts.ts'
import {
  type HomedWriter,
  NOBODY,
  type ReaderPort,
  type WriterHome,
  type WriterOwner,
  type WriterPort,
  writerHome,
  writerPort,
} from '../streams/ports.ts'
import { type CallUser, ConnectionCalls } from './connection-calls.ts'
import { Deadlines } from './deadlines.ts'
import type { ConnectionSettings } from './settings.ts'
import type { Watched } from './watched.ts'

/** What a connection has of its reader and its writer. */
export interface Ports {
  readonly reader: ReaderPort
  readonly writer: HomedWriter
}

/** For a writer that is nobody's. */
const AWAY: WriterHome = { adopt: (port) => port.own(NOBODY) }

/** The connection whose conversation it is. */
type Talker = CallUser & Watched & { readonly plumbing: { readonly outlet: WriterOwner } }

/**
 * What a connection speaks in one protocol: its reader, its writer and the calls beside them, how long they may take, and what they
 * have counted. `goOn` begins another.
 */
export class Conversation implements WriterHome {
  readonly settings: ConnectionSettings
  readonly reader: ReaderPort
  readonly #writer: HomedWriter
  /** The port of the writer, once something was written or this side has ended. */
  written: WriterPort | null = null
  /** Where the protocol carries calls. */
  readonly calls: ConnectionCalls | null
  /** What bytes come to: the reader, or what takes calls out in front of it. */
  readonly intake: ReaderPort
  readonly #user: Talker
  /** Made by `deadlines` with the first bytes, or what there is to watch before. */
  #deadlines: Deadlines | null = null
  /** What the conversations before have counted. */
  readonly #past: Counts | null
  #faults: Faults | null = null
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown

  constructor(settings: ConnectionSettings, ports: Ports, user: Talker, past: Counts | null = null) {
    this.settings = settings
    this.reader = ports.reader
    this.#writer = ports.writer
    this.#user = user
    this.#past = past
    this.calls = settings.calls === null ? null : new ConnectionCalls(settings, settings.calls, this, user)
    this.intake = this.calls?.sorter ?? ports.reader
    ports.writer[writerHome] = this
  }

  /** The port of the writer, which is made for it. */
  get writer(): WriterPort {
    return this.written ?? this.#writer[writerPort]
  }

  adopt(port: WriterPort): void {
    this.written = port
    port.own(this.#user.plumbing.outlet)
  }

  get deadlines(): Deadlines {
    this.#deadlines ??= new Deadlines(this.intake, this.#user, this.settings)
    return this.#deadlines
  }

  /** The peer may be late from now on. Without a limit to its silence nothing is to be watched before bytes come. */
  watch(): void {
    if (this.#deadlines !== null || this.settings.shortestMs !== Number.POSITIVE_INFINITY) this.deadlines.start()
  }

  /** The peer may wait for what is sent before the first frame. */
  greet(): void {
    if (this.settings.writer.preamble !== null) void this.writer // Which sends it.
  }

  /** Another goes on with the duplex: what has come whole may be read still. */
  leave(): void {
    this.intake.own(NOBODY)
    this.#writer[writerHome] = AWAY
    this.written?.own(NOBODY)
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
    if (counts !== null) sum.addRead(counts)
    if (this.written !== null) this.#addWritten(sum, this.written)
    if (this.#faults !== null) sum.faults.add(this.#faults)
    if (this.calls !== null) sum.addCalls(this.calls.calls.counts, this.calls.calls.underWay)
  }

  #addWritten(sum: Counts, { tally, skipped }: WriterPort): void {
    if (tally !== null) sum.out.add(tally)
    sum.skipped.slow += skipped
  }

  #count(fault: unknown): void {
    this.#faults ??= new Faults()
    this.#faults.count(fault)
  }
}
