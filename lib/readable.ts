import { Transform, type TransformCallback } from 'node:stream'
import { messageIn } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import { Inbox, NONE } from './inbox.ts'
import { iterate } from './iterate.ts'
import { byteLimit, countLimit } from './limits.ts'
import { type ReaderPort, readerPort } from './ports.ts'
import type { Protocol } from './protocol.ts'
import type { Role } from './table.ts'
import { nextTurn, spent } from './turn.ts'
import type { Incoming } from './typing.ts'
import { Waiting } from './waiting.ts'

/** What a reader may be told; all of it is checked once, here. */
export interface ReadableOptions<R extends Role = Role> {
  /** Which end this is: the reader hands out what the other role sends. Needed only where the roles send different messages. */
  role?: R
  /**
   * The longest body that is taken, in bytes; a longer one is refused on its header alone. A message takes up to 30 times its
   * body's bytes in memory. Default: 1 MiB. Infinity: no limit.
   */
  maxBodyBytes?: number
  /** Let `bytes` fields be views of the received chunk, which they then keep alive, instead of copies. Default: false. */
  shareBytes?: boolean
  /** How many decoded messages may wait for a slow `data`, `readable` or `pipe` consumer. Default: 16. */
  readableHighWaterMark?: number
  /**
   * Frames without a body that may come in a row within a second: they cost their sender a header and the handler a call.
   * Default: 100,000, which is a tenth of what a process can read.
   */
  maxConsecutiveEmptyFrames?: number
  /**
   * Frames that a policy `skip` may drop in a row within a second; nobody else would ever hear of them. Default: 1,000, more
   * than a newer peer has reason to send.
   */
  maxConsecutiveSkippedFrames?: number
}

/** For one reading call. */
export interface ReadOptions {
  /** Ends the waiting with its reason. The message that would have come is there for the next call. */
  signal?: AbortSignal
}

/** A reader looks whether the turn's slice is used up whenever these bits of its count are 0: every 16 messages. */
const LOOK_EVERY = 15

/**
 * Bytes in, message objects out.
 *
 * Nothing is decoded before somebody asks: a chunk waits, undecoded and with its callback held back, until a reading
 * call, `data` or `readable` wants a message. Every whole message before a fault is handed out, then the fault.
 */
