import type { Socket } from 'node:net'
import { Duplex, Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { Deadlines, timer } from './deadline.ts'
import { closed, opened } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import { milliseconds } from './limits.ts'
import { type ReaderPort, readerPort, type WriterPort, writerPort } from './ports.ts'
import type { Protocol } from './protocol.ts'
import { QbpReadable } from './readable.ts'
import { type CloseOptions, ConnectionLimits, type ConnectionOptions, pingOf } from './settings.ts'
import type { Role } from './table.ts'
import { Faults, Tally, type Traffic } from './tally.ts'
import { handshakeTimeout, type TlsOptions, upgrade } from './tls.ts'
import { QbpWritable } from './writable.ts'

/** What went over a connection so far. A copy: it does not change. */
export interface ConnectionStats {
  /** Messages handed out to whoever reads, the skipped ones included. */
  messagesIn: number
  messagesOut: number
  /** Bytes of whole frames. */
  bytesIn: number
  bytesOut: number
  /** Bytes written that the operating system has not taken yet. */
  queuedBytes: number
  /** The same messages and bytes by message name; frames of a type that no table lists count as `(unlisted)`. */
  byName: { in: Record<string, Traffic>; out: Record<string, Traffic> }
  /** Messages that were dropped because the protocol's `unknown` or `invalid` is 'skip'. */
  skipped: { unknown: number; invalid: number }
  /** How often which fault came, by its `code`, or by its class where it has none: what ended a connection, and messages refused on write. */
  faults: Record<string, number>
}

/** What stats() is made of: of one connection, or summed up for a server. */
export class Counts {
  readonly in: Tally = new Tally()
  readonly out: Tally = new Tally()
  readonly skipped = { unknown: 0, invalid: 0 }
  readonly faults: Faults = new Faults()
  queuedBytes = 0

  add(counts: Counts): void {
    this.in.add(counts.in)
    this.out.add(counts.out)
    this.skipped.unknown += counts.skipped.unknown
    this.skipped.invalid += counts.skipped.invalid
    this.faults.add(counts.faults)
    this.queuedBytes += counts.queuedBytes
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
      faults: this.faults.byCode(),
    }
  }
}

