import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { QbpError } from '../base/errors.ts'
import { milliseconds } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { type ReaderPort, readerPort, type WriterPort, writerPort } from '../streams/ports.ts'
import { QbpReadable } from '../streams/readable.ts'
import { QbpWritable } from '../streams/writable.ts'
import { Deadlines, type Watched } from './deadlines.ts'
import { reportClose, reportOpen } from './diagnostics.ts'
import { handOver, handoverRefusal } from './handover.ts'
import { Lifecycle } from './lifecycle.ts'
import { Plumbing, type PlumbingUser } from './plumbing.ts'
import { type CloseOptions, type ConnectionOptions, ConnectionSettings } from './settings.ts'
import { addCounts, type ConnectionStats, Counts, Faults } from './stats.ts'
import { timer } from './timer.ts'
import { handshakeTimeout, type TlsOptions, upgrade } from './tls.ts'

const GRACE_MS = 10_000
/** How long a server that closes waits for the end of a peer from which nothing came since. */
const QUIET_LINGER_MS = 200

/**
 * A reader and a writer on one duplex, and the rules by which they end.
 *
 * End, truncation and abort are three outcomes: a clean end is null for the reader and in `closed`; a cut inside a frame
 * is ERR_QBP_TRUNCATED; an abort is the socket's own error, such as ECONNRESET.
 */
