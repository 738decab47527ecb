import type { Duplex } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { errorOf } from '../base/thrown.ts'
import { nextTick } from '../event-loop/timers.ts'
import { Counts } from '../stats/counts.ts'
import type { QbpReadable } from '../streams/readable.ts'
import type { QbpWritable } from '../streams/writable.ts'
import { Closer, emitsClose } from './closer.ts'
import { Conversation, type Ports } from './conversation.ts'
import { type ReportedConnection, reportClose, reportOpen, warnOf } from './diagnostics.ts'
import { checkChange, checkHandover, handOver } from './handover.ts'
import { Lifecycle } from './lifecycle.ts'
import { Plumbing, type PlumbingUser } from './plumbing.ts'
import { lost } from './sending.ts'
import { type ConnectionSettings, GRACE_MS } from './settings.ts'
import type { Watched } from './watched.ts'

/** The connection that a core is the inside of. */
export interface ConnectionShell extends ReportedConnection {
  readonly reader: QbpReadable<never, never>
  readonly writer: QbpWritable<never, never>
  emit(event: 'ended'): boolean
}

/** The inside of a connection: what its duplex, its reader, its writer and its deadlines report comes together here. */
export class ConnectionCore implements PlumbingUser, Watched {
  readonly connection: ConnectionShell
  /** Made by `life` when somebody asks for `closed`, or with the first step to the end. */
  #life: Lifecycle | null = null
  readonly plumbing: Plumbing
  /** Made by `closer` with the first step to the end. */
  #closer: Closer | null = null
  /** The one in the protocol that it speaks now. */
  conversation: Conversation

  constructor(connection: ConnectionShell, duplex: Duplex, ports: Ports, settings: ConnectionSettings) {
    this.connection = connection
    this.conversation = new Conversation(settings, ports, this)
    this.plumbing = new Plumbing(duplex, this.conversation, this)
    if (!duplex.destroyed && !emitsClose(duplex)) this.closer.look()
  }

  get life(): Lifecycle {
    this.#life ??= new Lifecycle()
    return this.#life
  }

  get closer(): Closer {
    this.#closer ??= new Closer(this.life, this.plumbing, this.conversation.settings.lingerMs)
    return this.#closer
  }

  /** To be called once the connection stands. */
  open(): void {
    if (this.plumbing.duplex.destroyed) return
    this.conversation.greet()
    this.conversation.watch()
    reportOpen(this.connection, this.conversation.settings.role ?? null)
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
    return (this.conversation.written?.queued ?? 0) + this.plumbing.duplex.writableLength
  }

  // ---- how it ends

  close(graceMs: number): void {
    this.conversation.deadlines.stop()
    if (this.plumbing.duplex.destroyed) this.#decideCut()
    this.plumbing.discard()
    this.#end(graceMs)
  }

  /** Sends what was written, and ends this side; what the reader has stays its own. */
  #end(graceMs: number): void {
    const { duplex } = this.plumbing
    if (duplex.destroyed) this.closer.expect()
    else if (this.life.close()) {
      if (this.conversation.calls === null) this.#endWriting()
      else this.conversation.calls.drain(() => this.#endWriting())
    }
    this.life.later(graceMs, () => {
      const why = ` within ${graceMs} ms, which is graceMs`
      if (this.plumbing.duplex.writableFinished) this.closer.destroy()
      else if (this.conversation.calls?.isIdle === false)
        this.destroy(new QbpError('ERR_QBP_CLOSED', `Calls under way were not done${why}.`, { limit: graceMs }))
      else this.destroy(lost(this.queuedBytes, why, graceMs))
    })
  }