/** The way to add what a connection has counted to a sum. */
export const addCounts = Symbol('qbp.addCounts')

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
  /** Resolves when the duplex has closed: with null after a clean end, else with the fault. Never rejects. */
  readonly closed: Promise<Error | null>
  readonly #role: Role | undefined
  readonly #limits: ConnectionLimits
  readonly #deadlines: Deadlines
  readonly #reader: ReaderPort
  readonly #writer: WriterPort
  #duplex: Duplex
  /** What `closed` will tell; undefined until something has decided it. */
  #outcome: Error | null | undefined
  #settle: (outcome: Error | null) => void = () => {}
  #closing = false
  #ended = false
  #detached = false
  /** `startTls` or `detach` is under way. */
  #moving = false
  /** Bytes came that nobody will read. */
  #dropped = false
  #quiet = false
  readonly #faults = new Faults()
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown
  #opened = false
  readonly #timers: (NodeJS.Timeout | undefined)[] = []

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, duplex: Duplex, options: ConnectionOptions<R> = {}) {
    this.#limits = new ConnectionLimits(options)
    this.reader = new QbpReadable(protocol, options)
    this.writer = new QbpWritable(protocol, options)
    const reader = this.reader[readerPort]
    const writer = this.writer[writerPort]
    this.#reader = reader
    this.#writer = writer
    this.#role = options.role
    const ping = pingOf(writer, options)
    this.#deadlines = new Deadlines(
      {
        get waiting() {
          return reader.waiting
        },
        frames: reader.frames,
        isPaused: () => this.#duplex.isPaused(),
        beat: () => {
          if (ping === null || !this.writer.writable || this.writer.writableNeedDrain) return
          const message = options.heartbeat?.message
          writer.frame(ping, message && writer.table.entryOf(message), message)
        },
        missed: (fault) => this.destroy(fault),
      },
      this.#limits,
    )
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    reader.own(this)
    writer.own(this, (refusal) => {
      this.#refusal = refusal
      this.#faults.count(refusal)
    })
    this.reader.on('error', (fault) => this.#faulted(fault))
    this.reader.on('close', () => this.#drop())
    // A fault of the writer alone: a source piped into it that brought no message, a group that found it too slow.
    this.writer.on('error', (fault) => this.destroy(fault))
    this.writer.on('close', () => {
      // Destroyed by its user, it ends nothing by itself.
      if (!this.writer.readableEnded && !this.#moving) this.#duplex.end()
    })
    this.#duplex = duplex
    this.#plumb()
    if (duplex.destroyed) return
    this.#opened = true
    opened(this, options.role ?? null)
  }

  /** The duplex beneath; after `startTls` the TLSSocket. */
  get socket(): Socket & TLSSocket {
    return this.#duplex as Socket & TLSSocket
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
    return this.#closing || this.#duplex.destroyed
  }

  /**
   * Sends what was written, ends this side, reads and drops what still comes, and resolves as `closed` does.
   *
   * A peer that takes longer than `graceMs` to take what was written is aborted: `closed` is then ERR_QBP_CLOSED.
   */
  close({ graceMs }: CloseOptions = {}): Promise<Error | null> {
    const grace = milliseconds('graceMs', graceMs, GRACE_MS)
    if (!this.closing) {
      this.#closing = true
      this.#conclude()
      this.writer.end()
    }
    if (!this.#ended) {
      this.#later(grace, () => {
        if (this.#duplex.writableFinished) return
        const { queuedBytes } = this.stats()
        this.destroy(
          new QbpError(
            'ERR_QBP_CLOSED',
            `${queuedBytes} bytes could not be sent within ${grace} ms, which is graceMs.`,
            { limit: grace },
          ),
        )
      })
    }
    return this.closed
  }

  /**
   * Aborts at once: what was not sent is lost. Over TCP the peer is told by a reset; over TLS and others it may see an end.
   *
   * @param error is what the reader and `closed` tell; without one that is ERR_QBP_CLOSED and null.
   */
  destroy(error?: Error): void {
    if (this.#ended) return
    this.#closing = true
    this.#decide(error ?? null)
    const duplex = this.#duplex as Socket
    // A socket beneath TLS is not to be reset: with a write under way Node 20 dies of it (SIGSEGV).
    const isTcp =
      typeof duplex.resetAndDestroy === 'function' && duplex.remoteFamily !== undefined && !('encrypted' in duplex)
    // While a FIN is under way libuv refuses a reset (EINVAL), and Node then never closes the socket.
    const ending = duplex.writableEnded && !duplex.writableFinished && duplex.writableLength === 0
    if (isTcp && !duplex.destroyed && !ending) duplex.resetAndDestroy()
    else duplex.destroy()
    this.#fail(error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.'))
  }

  /**
   * Goes on in TLS: first sends what was written, then gives every byte behind the last message handed out to TLS. The
   * reader and the writer stay the same objects; `socket` becomes the TLSSocket.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_TLS with Node's own error as its cause;
   * ERR_QBP_HANDSHAKE_TIMEOUT; ERR_QBP_CLOSED. But for the first the connection is destroyed then.
   */
  async startTls(options: TlsOptions = {}): Promise<void> {
    if (this.#role === undefined)
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        "TLS has a client and a server: make the connection with role: 'client' or 'server'.",
      )
    const { handshakeTimeoutMs } = this.#limits
    const plain = await this.#unplumb(handshakeTimeoutMs)
    try {
      this.#duplex = await upgrade(plain, this.#role, options, handshakeTimeoutMs)
    } catch (error) {
      const fault = this.#outcome ?? (error as Error)
      this.destroy(fault) // A handshake that could not even begin has left the duplex open.
      this.#finish()
      throw fault
    }
    this.#moving = false
    this.#plumb()
  }

  /**
   * Gives the duplex back, for a protocol that goes on in another language: paused, every byte behind the last message
   * handed out in front again, all that was written sent. The connection is over then, and `closed` null.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_CLOSED, or its fault, if the connection is over.
   */
  async detach(): Promise<Duplex> {
    const duplex = await this.#unplumb(Number.POSITIVE_INFINITY)
    this.#detached = true
    this.#closing = true
    this.#reader.conclude()
    this.writer.destroy()
    this.#finish()
    return duplex
  }

  /** What went over it so far. It may be asked when it is closed, too. */
  stats(): ConnectionStats {
    const counts = new Counts()
    this[addCounts](counts)
    return counts.stats()
  }

  /**
   * Adds what it has counted to a sum: a server's, which no connection of another table may join.
   *
   * @internal
   */
  [addCounts](sum: Counts): void {
    const { tally, skipped } = this.#reader
    sum.in.add(tally)
    sum.out.add(this.#writer.tally)
    sum.skipped.unknown += skipped.unknown
    sum.skipped.invalid += skipped.invalid
    sum.faults.add(this.#faults)
    sum.queuedBytes += this.#writer.queued + this.#duplex.writableLength
  }

  /** As `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The reader ends after what has come whole. A server that closes calls this; its handler then finishes. */
  conclude(): void {
    this.#quiet = true
    this.#conclude()
  }

  // ---- the plumbing

  #plumb(): void {
    const duplex = this.#duplex
    duplex.on('error', this.#onError)
    duplex.on('close', this.#onClose)
    duplex.on('finish', this.#onFinish)
    duplex.on('end', this.#onEnd)
    if (duplex.destroyed) {
      process.nextTick(this.#onClose) // It was closed before it came here, or in the turn in which its handshake was done.
      return
    }
    if (this.#concluded) duplex.resume()
    else {
      duplex.pipe(this.reader)
      this.#deadlines.start()
    }
    duplex.on('data', this.#onData) // Behind the pipe: by now the reader has seen the bytes.
    this.writer.pipe(duplex)
  }

  /** Takes reader and writer off the duplex, with all that was written sent and all that was not read put back. */
  async #unplumb(timeoutMs: number): Promise<Duplex> {
    const duplex = this.#duplex
    if (this.closing) throw new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    if (this.#moving) throw new QbpError('ERR_QBP_BUSY', 'Another startTls or detach is under way.')
    if (this.#reader.waiting || this.reader.readableLength > 0) {
      throw new QbpError(
        'ERR_QBP_BUSY',
        'Somebody reads from the connection, or messages were decoded that nobody took: pause first.',
      )
    }
    this.#moving = true
    this.#deadlines.stop()
    duplex.unpipe(this.reader)
    duplex.off('data', this.#onData)
    duplex.pause()
    this.#writer.flush()
    this.writer.unpipe(duplex)
    for (let chunk = this.writer.read(); chunk !== null; chunk = this.writer.read()) duplex.write(chunk)
    await this.#sent(duplex, timeoutMs)
    duplex.off('error', this.#onError)
    duplex.off('close', this.#onClose)
    duplex.off('finish', this.#onFinish)
    duplex.off('end', this.#onEnd)
    const rest = this.#reader.rest()
    if (rest.length === 0) return duplex
    if (!duplex.readableEnded) {
      duplex.unshift(rest)
      return duplex
    }
    return Duplex.from({ readable: Readable.from([rest]), writable: duplex }) // Nothing can be put back behind an end.
  }

  /** Waits until the operating system has all: TLS would overtake what the socket itself still holds. */
  async #sent(duplex: Duplex, timeoutMs: number): Promise<void> {
    const late = timer(timeoutMs, () => this.destroy(handshakeTimeout(timeoutMs)))
    try {
      // A write of nothing would tell by its callback, but a WebSocket sends it as a message.
      for (let ms = 1; duplex.writableLength > 0 && !duplex.destroyed; ms = Math.min(2 * ms, 50)) await wait(ms)
    } finally {
      clearTimeout(late)
    }
    if (duplex.destroyed || this.closing) {
      throw this.#outcome ?? new QbpError('ERR_QBP_CLOSED', 'The connection closed before all was sent.')
    }
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#concluded) this.#dropped ||= chunk.length > 0
    else this.#deadlines.heard()
  }

  /** The peer has ended and can send nothing more, no answer to a heartbeat either; this side may go on. */
  readonly #onEnd = (): void => {
    this.#deadlines.stop()
  }

  readonly #onError = (error: Error): void => {
    this.#decide(error)
    this.#fail(error)
  }

  readonly #onFinish = (): void => {
    if (!this.#closing) return
    const { lingerMs } = this.#limits
    const linger = this.#quiet && !this.#dropped ? Math.min(QUIET_LINGER_MS, lingerMs) : lingerMs
    this.#later(linger, () => this.#duplex.destroy())
  }

  readonly #onClose = (): void => {
    if (!this.reader.writableEnded) {
      const cut = new QbpError('ERR_QBP_CLOSED', 'The connection closed before the peer had ended.')
      if (!this.#closing) this.#decide(cut)
      this.#fail(cut)
    }
    this.#finish()
  }

  /** The reader has told a fault. This side may say so to the peer, and is destroyed if it does not close by itself. */
  #faulted(fault: Error): void {
    this.#decide(fault)
    this.#drop()
    if (!this.closing) this.#later(this.#limits.lingerMs, () => this.destroy(fault))
  }

  /** Nothing more comes from the duplex, and nothing more can be sent. */
  #fail(fault: Error): void {
    if (!this.reader.writableEnded) this.#reader.fail(fault)
    this.writer.destroy(fault)
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#deadlines.stop()
    for (const each of this.#timers) clearTimeout(each)
    this.writer.destroy()
    // The reader's fault, a truncation, may be told a tick after the duplex has closed.
    setImmediate(() => {
      const outcome = this.#detached ? null : (this.#outcome ?? null)
      if (outcome !== null && outcome !== this.#refusal) this.#faults.count(outcome)
      this.#settle(outcome)
      if (this.#opened) closed(this, outcome)
    })
  }

  /** The first to say how it ended is right. */
  #decide(outcome: Error | null): void {
    if (this.#outcome === undefined) this.#outcome = outcome
  }

  #later(ms: number, act: () => void): void {
    this.#timers.push(timer(ms, act))
  }

  /** The reader takes nothing more. */
  get #concluded(): boolean {
    return this.reader.writableEnded || this.reader.destroyed
  }

  #conclude(): void {
    if (this.#concluded) return
    const duplex = this.#duplex
    if (!this.#moving) {
      duplex.unpipe(this.reader)
      for (let chunk = duplex.read(); chunk !== null; chunk = duplex.read()) this.reader.write(chunk)
    }
    this.#reader.conclude()
    this.#drop()
  }

  /** Reads on without a reader: unread bytes would turn this side's end into a reset, which takes the last bytes along. */
  #drop(): void {
    this.#deadlines.stop()
    if (this.#moving || this.#duplex.destroyed) return
    this.#duplex.unpipe(this.reader)
    this.#duplex.resume()
  }
}
