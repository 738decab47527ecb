import type { Socket } from 'node:net'
import { Duplex, Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { type DeadlineOptions, Deadlines, milliseconds, timer } from './deadline.ts'
import { closed, opened } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import { type ReaderPort, readerPort, type WriterPort, writerPort } from './ports.ts'
import type { Protocol } from './protocol.ts'
import { QbpReadable, type ReadableOptions } from './readable.ts'
import type { Role } from './table.ts'
import { Faults, Tally, type Traffic } from './tally.ts'
import { HANDSHAKE_TIMEOUT_MS, type TlsOptions, upgrade } from './tls.ts'
import { QbpWritable, type WritableOptions } from './writable.ts'

/** What a connection may be told: what its reader and writer may, and how long things may take. */
export interface ConnectionOptions<R extends Role = Role>
  extends ReadableOptions<R>,
    WritableOptions<R>,
    DeadlineOptions {
  /** After a close, how long bytes of a peer that does not end are read and dropped, in milliseconds. Default: 2 s. */
  lingerMs?: number
  /** How long a TLS handshake may take, in milliseconds. Default: 10 s. */
  handshakeTimeoutMs?: number
}

/** For a close. */
export interface CloseOptions {
  /** How long what was written may take to leave, in milliseconds; what remains then is lost, and said so. Default: 10 s. */
  graceMs?: number
}

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
  readonly #lingerMs: number
  readonly #handshakeTimeoutMs: number
  readonly #deadlines: Deadlines
  readonly #reader: ReaderPort
  readonly #writer: WriterPort
  #duplex: Duplex
  #outcome: Error | null = null
  #settle: (outcome: Error | null) => void = () => {}
  #closing = false
  #ended = false
  #detached = false
  /** Bytes came that nobody will read. */
  #dropped = false
  #quiet = false
  readonly #faults = new Faults()
  /** The last message refused on write; where it then ends the connection it is no second fault. */
  #refusal: unknown
  #opened = false
  #timers: (NodeJS.Timeout | undefined)[] = []

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, duplex: Duplex, options: ConnectionOptions<R> = {}) {
    this.reader = new QbpReadable(protocol, options)
    this.writer = new QbpWritable(protocol, options)
    this.#reader = this.reader[readerPort]
    this.#writer = this.writer[writerPort]
    this.#role = options.role
    this.#lingerMs = milliseconds('lingerMs', options.lingerMs, 2_000)
    this.#handshakeTimeoutMs = milliseconds('handshakeTimeoutMs', options.handshakeTimeoutMs, HANDSHAKE_TIMEOUT_MS)
    this.#deadlines = new Deadlines(this.#reader, options, (fault) => this.destroy(fault))
    this.closed = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.#reader.own(this)
    this.#writer.own(this, (refusal) => {
      this.#refusal = refusal
      this.#faults.count(refusal)
    })
    this.reader.on('error', (fault) => {
      this.#outcome ??= fault
      this.#drop()
    })
    // A fault of the writer alone: a source piped into it that brought no message, a group that found it too slow.
    this.writer.on('error', (fault) => this.destroy(fault))
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
      this.#timers.push(
        timer(grace, () => {
          if (this.#duplex.writableFinished) return
          const { queuedBytes } = this.stats()
          this.destroy(
            new QbpError(
              'ERR_QBP_CLOSED',
              `${queuedBytes} bytes could not be sent within ${grace} ms, which is graceMs.`,
              { limit: grace },
            ),
          )
        }),
      )
    }
    return this.closed
  }

  /**
   * Aborts at once: what was not sent is lost, and over TCP the peer is told by a reset.
   *
   * @param error is what the reader and `closed` tell; without one that is ERR_QBP_CLOSED and null.
   */
  destroy(error?: Error): void {
    if (this.#ended) return
    this.#closing = true
    this.#outcome ??= error ?? null
    const duplex = this.#duplex as Socket
    const isTcp =
      typeof duplex.resetAndDestroy === 'function' && duplex.remoteFamily !== undefined && !('encrypted' in duplex)
    if (isTcp && !duplex.destroyed) duplex.resetAndDestroy()
    else duplex.destroy()
    this.#fail(error ?? new QbpError('ERR_QBP_CLOSED', 'The connection was destroyed on this side.'))
  }

  /**
   * Goes on in TLS: first sends what was written, then gives every byte behind the last message handed out to TLS. The
   * reader and the writer stay the same objects; `socket` becomes the TLSSocket.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads; ERR_QBP_HANDSHAKE_TIMEOUT; or TLS's own error. The connection is
   * destroyed then.
   */
  async startTls(options: TlsOptions = {}): Promise<void> {
    if (this.#role === undefined)
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        "TLS has a client and a server: make the connection with role: 'client' or 'server'.",
      )
    const plain = await this.#unplumb()
    try {
      this.#duplex = await upgrade(plain, this.#role, options, this.#handshakeTimeoutMs)
    } catch (error) {
      this.#outcome ??= error as Error
      plain.destroy()
      this.#fail(error as Error)
      this.#finish()
      throw error
    }
    this.#plumb()
  }

  /**
   * Gives the duplex back, for a protocol that goes on in another language: paused, every byte behind the last message
   * handed out in front again, all that was written on its way. The connection is over then, and `closed` null.
   *
   * @throws {QbpError} ERR_QBP_BUSY while somebody reads.
   */
  async detach(): Promise<Duplex> {
    const duplex = await this.#unplumb()
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

  /** Adds what it has counted to a sum: a server's, which no connection of another table may join. */
  [addCounts](sum: Counts): void {
    const { tally, skipped } = this.#reader
    sum.in.add(tally)
    sum.out.add(this.#writer.tally)
    sum.skipped.unknown += skipped.unknown
    sum.skipped.invalid += skipped.invalid
    sum.faults.add(this.#faults)
    sum.queuedBytes += this.#writer.queued + this.#duplex.writableLength
  }

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
    duplex.on('data', this.#onData)
    duplex.on('error', this.#onError)
    duplex.on('close', this.#onClose)
    duplex.on('finish', this.#onFinish)
    duplex.pipe(this.reader)
    this.writer.pipe(duplex)
  }

  /** Takes reader and writer off the duplex, with all that was written sent and all that was not read put back. */
  async #unplumb(): Promise<Duplex> {
    const duplex = this.#duplex
    if (this.closing) throw new QbpError('ERR_QBP_CLOSED', 'The connection is closed.')
    if (this.#reader.waiting || this.reader.readableLength > 0) {
      throw new QbpError(
        'ERR_QBP_BUSY',
        'Somebody reads from the connection, or messages were decoded that nobody took: pause first.',
      )
    }
    duplex.unpipe(this.reader)
    duplex.pause()
    this.#writer.flush()
    this.writer.unpipe(duplex)
    for (let chunk = this.writer.read(); chunk !== null; chunk = this.writer.read()) duplex.write(chunk)
    duplex.off('data', this.#onData)
    duplex.off('error', this.#onError)
    duplex.off('close', this.#onClose)
    duplex.off('finish', this.#onFinish)
    const rest = this.#reader.rest()
    if (rest.length === 0) return duplex
    if (!duplex.readableEnded) {
      duplex.unshift(rest)
      return duplex
    }
    return Duplex.from({ readable: Readable.from([rest]), writable: duplex }) // Nothing can be put back behind an end.
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#closing) this.#dropped ||= chunk.length > 0
    else this.#deadlines.touch()
  }

  readonly #onError = (error: Error): void => {
    this.#outcome ??= error
    this.#fail(error)
  }

  readonly #onFinish = (): void => {
    const linger = this.#quiet && !this.#dropped ? Math.min(QUIET_LINGER_MS, this.#lingerMs) : this.#lingerMs
    if (this.#closing) this.#timers.push(timer(linger, () => this.#duplex.destroy()))
  }

  readonly #onClose = (): void => {
    if (!this.reader.writableEnded) {
      // The duplex closed without an end and without an error.
      this.#fail(new QbpError('ERR_QBP_CLOSED', 'The connection closed before the peer had ended.'))
    }
    this.#finish()
  }

  /** Nothing more comes from the duplex, and nothing more can be sent. */
  #fail(fault: Error): void {
    if (!this.reader.writableEnded) this.#reader.fail(fault)
    this.writer.destroy(fault)
  }

  #finish(): void {
    if (this.#ended) return
    this.#ended = true
    this.#deadlines.clear()
    for (const each of this.#timers) clearTimeout(each)
    this.writer.destroy()
    // The reader's fault, a truncation, may be told a tick after the duplex has closed.
    setImmediate(() => {
      const outcome = this.#detached ? null : this.#outcome
      if (outcome !== null && outcome !== this.#refusal) this.#faults.count(outcome)
      this.#settle(outcome)
      if (this.#opened) closed(this, outcome)
    })
  }

  #conclude(): void {
    if (this.reader.writableEnded || this.reader.destroyed) return
    const duplex = this.#duplex
    duplex.unpipe(this.reader)
    for (let chunk = duplex.read(); chunk !== null; chunk = duplex.read()) this.reader.write(chunk)
    this.#reader.conclude()
    this.#drop()
  }

  /** Reads on without a reader: unread bytes would turn this side's end into a reset, which takes the last bytes along. */
  #drop(): void {
    this.#deadlines.clear()
    this.#duplex.unpipe(this.reader)
    if (!this.#duplex.destroyed) this.#duplex.resume()
  }
}