export class QbpConnection<P extends Protocol = Protocol, R extends Role = Role> implements AsyncDisposable {
  readonly reader: QbpReadable<P, R>
  readonly writer: QbpWritable<P, R>
  readonly #settings: ConnectionSettings
  readonly #reader: ReaderPort
  readonly #writer: WriterPort
  readonly #plumbing: Plumbing
  readonly #deadlines: Deadlines
  readonly #life = new Lifecycle()
  /** How long the peer's end is waited for once this side has ended. */
  #lingerMs: number
  #faults: Faults | null = null
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, duplex: Duplex, options?: ConnectionOptions<R>)
  /** @internal */
  constructor(protocol: P, duplex: Duplex, options?: ConnectionOptions<R> | ConnectionSettings)
  constructor(protocol: P, duplex: Duplex, options: ConnectionOptions<R> | ConnectionSettings = {}) {
    const settings = options instanceof ConnectionSettings ? options : new ConnectionSettings(protocol, options)
    this.#settings = settings
    this.#lingerMs = settings.lingerMs
    this.reader = new QbpReadable(protocol, settings.reader)
    this.writer = new QbpWritable(protocol, settings.writer)
    this.#reader = this.reader[readerPort]
    this.#writer = this.writer[writerPort]
    const inside = new QbpConnection.#Inside(this)
    this.#deadlines = new Deadlines(inside, settings)
    this.#plumbing = new Plumbing(duplex, this.#reader, this.#writer, inside)
    if (duplex.destroyed) return
    this.#deadlines.start()
    reportOpen(this, settings.role ?? null)
  }

  /** Resolves when the duplex has closed: with null after a clean end, else with the fault. Never rejects. */
  get closed(): Promise<Error | null> {
    return this.#life.closed
  }

  /** The duplex beneath; after `startTls` the TLSSocket. */
  get socket(): Socket & TLSSocket {
    return this.#plumbing.duplex as Socket & TLSSocket
  }

  /** The certificate that the peer has shown, where the connection speaks TLS and it has shown one. */
  get peerCertificate(): PeerCertificate | null {
    const certificate = this.socket.getPeerCertificate?.()
    return certificate === undefined || certificate === null || Object.keys(certificate).length === 0
      ? null
      : certificate
  }

  /** Whether `close`, `destroy` or the peer has put an end to it. */
  get closing(): boolean {
    return this.#life.phase !== 'open' || this.#plumbing.duplex.destroyed
  }

  /**
   * Sends what was written, ends this side, and resolves as `closed` does. The reader ends at once: what has come and was not
   * read yet is dropped, as is what still comes.
   *
   * A peer that takes longer than `graceMs` to take what was written is aborted: `closed` is then ERR_QBP_CLOSED.
   */
  close({ graceMs }: CloseOptions = {}): Promise<Error | null> {
    const grace = milliseconds('graceMs', graceMs, GRACE_MS)
    this.#deadlines.stop()
    this.#plumbing.discard()
    if (!this.#plumbing.duplex.destroyed && this.#life.close()) {
      this.writer.end()
      if (this.#plumbing.duplex.writableFinished) this.#linger() // The writer had ended before.
    }
    this.#life.later(grace, () => {
      if (this.#plumbing.duplex.writableFinished) return
      const { queuedBytes } = this.stats()
      this.destroy(
        new QbpError('ERR_QBP_CLOSED', `${queuedBytes} bytes could not be sent within ${grace} ms, which is graceMs.`, {
          limit: grace,
        }),
      )
    })
    return this.closed
  }

  /**
   * Aborts at once: what was not sent is lost, and what has come is not handed out any more. Over TCP the peer sees a reset; over TLS and others it may see an end.
   *
   * @param error what reading calls reject with and `closed` resolves with; without one that is ERR_QBP_CLOSED and null.
   */
  destroy(error?: Error): void {
    const life = this.#life
    if (life.phase === 'ended' || life.phase === 'settled') return
    life.close()
    life.decide(error ?? null)
    const duplex = this.#plumbing.duplex as Socket
    // A socket beneath TLS is not to be reset: with a write under way Node 20 dies of it (SIGSEGV).
    const isTcp =
      typeof duplex.resetAndDestroy === 'function' && duplex.remoteFamily !== undefined && !('encrypted' in duplex)
    // While a FIN is under way libuv refuses a reset (EINVAL), and Node then never closes the socket.
    const ending = duplex.writableEnded && !duplex.writableFinished && duplex.writableLength === 0
    if (isTcp && !duplex.destroyed && !ending) duplex.resetAndDestroy()
    else duplex.destroy()
    const fault = error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.')
    if (!this.reader.readableEnded) this.reader.destroy(fault)
    this.#writer.fail(fault)
  }

  /**
   * Goes on in TLS: first sends what was written, then gives every byte after the last message handed out to TLS. The
   * reader and the writer stay the same objects; `socket` becomes the TLSSocket.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_TLS with Node's own error as its cause;
   * ERR_QBP_HANDSHAKE_TIMEOUT; ERR_QBP_CLOSED. But for the first the connection is destroyed then.
   */
  async startTls(options: TlsOptions = {}): Promise<void> {
    const { role, handshakeTimeoutMs } = this.#settings
    if (role === undefined)
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        "TLS has a client and a server: make the connection with role: 'client' or 'server'.",
      )
    const plain = await this.#release(handshakeTimeoutMs)
    let secure: Duplex
    try {
      secure = await upgrade(plain, role, options, handshakeTimeoutMs)
    } catch (error) {
      const fault = this.#life.outcome ?? (error as Error)
      this.destroy(fault) // A handshake that could not even begin has left the duplex open.
      this.#finish()
      throw fault
    }
    this.#plumbing.go(secure)
    if (!this.#plumbing.isReaderEnded) this.#deadlines.start()
  }

  /**
   * Gives the duplex back, for another protocol to go on with: paused, every byte after the last message handed out in
   * front again, all that was written sent. The connection is over then, and `closed` null.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_CLOSED, or its fault, if the connection is over.
   */
  async detach(): Promise<Duplex> {
    const duplex = await this.#release(Number.POSITIVE_INFINITY)
    this.#life.close()
    this.#life.forgive()
    this.#reader.conclude()
    this.writer.destroy()
    this.#finish()
    return duplex
  }

  /** What went over it so far; also once it is closed. */
  stats(): ConnectionStats {
    const counts = new Counts()
    this[addCounts](counts)
    return counts.stats()
  }

  /**
   * Adds what it has counted to a sum: that of its server, all of whose connections have one table.
   *
   * @internal
   */
  [addCounts](sum: Counts): void {
    const { tally, skipped } = this.#reader
    sum.in.add(tally)
    sum.out.add(this.#writer.tally)
    sum.skipped.unknown += skipped.unknown
    sum.skipped.invalid += skipped.invalid
    if (this.#faults !== null) sum.faults.add(this.#faults)
    sum.queuedBytes += this.#writer.queued + this.#plumbing.duplex.writableLength
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The reader ends after what has come whole. A server that closes calls this; its handler then finishes. */
  conclude(): void {
    this.#lingerMs = Math.min(QUIET_LINGER_MS, this.#lingerMs)
    if (this.#plumbing.isReaderEnded || this.reader.destroyed) return
    this.#deadlines.stop()
    this.#plumbing.conclude()
  }

  // ---- how it ends

  /** Takes the duplex off reader and writer, to be handed on. */
  async #release(timeoutMs: number): Promise<Duplex> {
    if (this.closing) throw new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    const refusal = handoverRefusal(this.#plumbing, this.#reader.waiting || this.reader.readableLength > 0)
    if (refusal !== null) throw refusal
    this.#deadlines.stop()
    const late = timer(timeoutMs, () => this.destroy(handshakeTimeout(timeoutMs)))
    try {
      return await handOver(this.#plumbing, () => {
        if (!this.closing) return null
        return this.#life.outcome ?? new QbpError('ERR_QBP_CLOSED', 'The connection closed before all was sent.')
      })
    } finally {
      clearTimeout(late)
    }
  }

  /** All is sent, and the peer may still send: what comes is dropped, for so long. */
  #linger(): void {
    const lingerMs = this.#plumbing.hasDropped ? this.#settings.lingerMs : this.#lingerMs
    this.#life.later(lingerMs, () => this.#plumbing.duplex.destroy())
  }

  /** The duplex has failed or closed: the reader fails after what it brought, and nothing more can be sent. */
  #fail(fault: Error): void {
    if (!this.#plumbing.isReaderEnded) this.#reader.fail(fault)
    this.#writer.fail(fault)
  }

  #finish(): void {
    const isFirst = this.#life.end((outcome) => {
      if (outcome !== null && outcome !== this.#refusal) this.#count(outcome)
      this.#settings.over?.(this)
      reportClose(this, outcome)
    })
    if (!isFirst) return
    this.#deadlines.stop()
    this.writer.destroy()
  }

  #count(fault: unknown): void {
    this.#faults ??= new Faults()
    this.#faults.count(fault)
  }

  /** What its plumbing and its deadlines see of it. */
  static readonly #Inside = class implements PlumbingUser, Watched {
    readonly connection: QbpConnection

    constructor(connection: QbpConnection<never, never>) {
      this.connection = connection as unknown as QbpConnection
    }

    heard(): void {
      this.connection.#deadlines.heard()
    }

    /** The peer can send nothing more, no answer to a heartbeat either; this side may go on. */
    ended(): void {
      this.connection.#deadlines.stop()
    }

    failed(fault: Error): void {
      this.connection.#life.decide(fault)
      this.connection.#fail(fault)
    }

    finished(): void {
      if (this.connection.#life.phase === 'closing') this.connection.#linger()
    }

    closed(): void {
      const { connection } = this
      if (!connection.#plumbing.isReaderEnded) {
        const cut = new QbpError('ERR_QBP_CLOSED', 'The connection closed before the peer had ended.')
        if (connection.#life.phase === 'open') connection.#life.decide(cut)
        connection.#fail(cut)
      }
      connection.#finish()
    }

    /** This side may say to the peer what was wrong, and is destroyed if it does not close by itself. */
    readerClosed(fault: Error | null): void {
      const { connection } = this
      if (fault !== null) connection.#life.decide(fault)
      connection.#deadlines.stop()
      connection.#plumbing.drop()
      if (fault !== null && !connection.closing)
        connection.#life.later(connection.#settings.lingerMs, () => connection.destroy(fault))
    }

    /** A source piped into it brought no message, or a group found it too slow. */
    writerDestroyed(fault: Error | null): void {
      if (fault !== null) this.connection.destroy(fault)
    }

    refused(fault: unknown): void {
      this.connection.#refusal = fault
      this.connection.#count(fault)
    }

    get waiting(): boolean {
      return this.connection.#reader.waiting
    }
    get frames(): { readonly index: number; readonly pending: number } {
      return this.connection.#reader.frames
    }

    isPaused(): boolean {
      return this.connection.#plumbing.duplex.isPaused()
    }

    beat(): void {
      const { beat } = this.connection.#settings
      const { writer } = this.connection
      if (beat === null || !writer.writable || writer.writableNeedDrain) return
      this.connection.#writer.frame(beat.frame, beat.entry, beat.message)
    }

    missed(fault: QbpError): void {
      this.connection.destroy(fault)
    }
  }
}
