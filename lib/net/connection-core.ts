import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import type { ReaderPort, WriterPort } from '../streams/ports.ts'
import type { QbpReadable } from '../streams/readable.ts'
import type { QbpWritable } from '../streams/writable.ts'
import { Closer } from './closer.ts'
import { ConnectionCalls } from './connection-calls.ts'
import { Deadlines, type Watched } from './deadlines.ts'
import { type ReportedConnection, reportClose, reportOpen, warnOf } from './diagnostics.ts'
import { handOver, handoverRefusal } from './handover.ts'
import { Ledger } from './ledger.ts'
import { Lifecycle } from './lifecycle.ts'
import { lost, Plumbing, type PlumbingUser } from './plumbing.ts'
import { type ConnectionSettings, GRACE_MS } from './settings.ts'
import { Counts } from './stats.ts'

/** The connection that a core is the inside of. */
export interface ConnectionShell extends ReportedConnection {
  readonly reader: QbpReadable<never, never>
  readonly writer: QbpWritable<never, never>
  emit(event: 'ended'): boolean
}

/** The ports of a connection's reader and writer. */
export interface Ports {
  readonly reader: ReaderPort
  readonly writer: WriterPort
}

/** The inside of a connection: what its duplex, its reader, its writer and its deadlines report comes together here. */
export class ConnectionCore implements PlumbingUser, Watched {
  readonly connection: ConnectionShell
  readonly life: Lifecycle = new Lifecycle()
  readonly plumbing: Plumbing
  #settings: ConnectionSettings
  #reader: ReaderPort
  #writer: WriterPort
  /** Where the protocol carries calls. */
  calls: ConnectionCalls | null
  /** What bytes come to: the reader, or what takes calls out in front of it. */
  intake: ReaderPort
  #deadlines: Deadlines
  readonly #closer: Closer
  #ledger: Ledger

  constructor(connection: ConnectionShell, duplex: Duplex, ports: Ports, settings: ConnectionSettings) {
    this.connection = connection
    this.#settings = settings
    this.#reader = ports.reader
    this.#writer = ports.writer
    this.#deadlines = new Deadlines(this, settings)
    this.calls = settings.calls === null ? null : new ConnectionCalls(settings, settings.calls, ports, this)
    this.intake = this.calls?.sorter ?? ports.reader
    this.plumbing = new Plumbing(duplex, this.intake, ports.writer, this)
    this.#closer = new Closer(this.life, this.plumbing, settings.lingerMs)
    this.#ledger = new Ledger(ports.reader, ports.writer, this.calls)
  }

  /** To be called once the connection stands. */
  open(): void {
    if (this.plumbing.duplex.destroyed) return
    this.#deadlines.start()
    reportOpen(this.connection, this.#settings.role ?? null)
  }

  get isClosing(): boolean {
    return this.life.phase !== 'open' || this.plumbing.duplex.destroyed
  }

  /** Whether the peer sends nothing more. */
  get isPeerEnded(): boolean {
    return this.plumbing.isPeerEnded || this.life.isOver
  }

  /** Bytes written that the operating system has not taken. */
  get queuedBytes(): number {
    return this.#writer.queued + this.plumbing.duplex.writableLength
  }

  // ---- how it ends

  close(graceMs: number): void {
    this.#deadlines.stop()
    if (this.plumbing.duplex.destroyed) this.#decideCut()
    this.plumbing.discard()
    this.#end(graceMs)
  }

  /** Sends what was written, and ends this side; what the reader has stays its own. */
  #end(graceMs: number): void {
    const { duplex } = this.plumbing
    if (duplex.destroyed) this.#closer.expect()
    else if (this.life.close()) {
      if (this.calls === null) this.#endWriting()
      else this.calls.drain(() => this.#endWriting())
    }
    this.life.later(graceMs, () => {
      const why = ` within ${graceMs} ms, which is graceMs`
      if (this.plumbing.duplex.writableFinished) this.#closer.destroy()
      else if (this.calls?.isIdle === false)
        this.destroy(new QbpError('ERR_QBP_CLOSED', `Calls under way were not done${why}.`, { limit: graceMs }))
      else this.destroy(lost(this.queuedBytes, why, graceMs))
    })
  }

  #endWriting(): void {
    this.connection.writer.end()
    if (this.plumbing.duplex.writableFinished) this.#closer.linger() // The writer had ended before.
  }

  destroy(error?: Error): void {
    if (this.life.isOver) return
    this.life.close()
    this.life.decide(error ?? null)
    this.#closer.abort()
    const fault = error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.')
    this.calls?.gone(fault)
    const { reader } = this.connection
    if (!reader.readableEnded) reader.destroy(fault)
    this.#writer.fail(fault)
  }

  /** The reader ends after what has come whole; the peer's end is not waited for as long as otherwise. */
  conclude(): void {
    this.#closer.hurry()
    if (this.plumbing.isReaderEnded || this.connection.reader.destroyed) return
    this.#deadlines.stop()
    this.plumbing.conclude()
    this.calls?.drain(() => {})
  }

