import type { TransformCallback, TransformOptions } from 'node:stream'
import { knownOptions } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import type { Frame } from '../framing/frame.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Outgoing } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { LazyTransform } from './lazy-transform.ts'
import { type HomedWriter, type WriterHome, type WriterPort, writerHome, writerPort } from './ports.ts'
import { closedForWriting } from './refusals.ts'
import { Sender } from './sender.ts'
import { WRITABLE_OPTIONS, type WritableOptions, WriterSettings } from './settings.ts'
import type { WriteCallback } from './write-callbacks.ts'

/** For one writing call. */
export interface WriteOptions {
  /** Ends the waiting for room with its reason. The message stays written. */
  signal?: AbortSignal | undefined
}

/** What is written: a message, or the frame of one. */
export type Writable<P extends Protocol = Protocol, R extends Role = Role> = Outgoing<P, R> | Frame<Outgoing<P, R>>

/**
 * Message objects in, bytes out.
 *
 * A message is checked and encoded when it is written: what is written is read back equal, or refused, with nothing of it
 * on the wire. Messages written before the next turn of `process.nextTick` leave as one chunk.
 */
export class QbpWritable<P extends Protocol = Protocol, R extends Role = Role>
  extends LazyTransform
  implements HomedWriter
{
  /** @internal */
  [writerHome]: WriterHome | null = null
  readonly #settings: WriterSettings
  /** Made by `#sender` with the first message, or the end. */
  #made: Sender | null = null
  /** Streams that are piped in. */
  #sources = 0

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options?: WritableOptions<R, P>)
  /** @internal */
  constructor(protocol: P, options?: WritableOptions<R, P> | WriterSettings)
  constructor(protocol: P, options: WritableOptions<R, P> | WriterSettings = {}) {
    super()
    if (!(options instanceof WriterSettings)) {
      givenProtocol(protocol, 'new QbpWritable(protocol, options?)')
      knownOptions('A QbpWritable', options, WRITABLE_OPTIONS)
    }
    this.#settings = options instanceof WriterSettings ? options : new WriterSettings(protocol, options)
  }

  get #sender(): Sender {
    return this.#made ?? this.#make()
  }

  #make(): Sender {
    const sender = new Sender(this.#settings, this as unknown as QbpWritable)
    this.#made = sender
    this[writerHome]?.adopt(sender)
    return sender
  }

  /**
   * Writes a message, as Node's `write`: false says that more than `highWaterMarkBytes` wait, and `drain` follows.
   *
   * @throws {QbpError} ERR_QBP_INVALID_MESSAGE with the field's path, ERR_QBP_FIELD_OVERFLOW, ERR_QBP_TOO_LONG or
   * ERR_QBP_QUEUE_FULL. The message is refused then, and the stream goes on. While a source is piped in, which cannot
   * catch it, the refusal destroys the writer instead.
   */
  override write(message: Writable<P, R>, callback?: WriteCallback): boolean
  /** As above; the encoding means nothing. */
  override write(message: Writable<P, R>, encoding?: BufferEncoding, callback?: WriteCallback): boolean
  /** Nobody can call this: it lets TypeScript see the stream that `pipe` and `pipeline` want, which takes text too. */
  override write(message: never, callback?: WriteCallback): boolean
  override write(message: never, encoding?: BufferEncoding, callback?: WriteCallback): boolean
  override write(
    message: Writable<P, R>,
    encoding?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    const done = typeof encoding === 'function' ? encoding : callback
    const sender = this.#sender
    if (sender.isOver) {
      if (sender.isOwned) return this.#refuseLate(this.#closed(), done)
      sender.relieveLate()
      return super.write(message, done) // Node's own errors.
    }
    try {
      const over = sender.encode(message)
      if (over !== null) return this.#refuseLate(over, done)
    } catch (refusal) {
      if (this.#sources === 0) throw refusal
      this.destroy(refusal as Error)
      return this.#refuseLate(refusal as Error, done)
    }
    return sender.scheduleFlush(done)
  }

  /** The stream is over: no message goes out any more, which its callback says, and no push-back lasts. */
  #refuseLate(reason: Error, callback: WriteCallback | undefined): false {
    if (callback !== undefined) process.nextTick(callback, reason)
    this.#sender.relieveLate()
    return false
  }

  /**
   * Writes a message and resolves when there is room for more: in the same tick, or after `drain`.
   *
   * @throws what `write` throws, as a rejection; ERR_QBP_CLOSED once the stream has ended, or its fault.
   */
  writeMessage(message: Writable<P, R>, { signal }: WriteOptions = {}): Promise<void> {
    try {
      signal?.throwIfAborted()
      const sender = this.#sender
      if (sender.isOver) return handled(Promise.reject(this.#closed()))
      const over = sender.encode(message)
      if (over !== null) return handled(Promise.reject(over))
      return sender.scheduleFlush() ? DONE : handled(sender.room(signal))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** As Node's: ends the stream after what was written. */
  override end(callback?: () => void): this
  /** Writes a last message, as `write` does, and ends the stream. */
  override end(message: Writable<P, R>, callback?: () => void): this
  /** As above; the encoding means nothing. */
  override end(message: Writable<P, R>, encoding?: BufferEncoding, callback?: () => void): this
  /** As of `write`: nobody can call this. */
  override end(message: never, callback?: () => void): this
  /** As of `write`: nobody can call this. */
  override end(message: never, encoding?: BufferEncoding, callback?: () => void): this
  override end(
    message?: Writable<P, R> | (() => void),
    encoding?: BufferEncoding | (() => void),
    callback?: () => void,
  ): this {
    const done = [message, encoding, callback].find((argument) => typeof argument === 'function') as
      | (() => void)
      | undefined
    if (message !== undefined && message !== null && typeof message !== 'function') this.write(message)
    this.#sender.end()
    return done === undefined ? super.end() : super.end(done)
  }

  /** As Node's. */
  override uncork(): void {
    super.uncork()
    if (this.writableCorked === 0) this.#sender.scheduleFlush()
  }

  /** @internal */
  get [writerPort](): WriterPort {
    return this.#sender
  }

  #closed(): Error {
    return (this.isMade ? this.errored : null) ?? closedForWriting()
  }

  // ---- as a Transform

  /** @internal */
  override streamOptions(): TransformOptions {
    return {
      writableObjectMode: true,
      readableHighWaterMark: Math.min(this.#settings.highWaterMarkBytes, Number.MAX_SAFE_INTEGER),
    }
  }

  /** Only Node's own internals come this way: `write` is overridden. */
  override _transform(message: Outgoing<P, R>, _encoding: BufferEncoding, callback: TransformCallback): void {
    try {
      const over = this.#sender.encode(message)
      if (over === null) this.#sender.scheduleFlush()
      callback(over)
    } catch (refusal) {
      callback(refusal as Error)
    }
  }

  /** @internal */
  override _flush(callback: TransformCallback): void {
    this.#sender.finish(callback)
    if (this.#sender.isOwned) this.resume() // Nobody reads it, and Node closes only what has been read to its end.
  }

  /** @internal */
  override _read(size: number): void {
    super._read(size)
    this.#sender.relieve()
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in Node.
  override read(size?: number): any {
    const chunk = super.read(size)
    this.#sender.relieve()
    return chunk
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#sender.isOwned) this.on('error', ignore) // Writing calls and the connection's `closed` report it.
    const isFirst = this.#sender.destroy(error ?? this.#closed())
    super._destroy(error, callback)
    if (isFirst) this.#sender.owner?.writerDestroyed(error)
  }

  /** As Node's. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'pipe') this.#sources++
    else if (event === 'unpipe') this.#sources--
    return super.emit(event as 'pipe', ...(args as [never]))
  }

  static {
    // Node has these as accessors of its own state, which sees nothing of the batch.
    const accessor = (name: string, get: (this: QbpWritable) => unknown) =>
      Object.defineProperty(QbpWritable.prototype, name, { get, configurable: true })
    accessor('writableLength', function () {
      return this.#made?.queued ?? 0
    })
    accessor('writableNeedDrain', function () {
      return this.#made?.needsDrain ?? false
    })
    // Of messages, which is what Node counts by it; `write` and `drain` go by highWaterMarkBytes.
    accessor('writableHighWaterMark', () => 16)
  }
}

const DONE = Promise.resolve()

function ignore(): void {}

/** A caller that awaits it sees the rejection all the same; one that does not is not to be killed by a peer that left. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(ignore)
  return promise
}
