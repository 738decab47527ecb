import { Transform, type TransformCallback } from 'node:stream'
import { BATCH_BYTES, Batch } from './batch.ts'
import { messageOut, refusedMessage } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import { Framer } from './framer.ts'
import { byteLimit } from './limits.ts'
import { type WriterPort, writerPort } from './ports.ts'
import type { Protocol } from './protocol.ts'
import type { Entry, Role } from './table.ts'
import { Tally } from './tally.ts'
import type { Outgoing } from './typing.ts'
import { Waiting } from './waiting.ts'

/** What a writer may be told; all of it is checked once, here. */
export interface WritableOptions<R extends Role = Role> {
  /** Which end this is: the writer takes what this role sends. Needed only where the roles send different messages. */
  role?: R
  /** The longest body that is written, in bytes. Default: 1 MiB. Infinity: no limit. */
  maxBodyBytes?: number
  /** Encoded bytes that may wait before `write()` returns false. Default: 64 KiB. */
  highWaterMarkBytes?: number
  /** Encoded bytes that may wait at all: a message beyond them is refused. Default: 16 MiB, or twice maxBodyBytes where that is more. */
  maxQueuedBytes?: number
}

/** For one writing call. */
export interface WriteOptions {
  /** Ends the waiting for room with its reason. The message stays written. */
  signal?: AbortSignal
}

/**
 * Message objects in, bytes out.
 *
 * A message is checked and encoded when it is written: what is written is read back equal, or refused, with nothing of it
 * on the wire. Messages written before the next turn of `process.nextTick` leave as one chunk.
 */