export class QbpReadable<P extends Protocol = Protocol, R extends Role = Role> extends Transform {
  readonly #inbox: Inbox
  /** The callback of the chunk that has been fed and may hold whole frames yet. */
  #parked: TransformCallback | null = null
  /** Node's side asked by `_read`, and nothing was pushed since. */
  #asked = false
  #pumping = false
  #waiter: Waiting<unknown> | null = null
  /** The fault behind the last message; the consumer gets it when the queue is empty. */
  #fault: Error | null = null
  /** The fault of the byte stream, which comes behind all that it has brought. */
  #streamFault: Error | null = null
  /** Reading calls are used, which tell the faults. */
  #direct = false
  #owned = false
  #connection: object | null = null
  /** No chunk will follow. */
  #finished = false
  /** Where the stream is cut is no fault of the peer. */
  #concluded = false
  /** The end was told: the last byte was the last of a frame. */
  #clean = false
  #handedOut = 0
  /** The event loop goes round before the next message. */
  #yielding = false

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options: ReadableOptions<R> = {}) {
    const { role, shareBytes = false, readableHighWaterMark = 16 } = options
    if (!Number.isSafeInteger(readableHighWaterMark) || readableHighWaterMark < 0) {
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `readableHighWaterMark is ${String(readableHighWaterMark)}; it may be an integer of messages from 0.`,
      )
    }
    super({ readableObjectMode: true, readableHighWaterMark })
    this.#inbox = new Inbox(protocol, protocol.table(role, 'incoming'), shareBytes, {
      maxBodyBytes: byteLimit('maxBodyBytes', options.maxBodyBytes, 2 ** 20),
      maxConsecutiveEmptyFrames: countLimit('maxConsecutiveEmptyFrames', options.maxConsecutiveEmptyFrames, 100_000),
      maxConsecutiveSkippedFrames: countLimit(
        'maxConsecutiveSkippedFrames',
        options.maxConsecutiveSkippedFrames,
        1_000,
      ),
    })
  }

  /**
   * The next message, or null at a clean end.
   *
   * One call at a time; it may be mixed with `for await`, not with `data`.
   *
   * @throws {QbpError} ERR_QBP_BUSY for a second call meanwhile, or while `data` flows; else the fault of the stream, which
   * every further call throws again. With an aborted signal, its reason: nothing is consumed then.
   */
  readMessage({ signal }: ReadOptions = {}): Promise<Incoming<P, R> | null> {
    try {
      signal?.throwIfAborted()
      const message = this.#next()
      return message === NONE ? this.#wait(signal) : Promise.resolve(message as Incoming<P, R> | null)
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
  async readMessages(max = Number.POSITIVE_INFINITY, options: ReadOptions = {}): Promise<Incoming<P, R>[]> {
    countLimit('max', max, max)
    const first = await this.readMessage(options)
    if (first === null) return []
    const list = [first]
    while (list.length < max) {
      let message: unknown
      try {
        message = this.#next()
      } catch {
        break // It is told by the next call.
      }
      if (message === NONE || message === null) break
      list.push(message as Incoming<P, R>)
    }
    return list
  }

  /** Messages until the clean end. Leaving the loop early destroys the stream, as in Node, unless a connection owns it. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Incoming<P, R>> {
    return iterate<Incoming<P, R>>({
      next: () => this.#next() as Incoming<P, R> | null | typeof NONE,
      wait: () => this.#wait(),
      leave: (waits) => {
        if (!this.#owned) this.destroy()
        else if (waits) this.#takeWaiter()?.resolve(null) // The message is the next call's.
      },
    })
  }

  // ---- the way in: bytes

  /** @internal */
  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#inbox.frames.feed(chunk)
    this.#parked = callback
    this.#serve()
  }

  /** @internal */
  override _flush(callback: TransformCallback): void {
    this.#parked = callback
    this.#finished = true
    this.#serve()
  }

  /** Bytes have come, or their end, or this reader's turn: whoever waits gets what there is. */
  #serve(): void {
    if (this.#yielding) return
    // Taken off at once: with the last message of a chunk the next one comes, from within.
    const waiter = this.#takeWaiter()
    if (waiter !== null) {
      try {
        const message = this.#nextFromBytes()
        if (message === NONE) this.#waiter = waiter
        else waiter.resolve(message)
      } catch (error) {
        waiter.reject(error)
      }
    } else if (this.#asked) this.#pump()
    else if (this.#finished || this.#inbox.frames.pending === 0) this.#settle()
  }

  // ---- the way out: one inbox, two consumers

  #take(): object | typeof NONE {
    const message = this.#inbox.take()
    if (messageIn.hasSubscribers && message !== NONE) this.#publish(message as object)
    return message
  }

  #publish(message: object): void {
    const { entry, frames } = this.#inbox
    messageIn.publish({
      connection: this.#connection,
      reader: this,
      name: entry?.name ?? null,
      bytes: frames.size,
      message,
    })
  }

  /** For a reading call: the next message, null at the end, NONE to wait. */
  #next(): unknown {
    if (this.#waiter !== null) throw busy('a reading call is under way: one at a time')
    if (this.readableFlowing === true) throw busy("'data' or a pipe takes the messages: pause or unpipe first")
    if (!this.#direct) this.#goDirect()
    if (this.readableLength > 0) return this.read()
    if (this.#yielding || ((++this.#handedOut & LOOK_EVERY) === 0 && this.#mustYield())) return NONE
    return this.#nextFromBytes()
  }

  #nextFromBytes(): unknown {
    for (;;) {
      if (this.#fault !== null) throw this.#fault
      if (this.#clean || this.destroyed) return this.#ended()
      let message: unknown
      try {
        message = this.#take()
      } catch (fault) {
        this.#fail(fault as Error)
        throw fault
      }
      if (message !== NONE) {
        if (this.#inbox.frames.pending === 0) this.#goOn()
        return message
      }
      if (!this.#settle()) return NONE
    }
  }

  /** For Node's side: pushes messages for as long as it takes them. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#wanted && !this.destroyed && this.#fault === null && this.#waiter === null) {
        if (this.#yielding || ((++this.#handedOut & LOOK_EVERY) === 0 && this.#mustYield())) break
        const message = this.#take()
        if (message !== NONE) this.#asked = this.push(message)
        else if (!this.#settle()) break
      }
    } catch (fault) {
      this.#fail(fault as Error)
    } finally {
      this.#pumping = false
    }
  }

  /** Node's side wants a message; one that is paused does not. */
  get #wanted(): boolean {
    return this.#asked && (!this.isPaused() || this.listenerCount('readable') > 0)
  }

  /** Whether other connections come first: then this one is served in a later turn of the event loop. */
  #mustYield(): boolean {
    if (!spent()) return false
    this.#yielding = true
    nextTurn(() => {
      this.#yielding = false
      this.#serve()
    })
    return true
  }

  #wait(signal?: AbortSignal): Promise<Incoming<P, R> | null> {
    const waiter = new Waiting<unknown>(signal, () => this.#takeWaiter())
    this.#waiter = waiter
    return waiter.promise as Promise<Incoming<P, R> | null>
  }

  #takeWaiter(): Waiting<unknown> | null {
    const waiter = this.#waiter
    this.#waiter = null
    return waiter
  }

  #goDirect(): void {
    this.#direct = true
    this.on('error', ignore) // The reading calls tell it.
  }

  // ---- the end

  #ended(): null {
    if (this.errored !== null) throw this.errored
    if (this.#clean) {
      if (!this.readableEnded) super.read(0) // Else Node would wait for a read to tell the end.
      return null
    }
    throw new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed before its end.')
  }

  /** No whole frame is left: asks for more bytes, or tells the end. True if something has changed at once. */
  #settle(): boolean {
    if (this.#finished || (this.#streamFault !== null && this.#parked === null)) return this.#finish()
    return this.#goOn()
  }

  /** Lets the next chunk come. True if it is there already. */
  #goOn(): boolean {
    const callback = this.#finished ? null : this.#parked
    if (callback === null) return false
    this.#parked = null
    callback()
    return this.#parked !== null || this.#finished || this.#streamFault !== null
  }

  #finish(): boolean {
    const callback = this.#parked
    this.#parked = null
    if (this.destroyed || (callback === null && this.#streamFault === null)) return false
    try {
      if (this.#streamFault !== null) throw this.#streamFault
      if (!this.#concluded) this.#inbox.frames.finish()
    } catch (fault) {
      this.#fail(fault as Error)
      return true
    }
    this.#clean = true
    callback?.()
    if (this.#direct) super.read(0)
    return true
  }

  /** Ends the stream by a fault, once what is queued has been read. */
  #fail(fault: Error): void {
    this.#fault = fault
    if (this.readableLength === 0) this.destroy(fault)
  }

  /** @internal */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const waiter = this.#takeWaiter()
    if (error !== null) waiter?.reject(error)
    else if (waiter !== null) {
      try {
        waiter.resolve(this.#ended())
      } catch (closed) {
        waiter.reject(closed)
      }
    }
    super._destroy(error, callback)
  }

  // ---- Node's side

  /** @internal */
  override _read(size: number): void {
    super._read(size) // Lets go of a callback that Transform itself may hold.
    this.#asked = true
    if (this.#parked !== null || this.#streamFault !== null) process.nextTick(() => this.#pump())
  }

  // biome-ignore lint/suspicious/noExplicitAny: as in Node; else pipeline() would not take this stream.
  override read(size?: number): any {
    const message = super.read(size)
    if (this.#fault !== null && this.readableLength === 0) process.nextTick(() => this.destroy(this.#fault as Error))
    else if (message === null && this.#asked && this.#parked !== null) process.nextTick(() => this.#pump())
    return message
  }

  override resume(): this {
    super.resume()
    if (this.#asked) process.nextTick(() => this.#pump())
    return this
  }

  /** As Node's, with the message's type. */
  override on(event: 'data', listener: (message: Incoming<P, R>) => void): this
  /** As Node's. */
  override on(event: string | symbol, listener: (...args: never[]) => void): this
  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    super.on(event, listener as () => void)
    // Who paused before left a chunk undecoded, and Node believes that it has asked for it.
    if (event === 'readable' && this.#asked) process.nextTick(() => this.#pump())
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

  // ---- the connection's side

  /** @internal */
  get [readerPort](): ReaderPort {
    const reader = this
    return {
      own: (connection) => {
        reader.#owned = true
        reader.#connection = connection ?? null
        if (!reader.#direct) reader.#goDirect()
      },
      fail: (fault) => {
        if (reader.#streamFault !== null) return // The close that follows an error says less.
        reader.#streamFault = fault
        if (reader.#parked !== null) return // All that it brought comes first.
        const waiter = reader.#takeWaiter()
        reader.#fail(fault)
        waiter?.reject(fault)
      },
      conclude: () => {
        reader.#concluded = true
        if (!reader.writableEnded) reader.end()
      },
      rest: () => {
        reader.#concluded = true // What is taken away here is no truncation.
        while (reader.#goOn()); // Chunks may wait behind the one that is parked.
        reader.#concluded = reader.writableEnded
        return reader.#inbox.frames.rest()
      },
      get waiting() {
        return reader.#waiter !== null || reader.#wanted
      },
      tally: reader.#inbox.tally,
      skipped: reader.#inbox.skipped,
      frames: reader.#inbox.frames,
    }
  }
}

function ignore(): void {}

function busy(reason: string): QbpError {
  return new QbpError('ERR_QBP_BUSY', `The next message cannot be read now: ${reason}.`)
}