  /** The duplex has failed or closed: the reader fails after what it brought, and nothing more can be sent. */
  #fail(fault: Error): void {
    if (!this.plumbing.isReaderEnded) this.intake.fail(fault)
    this.calls?.gone(fault)
    this.#writer.fail(fault)
  }

  finish(): void {
    const isFirst = this.life.end((outcome) => {
      this.#ledger.closed(outcome)
      this.#settings.owner?.closed(this.connection)
      reportClose(this.connection, outcome)
    })
    if (!isFirst) return
    this.calls?.gone(this.life.outcome)
    this.#deadlines.stop()
    this.connection.writer.destroy()
    if (!this.plumbing.isPeerEnded) this.connection.emit('ended')
  }

  // ---- handing the duplex on

  /** @throws {QbpError} ERR_QBP_CLOSED, or ERR_QBP_BUSY while somebody reads. */
  #checkIdle(): void {
    if (this.isClosing) throw new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    const isRead = this.#reader.waiting || this.connection.reader.readableLength > 0
    const refusal = handoverRefusal(this.plumbing, isRead)
    if (refusal !== null) throw refusal
  }

  /**
   * Goes on with another reader and another writer on the same duplex, all in one turn.
   *
   * @param begin makes them the connection's own.
   * @throws {QbpError} as `goOn` of a connection; nothing has changed then.
   */
  change(ports: Ports, settings: ConnectionSettings, begin: () => void): void {
    this.#checkIdle()
    const isBroken = this.connection.reader.destroyed && !this.plumbing.isReaderEnded
    if (isBroken || this.connection.writer.writableEnded)
      throw new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed or the writer has ended: nothing can go on.')
    if (this.calls?.isIdle === false) throw new QbpError('ERR_QBP_BUSY', 'Calls are under way: let them finish first.')
    this.#deadlines.stop()
    const calls = settings.calls === null ? null : new ConnectionCalls(settings, settings.calls, ports, this)
    const intake = calls?.sorter ?? ports.reader
    const past = new Counts()
    this.addTo(past)
    past.queuedBytes = 0
    const [reader, { writer }, before] = [this.intake, this.connection, this.calls]
    this.plumbing.change(intake, ports.writer)
    this.#settings = settings
    this.#reader = ports.reader
    this.#writer = ports.writer
    this.intake = intake
    this.calls = calls
    this.#ledger = new Ledger(ports.reader, ports.writer, calls, past)
    begin()
    before?.gone(new QbpError('ERR_QBP_CLOSED', 'The connection has gone on in another protocol.'))
    reader.conclude()
    writer.end()
    this.#deadlines = new Deadlines(this, settings)
    if (!this.plumbing.isReaderEnded && !this.isClosing) this.#deadlines.start()
  }

  /** Takes the duplex off reader and writer. */
  async release(timeoutMs: number): Promise<Duplex> {
    this.#checkIdle()
    this.#deadlines.stop()
    return handOver(this, timeoutMs)
  }

  /** Goes on with another duplex. */
  go(duplex: Duplex): void {
    this.plumbing.go(duplex)
    if (!this.plumbing.isReaderEnded) this.#deadlines.start()
  }

  /** The duplex is another's, and what was decided before matters no more. */
  leave(): void {
    this.life.close()
    this.life.forgive()
    this.#reader.conclude()
    this.connection.writer.destroy()
    this.finish()
  }

  // ---- counting

  addTo(sum: Counts): void {
    this.#ledger.addTo(sum)
    sum.queuedBytes += this.queuedBytes
  }

  // ---- for the plumbing

  heard(): void {
    this.#deadlines.heard()
  }

  blocked(): void {
    this.#deadlines.blocked()
  }

  /** No answer to a heartbeat can come, either; this side may go on. */
  peerEnded(): void {
    this.#deadlines.stopHearing()
    this.life.later(this.#settings.halfOpenTimeoutMs, () => this.#end(GRACE_MS))
    this.#closer.settle()
    this.#closer.watchTls(() => this.destroy(lost(this.queuedBytes, ': the peer has gone')))
    this.connection.emit('ended')
  }

  duplexFailed(fault: Error): void {
    this.life.decide(fault)
    this.#fail(fault)
  }

  allSent(): void {
    this.#closer.settle()
    if (this.life.phase === 'closing') this.#closer.linger()
  }

  duplexClosed(): void {
    if (this.queuedBytes > 0) this.life.decide(lost(this.queuedBytes))
    if (!this.plumbing.isReaderEnded) this.#fail(this.#decideCut())
    this.finish()
  }

  /** The duplex closed under the connection, before its peer has ended. */
  #decideCut(): QbpError {
    const cut = new QbpError('ERR_QBP_CLOSED', 'The connection closed before the peer had ended.')
    if (!this.plumbing.isReaderEnded && this.life.phase === 'open') this.life.decide(cut)
    return cut
  }

  /** This side may say to the peer what was wrong, and is destroyed if it does not close by itself. */
  readerClosed(fault: Error | null): void {
    if (fault !== null) this.life.decide(fault)
    this.#deadlines.stopHearing()
    this.plumbing.drop()
    if (fault !== null && !this.isClosing) this.life.later(this.#settings.lingerMs, () => this.destroy(fault))
  }

  /** A source piped into it brought no message, or a group found it too slow. */
  writerDestroyed(fault: Error | null): void {
    if (fault !== null) this.destroy(fault)
  }

  refused(fault: unknown): void {
    this.#ledger.refused(fault)
  }

  /** A bug of this side: nothing more is said to the peer. The server reports it, or `closed`; else nobody would hear of it. */
  listenerThrew(error: Error): void {
    this.destroy(error)
    const { owner } = this.#settings
    if (owner !== undefined) owner.threw(error, this.connection)
    else if (!this.life.isAwaited) warnOf(error, 'A listener of a connection threw')
  }

  // ---- for the calls

  /** A handler of calls has failed, not by a CallError: its call has ended, and the connection goes on. */
  report(error: unknown): void {
    const { owner } = this.#settings
    const fault = error instanceof Error ? error : new Error(`A handler threw ${String(error)}.`, { cause: error })
    if (owner !== undefined) owner.threw(fault, this.connection)
    else warnOf(fault, 'A handler of calls threw')
  }

  // ---- for the deadlines

  beat(): boolean {
    return this.#settings.beat?.send(this.#writer, this.connection.writer) ?? false
  }

  missed(fault: QbpError): void {
    this.destroy(fault)
  }
}