  #endWriting(): void {
    this.connection.writer.end()
    if (this.plumbing.duplex.writableFinished) this.closer.linger() // The writer had ended before.
  }

  destroy(error?: Error): void {
    if (this.life.isOver) return
    this.life.close()
    this.life.decide(error ?? null)
    this.closer.abort()
    const fault = error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.')
    this.conversation.calls?.gone(fault)
    const { reader } = this.connection
    if (!reader.readableEnded) reader.destroy(fault)
    this.conversation.writer.fail(fault)
  }

  /** The reader ends after what has come whole; the peer's end is not waited for as long as otherwise. */
  conclude(): void {
    this.closer.hurry()
    if (this.plumbing.isReaderEnded || this.connection.reader.destroyed) return
    this.conversation.deadlines.stop()
    this.plumbing.conclude()
    this.conversation.calls?.drain(() => {})
  }

  /** The duplex has failed or closed: the reader fails after what it brought, and nothing more can be sent. */
  #fail(fault: Error): void {
    if (!this.plumbing.isReaderEnded) this.conversation.intake.fail(fault)
    this.conversation.calls?.gone(fault)
    this.conversation.writer.fail(fault)
  }

  finish(): void {
    const isFirst = this.life.end((outcome) => {
      this.conversation.closed(outcome)
      this.conversation.settings.owner?.closed(this.connection)
      reportClose(this.connection, outcome)
    })
    if (!isFirst) return
    this.conversation.calls?.gone(this.life.outcome)
    this.conversation.deadlines.stop()
    this.connection.writer.destroy()
    if (!this.plumbing.isPeerEnded) this.connection.emit('ended')
  }

  // ---- handing the duplex on

  /**
   * Goes on with another reader and another writer on the same duplex, all in one turn.
   *
   * @param begin makes them the connection's own.
   * @throws {QbpError} as `goOn` of a connection; nothing has changed then.
   */
  change(ports: Ports, settings: ConnectionSettings, begin: () => void): void {
    checkHandover(this, this.conversation.reader.waiting)
    checkChange(this)
    this.conversation.deadlines.stop()
    const past = new Counts()
    this.conversation.addTo(past)
    const [before, { writer }] = [this.conversation, this.connection]
    this.conversation = new Conversation(settings, ports, this, past)
    this.plumbing.change(this.conversation)
    begin()
    before.leave()
    writer.end()
    this.conversation.greet()
    if (this.plumbing.isReaderEnded || this.isClosing) this.conversation.deadlines.stop()
    else this.conversation.watch()
  }

  /** Takes the duplex off reader and writer. */
  async release(timeoutMs: number): Promise<Duplex> {
    checkHandover(this, this.conversation.reader.waiting)
    this.conversation.deadlines.stop()
    return handOver(this, timeoutMs)
  }

  /** Goes on with another duplex. */
  go(duplex: Duplex): void {
    this.plumbing.go(duplex)
    if (!this.plumbing.isReaderEnded) this.conversation.watch()
  }

  /** The duplex is another's, and what was decided before matters no more. */
  leave(): void {
    this.life.close()
    this.life.forgive()
    this.conversation.reader.conclude()
    this.connection.writer.destroy()
    this.finish()
  }

  // ---- counting

  addTo(sum: Counts): void {
    this.conversation.addTo(sum)
    sum.queuedBytes += this.queuedBytes
  }

  // ---- for the plumbing

  /** No answer to a heartbeat can come, either; this side may go on. */
  peerEnded(): void {
    this.conversation.deadlines.stopHearing()
    this.life.later(this.conversation.settings.halfOpenTimeoutMs, () => this.#end(GRACE_MS))
    this.closer.settle()
    this.closer.watchTls(() => this.destroy(lost(this.queuedBytes, ': the peer has gone')))
    this.connection.emit('ended')
  }

  duplexFailed(fault: Error): void {
    this.life.decide(fault)
    this.#fail(fault)
  }

  allSent(): void {
    this.closer.settle()
    if (this.life.phase === 'closing') this.closer.linger()
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
    this.conversation.deadlines.stopHearing()
    this.plumbing.drop()
    if (fault !== null && !this.isClosing)
      this.life.later(this.conversation.settings.lingerMs, () => this.destroy(fault))
  }

  /** A source piped into it brought no message, or a group found it too slow. */
  writerDestroyed(fault: Error | null): void {
    if (fault !== null) this.destroy(fault)
  }

  /** A bug of this side: nothing more is said to the peer. The server reports it, or `closed`; else nobody would hear of it. */
  listenerThrew(error: Error): void {
    this.destroy(error)
    this.#blame(error, 'A listener of a connection', this.life.isAwaited)
  }

  #blame(error: Error, thrower: string, isHeardOf: boolean): void {
    const { owner } = this.conversation.settings
    if (owner !== undefined) owner.threw(error, this.connection)
    else if (!isHeardOf) warnOf(error, `${thrower} threw`)
  }

  // ---- for the calls

  /**
   * A handler of calls has failed, not by a CallError: its call has ended, and the connection goes on. In a tick of its own: what a
   * listener of this throws is no other call's to trip over.
   */
  report(error: unknown): void {
    nextTick(() => this.#blame(errorOf(error, 'A handler'), 'A handler of calls', false))
  }

  // ---- for the deadlines

  beat(): boolean {
    return this.conversation.settings.beat?.send(this.conversation.writer, this.connection.writer) ?? false
  }
}