export class QbpWritable<P extends Protocol = Protocol, R extends Role = Role> extends Transform {
  readonly #framer: Framer
  readonly #highWaterMark: number
  readonly #maxQueuedBytes: number
  readonly #batch = new Batch()
  #scheduled = false
  #needDrain = false
  #sources = 0
  #owned = false
  #connection: object | null = null
  #refused: (fault: unknown) => void = ignore
  readonly #tally = new Tally()
  #callbacks: ((error?: Error | null) => void)[] = []
  readonly #waiters = new Set<Waiting<void>>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options: WritableOptions<R> = {}) {
    const highWaterMark = byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 65_536)
    super({ writableObjectMode: true, readableHighWaterMark: Math.min(highWaterMark, Number.MAX_SAFE_INTEGER) })
    const maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, 2 ** 20)
    this.#framer = new Framer(protocol, protocol.table(options.role, 'outgoing'), maxBodyBytes)
    this.#highWaterMark = highWaterMark
    this.#maxQueuedBytes = byteLimit('maxQueuedBytes', options.maxQueuedBytes, Math.max(2 ** 24, 2 * maxBodyBytes))
    this.on('pipe', QbpWritable.#sourceCame)
    this.on('unpipe', QbpWritable.#sourceWent)
  }

  /**
   * Writes a message, as Node's `write`: false says that more than `highWaterMarkBytes` wait, and `drain` follows.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW, ERR_QBP_TOO_LONG or
   * ERR_QBP_QUEUE_FULL. The message is refused then, and the stream goes on. While a source is piped in, which cannot
   * catch it, the refusal destroys the writer instead.
   */
  override write(message: Outgoing<P, R>, callback?: (error?: Error | null) => void): boolean
  /** As above; the encoding means nothing. */
  override write(message: Outgoing<P, R>, encoding?: BufferEncoding, callback?: (error?: Error | null) => void): boolean
  /** Nobody can call this: it lets TypeScript see the stream that `pipe` and `pipeline` want, which takes text too. */
  override write(message: never, callback?: (error?: Error | null) => void): boolean
  override write(message: never, encoding?: BufferEncoding, callback?: (error?: Error | null) => void): boolean
  override write(
    message: Outgoing<P, R>,
    encoding?: BufferEncoding | ((error?: Error | null) => void),
    callback?: (error?: Error | null) => void,
  ): boolean {
    const done = typeof encoding === 'function' ? encoding : callback
    if (this.destroyed || this.writableEnded) {
      if (!this.#owned) return super.write(message, done) // Node's own errors.
      done?.(this.#closed())
      return false
    }
    try {
      this.#encode(message)
    } catch (refusal) {
      if (this.#sources === 0) throw refusal
      done?.(refusal as Error)
      this.destroy(refusal as Error)
      return false
    }
    return this.#written(done)
  }

  /**
   * Writes a message and resolves when there is room for more: in the same tick, or after `drain`.
   *
   * @throws what `write` throws, as a rejection; ERR_QBP_CLOSED once the stream has ended, or its fault.
   */
  writeMessage(message: Outgoing<P, R>, { signal }: WriteOptions = {}): Promise<void> {
    try {
      signal?.throwIfAborted()
      if (this.destroyed || this.writableEnded) return handled(Promise.reject(this.#closed()))
      this.#encode(message)
      return this.#written() ? DONE : handled(this.#room(signal))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** As Node's: ends the stream behind what was written. */
  override end(callback?: () => void): this
  /** Writes a last message, as `write` does, and ends the stream. */
  override end(message: Outgoing<P, R>, callback?: () => void): this
  /** As above; the encoding means nothing. */
  override end(message: Outgoing<P, R>, encoding?: BufferEncoding, callback?: () => void): this
  /** As of `write`: nobody can call this. */
  override end(message: never, callback?: () => void): this
  /** As of `write`: nobody can call this. */
  override end(message: never, encoding?: BufferEncoding, callback?: () => void): this
  override end(
    message?: Outgoing<P, R> | (() => void),
    encoding?: BufferEncoding | (() => void),
    callback?: () => void,
  ): this {
    const done = [message, encoding, callback].find((argument) => typeof argument === 'function') as
      | (() => void)
      | undefined
    if (message !== undefined && message !== null && typeof message !== 'function') this.write(message)
    return done === undefined ? super.end() : super.end(done)
  }

  /** As Node's. */
  override uncork(): void {
    super.uncork()
    if (this.#batch.length > 0) this.#schedule()
  }

  // ---- the way in: messages

  /** Only Node's own internals come this way: `write` is overridden. */
  override _transform(message: Outgoing<P, R>, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      this.#encode(message)
      this.#written()
      callback()
    } catch (refusal) {
      callback(refusal as Error)
    }
  }

  /** @internal */
  override _flush(callback: TransformCallback): void {
    this.#flush()
    callback()
  }

  /** Encodes a message behind what this writer has written in this tick, or leaves everything as it was and throws. */
  #encode(message: object): void {
    const output = this.#batch.open()
    const { pos } = output
    try {
      this.#accept(output, this.#framer.write(message, output, pos), this.#framer.entry)
    } catch (refusal) {
      this.#refuse(message, refusal)
      throw refusal
    }
    if (messageOut.hasSubscribers) this.#publish(this.#framer.entry, message, output.pos - pos)
  }

  #refuse(message: unknown, refusal: unknown): void {
    this.#refused(refusal)
    refusedMessage(this.#connection, this, message, refusal)
  }

  #publish(entry: Entry | undefined, message: object, bytes: number): void {
    messageOut.publish({ connection: this.#connection, writer: this, name: entry?.name ?? null, bytes, message })
  }

  /** Takes what stands between the output's `pos` and `end` into the batch, if the queue may hold it. */
  #accept(output: { pos: number }, end: number, entry: Entry | undefined): void {
    this.#admit(end - output.pos, entry)
    output.pos = end
  }

  /** Counts a message in, if the queue may hold it. */
  #admit(size: number, entry: Entry | undefined): void {
    if (this.#queued() + size > this.#maxQueuedBytes) throw this.#full(size)
    this.#tally.count(entry, size)
  }

  // ---- the way out: batches

  #written(callback?: (error?: Error | null) => void): boolean {
    if (callback !== undefined) this.#callbacks.push(callback)
    if (this.#batch.length >= BATCH_BYTES && this.writableCorked === 0) this.#flush()
    else if (!this.#scheduled) this.#schedule()
    if (this.#queued() < this.#highWaterMark) return true
    this.#needDrain = true
    return false
  }

  #schedule(): void {
    this.#scheduled = true
    process.nextTick(() => {
      this.#scheduled = false
      if (this.writableCorked === 0) this.#flush()
    })
  }

  #queued(): number {
    return this.#batch.length + this.readableLength
  }

  #flush(): void {
    if (this.destroyed) return
    const chunk = this.#batch.take()
    if (chunk !== null) this.push(chunk)
    const callbacks = this.#callbacks
    if (callbacks.length > 0) {
      this.#callbacks = []
      for (const callback of callbacks) callback(null)
    }
    this.#drained()
  }

  /** Tells that there is room again, once half of what may wait has gone. */
  #drained(): void {
    if (!this.#needDrain || this.#queued() > this.#highWaterMark / 2) return
    this.#needDrain = false
    process.nextTick(() => {
      if (this.destroyed) return
      for (const waiter of this.#waiters) waiter.resolve(undefined)
      this.#waiters.clear()
      this.emit('drain')
    })
  }

  /** @internal */
  override _read(size: number): void {
    super._read(size)
    this.#drained()
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in Node.
  override read(size?: number): any {
    const chunk = super.read(size)
    this.#drained()
    return chunk
  }

  #room(signal?: AbortSignal): Promise<void> {
    const waiter: Waiting<void> = new Waiting<void>(signal, () => this.#waiters.delete(waiter))
    this.#waiters.add(waiter)
    return waiter.promise
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#batch.take()
    const reason = error ?? this.#closed()
    for (const waiter of this.#waiters) waiter.reject(reason)
    this.#waiters.clear()
    const callbacks = this.#callbacks
    this.#callbacks = []
    for (const done of callbacks) done(reason)
    super._destroy(error, callback)
  }

  // ---- refusals

  #closed(): Error {
    return (
      this.errored ??
      new QbpError('ERR_QBP_CLOSED', 'The stream is closed for writing: nothing of the message was sent.')
    )
  }

  #full(size: number): QbpError {
    return new QbpError(
      'ERR_QBP_QUEUE_FULL',
      `${this.#queued()} bytes wait for a slow peer, and ${size} more would pass maxQueuedBytes, ${this.#maxQueuedBytes}. ` +
        `Nothing of the message was sent: await writeMessage(), or wait for 'drain' when write() is false.`,
      { size: this.#queued() + size, limit: this.#maxQueuedBytes },
    )
  }

  /** @internal */
  get [writerPort](): WriterPort {
    const writer = this
    return {
      own: (connection, refused) => {
        writer.#owned = true
        writer.#connection = connection ?? null
        writer.#refused = refused ?? ignore
        writer.on('error', ignore) // Writing calls and the connection's `closed` tell it.
      },
      flush: () => writer.#flush(),
      frame: (bytes, entry, message) => {
        if (writer.destroyed || writer.writableEnded) return false
        try {
          writer.#admit(bytes.length, entry)
        } catch (full) {
          writer.#refuse(message, full)
          throw full
        }
        writer.#batch.add(bytes)
        if (messageOut.hasSubscribers && message !== undefined) writer.#publish(entry, message, bytes.length)
        return writer.#written()
      },
      encode: (message) => {
        const output = writer.#batch.open()
        const end = writer.#framer.write(message, output, output.pos)
        return Buffer.from(output.buf.subarray(output.pos, end))
      },
      table: writer.#framer.table,
      tally: writer.#tally,
      get queued() {
        return writer.#queued()
      },
    }
  }

  // biome-ignore-start lint/complexity/noThisInStatic: listeners, called on the writer.
  static #sourceCame(this: QbpWritable): void {
    this.#sources++
  }
  static #sourceWent(this: QbpWritable): void {
    this.#sources--
  }
  // biome-ignore-end lint/complexity/noThisInStatic: listeners, called on the writer.

  static {
    // Node has these as accessors of its own state, which sees nothing of the batch.
    const accessor = (name: string, get: (this: QbpWritable) => unknown) =>
      Object.defineProperty(QbpWritable.prototype, name, { get, configurable: true })
    accessor('writableLength', function () {
      return this.#queued()
    })
    accessor('writableNeedDrain', function () {
      return this.#needDrain && !this.destroyed && !this.writableEnded
    })
    accessor('writableHighWaterMark', function () {
      return this.#highWaterMark
    })
  }
}

const DONE = Promise.resolve()

function ignore(): void {}

/** Who awaits it is told all the same; who does not is not to be killed by a peer that left. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore)
  return promise
}
