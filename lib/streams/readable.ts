import type { EventEmitter } from 'node:events'
import type { TransformCallback, TransformOptions } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { countLimit, knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { Role } from '../base/role.ts'
import { bytesOf } from '../codec/bytes.ts'
import { NONE } from '../framing/message-reader.ts'
import { givenProtocol } from '../protocol/given-protocol.ts'
import type { Incoming, IncomingPreamble } from '../protocol/message-types.ts'
import type { Protocol } from '../protocol/protocol.ts'
import { Deferred } from './deferred.ts'
import { LazyTransform } from './lazy-transform.ts'
import { Messages } from './message-iterator.ts'
import { PipedSource } from './piped-source.ts'
import { type ReaderPort, readerPort } from './ports.ts'
import { Receiver } from './receiver.ts'
import { READABLE_OPTIONS, type ReadableOptions, ReaderSettings } from './settings.ts'

/** For one reading call. */
export interface ReadOptions {
  /** Ends the waiting with its reason. The message that would have come is there for the next call. */
  signal?: AbortSignal | undefined
  /**
   * Ends the waiting with ERR_QBP_READ_TIMEOUT after so many milliseconds, as a signal does, at a fraction of the cost of
   * AbortSignal.timeout(). Default: Infinity.
   */
  timeoutMs?: number | undefined
}

/** In these a text stands for bytes, any bytes. */
const BYTE_ENCODINGS: ReadonlySet<string> = new Set(['hex', 'base64', 'base64url', 'latin1', 'binary'])

const READ_OPTIONS: OptionNames<ReadOptions> = { signal: true, timeoutMs: true }

/**
 * Bytes in, message objects out.
 *
 * Nothing is decoded before somebody asks: a chunk waits, undecoded and with its callback held back, until a reading
 * call, `data` or `readable` wants a message. Every whole message before a fault is handed out, then the fault.
 */
export class QbpReadable<P extends Protocol = Protocol, R extends Role = Role> extends LazyTransform {
  readonly #receiver: Receiver
  /** What is piped in, or was. */
  #source: PipedSource | null = null

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options?: ReadableOptions<R>)
  /** @internal */
  constructor(protocol: P, options?: ReadableOptions<R> | ReaderSettings)
  constructor(protocol: P, options: ReadableOptions<R> | ReaderSettings = {}) {
    super()
    if (!(options instanceof ReaderSettings)) {
      givenProtocol(protocol, 'new QbpReadable(protocol, options?)')
      knownOptions('A QbpReadable', options, READABLE_OPTIONS)
    }
    const settings = options instanceof ReaderSettings ? options : new ReaderSettings(protocol, options)
    this.#receiver = new Receiver(settings, this)
  }

  /**
   * The next message, or null at a clean end.
   *
   * One call at a time; it may be mixed with `for await`, not with `data`.
   *
   * @throws {QbpError} ERR_QBP_BUSY for a second call meanwhile, or while `data` flows; else the fault of the stream, which
   * every further call throws again. With an aborted signal, its reason, and ERR_QBP_READ_TIMEOUT after timeoutMs: nothing is
   * consumed then. ERR_QBP_BAD_OPTION.
   */
  readMessage(options?: ReadOptions): Promise<Incoming<P, R> | null> {
    try {
      if (options !== undefined) checkReadOptions(options)
      const message = this.#receiver.next()
      return message === NONE ? this.#wait(options) : Promise.resolve(message as Incoming<P, R> | null)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Waits for a message and returns it with those that are there already, `max` at the most; an empty list at a clean end.
   *
   * @throws as `readMessage`; messages before a fault come first, and the fault with the next call. ERR_QBP_BAD_OPTION for
   * a `max` that is no positive integer.
   */
  async readMessages(max = Number.POSITIVE_INFINITY, options?: ReadOptions): Promise<Incoming<P, R>[]> {
    countLimit('max', max, max)
    const first = await this.readMessage(options)
    if (first === null) return []
    const list = [first]
    this.#receiver.fill(list, max)
    return list
  }

  /** Messages until the clean end. Leaving the loop early destroys the stream, as in Node, unless a connection owns it. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Incoming<P, R>> {
    return new Messages(this.#receiver) as NodeJS.AsyncIterator<Incoming<P, R>>
  }

  #wait({ signal, timeoutMs }: ReadOptions = {}): Promise<Incoming<P, R> | null> {
    const waiting = new Deferred<unknown>()
    if (signal !== undefined) waiting.heed(signal, () => this.#receiver.forget())
    if (timeoutMs !== undefined)
      waiting.expire(timeoutMs, () => {
        this.#receiver.forget()
        return new QbpError('ERR_QBP_READ_TIMEOUT', `No message came within ${timeoutMs} ms, which is timeoutMs.`, {
          limit: timeoutMs,
        })
      })
    this.#receiver.wait(waiting)
    return waiting.promise as Promise<Incoming<P, R> | null>
  }

  /**
   * What the peer has sent before its first frame, where the layout has something there, as in `$header`: null until the first
   * message has been asked for and those bytes have come.
   */
  get preamble(): IncomingPreamble<P, R> | null {
    return this.#receiver.frames.preamble as IncomingPreamble<P, R> | null
  }

  /** @internal */
  get [readerPort](): ReaderPort {
    return this.#receiver
  }

  // ---- as a Transform

  /** @internal */
  override streamOptions(): TransformOptions {
    // Node would make bytes of any text, others than those that were sent.
    const { readableHighWaterMark } = this.#receiver.settings
    return { readableObjectMode: true, readableHighWaterMark, decodeStrings: false }
  }

  /** @internal */
  override _transform(chunk: Uint8Array | string, encoding: BufferEncoding, callback: TransformCallback): void {
    let bytes: Uint8Array
    try {
      const isCoded = typeof chunk === 'string' && BYTE_ENCODINGS.has(encoding)
      bytes = isCoded ? Buffer.from(chunk, encoding) : bytesOf('A chunk', chunk)
    } catch (refusal) {
      this.#receiver.fail(refusal as Error)
      return
    }
    this.#receiver.feed(bytes, callback)
  }

  /** @internal */
  override _flush(callback: TransformCallback): void {
    const fault = this.#source?.fault ?? null
    if (fault !== null) this.#receiver.fail(fault)
    else this.#receiver.end(callback)
  }

  /**
   * As Node's. But where `pipeline` destroys it because its source has failed, a socket that was reset, say, the messages that
   * came before are handed out first, unless what it is piped into is destroyed as well.
   */
  override destroy(error?: Error): this {
    const source = this.#source
    if (error === undefined || source === null || !this.#receiver.ending.isOpen || !source.fail(error))
      return super.destroy(error)
    for (const chunk of source.rest()) super.write(chunk)
    super.end()
    return this
  }

  /** As Node's. */
  override pipe<T extends NodeJS.WritableStream>(sink: T, options?: { end?: boolean }): T {
    this.#source ??= new PipedSource()
    this.#source.passOn()
    return super.pipe(sink, options)
  }

  /** As Node's. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'pipe') {
      this.#source ??= new PipedSource()
      this.#source.watch(args[0] as EventEmitter)
    }
    return super.emit(event as 'pipe', ...(args as [never]))
  }

  /** @internal */
  override _read(size: number): void {
    super._read(size) // Lets go of a callback that Transform itself may hold.
    this.#receiver.side.ask()
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#receiver.ending.reportedBy === 'calls') this.on('error', ignore) // The reading calls report it.
    this.#receiver.destroy(error)
    super._destroy(error, (fault) => {
      callback(fault)
      process.nextTick(() => this.#receiver.owner?.readerClosed(error)) // After the events.
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in Node; else pipeline() would not take this stream.
  override read(size?: number): any {
    if (this.destroyed) return null // Node would still hand out what it has queued.
    const message = super.read(size)
    this.#receiver.side.afterRead(message)
    return message
  }

  override resume(): this {
    super.resume()
    this.#receiver.side.resume()
    return this
  }

  /** As Node's, with the message's type. */
  override on(event: 'data', listener: (message: Incoming<P, R>) => void): this
  /** As Node's. */
  override on(event: string | symbol, listener: (...args: never[]) => void): this
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    super.on(event, listener as () => void)
    if (event === 'readable') this.#receiver.side.resume()
    return this
  }

  /** As `on`. */
  override addListener(event: 'data', listener: (message: Incoming<P, R>) => void): this
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this
  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener)
  }

  /** As Node's, with the message's type. */
  override once(event: 'data', listener: (message: Incoming<P, R>) => void): this
  /** As Node's. */
  override once(event: string | symbol, listener: (...args: never[]) => void): this
  override once(event: string | symbol, listener: (...args: never[]) => void): this {
    return super.once(event, listener as () => void)
  }
}

function checkReadOptions(options: ReadOptions): void {
  knownOptions('readMessage()', options, READ_OPTIONS)
  milliseconds('timeoutMs', options.timeoutMs, 0)
  options.signal?.throwIfAborted()
}

function ignore(): void {}
