import { Transform, type TransformCallback } from 'node:stream'
import { messageIn } from './diagnostics.ts'
import { QbpError } from './errors.ts'
import { Frames } from './frames.ts'
import { byteLimit, type Protocol } from './protocol.ts'
import { type Entry, RawMessage, type Role, type Table } from './table.ts'
import { Tally } from './tally.ts'
import type { Incoming } from './typing.ts'

/** What a reader may be told; all of it is checked once, here. */
export interface ReadableOptions<R extends Role = Role> {
  /** Which end this is: the reader hands out what the other role sends. Needed only where the roles send different messages. */
  role?: R
  /** The longest body that is taken, in bytes; a longer one is refused on its header alone. Default: 1 MiB. Infinity: no limit. */
  maxBodyBytes?: number
  /** Let `bytes` fields be views of the received chunk, which they then keep alive, instead of copies. Default: false. */
  shareBytes?: boolean
  /** How many decoded messages may wait for a slow `data`, `readable` or `pipe` consumer. Default: 16. */
  readableHighWaterMark?: number
}

/** For one reading call. */
export interface ReadOptions {
  /** Ends the waiting with its reason. The message that would have come is there for the next call. */
  signal?: AbortSignal
}

/** What a connection does with its reader, beside what every user can. */
export interface ReaderPort {
  /** The connection owns the reader's life: leaving a `for await` does not end it. */
  own(connection: object): void
  /** The byte stream ended by a fault: it is told behind the last whole message. */
  fail(fault: Error): void
  /** The byte stream goes no further here: messages that have come whole are handed out, then the end. */
  conclude(): void
  /** Takes every byte behind the last message handed out. To be called once nothing more is written in. */
  rest(): Uint8Array
  /** Whether somebody waits for bytes. */
  readonly waiting: boolean
  /** Frames handed out or dropped, by name; those that a policy dropped are among them. */
  readonly tally: Tally
  readonly skipped: Readonly<Skipped>
  /** Frames handed out or dropped, bytes of them, and bytes of a frame that is not whole. */
  readonly frames: { readonly index: number; readonly offset: number; readonly pending: number }
}

/** Frames that were dropped because a policy of the protocol is 'skip'. */
export interface Skipped {
  /** Of a type that no table lists. */
  unknown: number
  /** Whose body did not decode. */
  invalid: number
}

/** The way to a reader's port. */
export const readerPort = Symbol('qbp.readerPort')

interface Waiter {
  resolve(message: unknown): void
  reject(error: unknown): void
}

/** `take` found no whole frame. A message is an object, so that this can be none. */
const NONE = Symbol('none')

function ignore(): void {}

/**
 * Bytes in, message objects out.
 *
 * Nothing is decoded before somebody asks: a chunk waits, undecoded and with its callback held back, until a reading
 * call, `data` or `readable` wants a message. Every whole message before a fault is handed out, then the fault.
 */
export class QbpReadable<P extends Protocol = Protocol, R extends Role = Role> extends Transform {
  readonly #frames: Frames
  readonly #table: Table
  readonly #protocol: P
  readonly #share: boolean
  /** The callback of the chunk that has been fed and may hold whole frames yet. */
  #parked: TransformCallback | null = null
  /** Node's side asked by `_read`, and nothing was pushed since. */
  #asked = false
  #pumping = false
  #waiter: Waiter | null = null
  /** The fault behind the last message; the consumer gets it when the queue is empty. */
  #fault: Error | null = null
  /** The fault of the byte stream, which comes behind all that it has brought. */
  #streamFault: Error | null = null
  #direct = false
  #owner: object | null = null
  readonly #tally = new Tally()
  readonly #skipped: Skipped = { unknown: 0, invalid: 0 }
  /** No chunk will follow. */
  #finished = false
  /** Where the stream is cut is no fault of the peer. */
  #concluded = false
  /** The end was told: the last byte was the last of a frame. */
  #clean = false

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options: ReadableOptions<R> = {}) {
    const { role, maxBodyBytes, shareBytes = false, readableHighWaterMark = 16 } = options
    super({ readableObjectMode: true, readableHighWaterMark })
    this.#protocol = protocol
    this.#table = protocol.table(role, 'incoming')
    this.#frames = new Frames(protocol.header, byteLimit('maxBodyBytes', maxBodyBytes, 2 ** 20))
    this.#share = shareBytes
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
   * @throws as `readMessage`; messages before a fault come first, and the fault with the next call.
   */
  async readMessages(max = Number.POSITIVE_INFINITY, options: ReadOptions = {}): Promise<Incoming<P, R>[]> {
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
    const result = (value: unknown): IteratorResult<Incoming<P, R>> =>
      value === null ? { value: undefined, done: true } : { value: value as Incoming<P, R>, done: false }
    const iterator: NodeJS.AsyncIterator<Incoming<P, R>> = {
      next: () => {
        try {
          const message = this.#next()
          return message === NONE ? this.#wait().then(result) : Promise.resolve(result(message))
        } catch (error) {
          return Promise.reject(error)
        }
      },
      return: () => {
        if (this.#owner === null) this.destroy()
        return Promise.resolve({ value: undefined, done: true })
      },
      [Symbol.asyncIterator]: () => iterator,
      [Symbol.asyncDispose]: async () => {
        await iterator.return?.()
      },
    }
    return iterator
  }

  // ---- the way in: bytes

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, callback: TransformCallback): void {
    this.#frames.feed(chunk)
    this.#parked = callback
    this.#serve()
  }

  override _flush(callback: TransformCallback): void {
    this.#parked = callback
    this.#finished = true
    this.#serve()
  }

  /** Bytes have come, or their end: whoever waits gets what they hold. */
  #serve(): void {
    if (this.#waiter !== null) {
      const waiter = this.#waiter
      try {
        const message = this.#nextFromBytes()
        if (message === NONE) return
        this.#waiter = null
        waiter.resolve(message)
      } catch (error) {
        this.#waiter = null
        waiter.reject(error)
      }
    } else if (this.#asked) this.#pump()
    else if (this.#finished || this.#frames.pending === 0) this.#settle()
  }

  // ---- the way out: one take, two consumers

  /** The next message of the bytes that have come, or NONE. Its faults are final, but for what a policy lets pass. */
  #take(): unknown {
    const frames = this.#frames
    const { unknown, invalid } = this.#protocol
    while (frames.next()) {
      const entry = this.#table.byType(frames.type)
      const policy = entry === undefined ? unknown : invalid
      try {
        if (entry !== undefined) {
          const message = entry.decode(frames.buffer, frames.start, frames.end, this.#share, frames.fields)
          this.#tally.count(entry, frames.size)
          if (messageIn.hasSubscribers) this.#publish(entry, message)
          return message
        }
        if (policy === 'error') throw this.#unlisted()
      } catch (fault) {
        if (policy === 'error') throw fault instanceof QbpError ? frames.located(fault) : fault
      }
      this.#tally.count(entry, frames.size)
      if (policy === 'raw') {
        const message = this.#raw()
        if (messageIn.hasSubscribers) this.#publish(entry, message)
        return message
      }
      this.#skipped[entry === undefined ? 'unknown' : 'invalid']++
    }
    return NONE
  }

  #publish(entry: Entry | undefined, message: object): void {
    messageIn.publish({
      connection: this.#owner,
      reader: this,
      name: entry?.name ?? null,
      bytes: this.#frames.size,
      message,
    })
  }

  #unlisted(): QbpError {
    const { type } = this.#frames
    const listed = this.#table.entries.map((entry) => `${entry.name} = ${entry.type}`)
    const shown = `${listed.slice(0, 12).join(', ')}${listed.length > 12 ? ', …' : ''}`
    return new QbpError(
      'ERR_QBP_UNKNOWN_TYPE',
      `No message has the type ${type} here; there are ${shown}. See the option 'unknown'.`,
      { type },
    )
  }

  #raw(): RawMessage<null> {
    const { buffer, start, end, type, fields } = this.#frames
    const body = this.#share ? buffer.subarray(start, end) : Uint8Array.prototype.slice.call(buffer, start, end)
    return new RawMessage(null, type, body, fields ?? undefined)
  }

  /** For a reading call: the next message, null at the end, NONE to wait. */
  #next(): unknown {
    if (this.#waiter !== null) throw busy('a reading call is under way: one at a time')
    if (this.readableFlowing === true) throw busy("'data' or a pipe takes the messages: pause or unpipe first")
    if (!this.#direct) {
      this.#direct = true
      this.on('error', ignore) // The reading calls tell it.
    }
    if (this.readableLength > 0) return this.read()
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
        if (this.#frames.pending === 0) this.#goOn()
        return message
      }
      if (this.#settle()) continue
      return NONE
    }
  }

  #ended(): null {
    if (this.errored !== null) throw this.errored
    if (this.#clean) return null
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
      if (!this.#concluded) this.#frames.finish()
    } catch (fault) {
      this.#fail(fault as Error)
      return true
    }
    this.#clean = true
    callback?.()
    if (this.#direct) super.read(0) // Else Node would wait for a read to tell the end.
    return true
  }

  /** Ends the stream by a fault, once what is queued has been read. */
  #fail(fault: Error): void {
    this.#fault = fault
    if (this.readableLength === 0) this.destroy(fault)
  }

  #wait(signal?: AbortSignal): Promise<Incoming<P, R> | null> {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        this.#waiter = null
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', aborted, { once: true })
      const done = () => signal?.removeEventListener('abort', aborted)
      this.#waiter = {
        resolve: (message) => {
          done()
          resolve(message as Incoming<P, R> | null)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
    })
  }

  override _read(size: number): void {
    super._read(size) // Lets go of a callback that Transform itself may hold.
    this.#asked = true
    if (this.#parked !== null || this.#streamFault !== null) process.nextTick(() => this.#pump())
  }

  override read(size?: number): unknown {
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

  /** Pushes messages for as long as Node's side takes them. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#asked && !this.destroyed && this.#fault === null && this.#waiter === null) {
        if (this.isPaused() && this.listenerCount('readable') === 0) break // A pause is no wish.
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

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const waiter = this.#waiter
    this.#waiter = null
    if (waiter !== null) {
      if (error !== null) waiter.reject(error)
      else {
        try {
          waiter.resolve(this.#ended())
        } catch (closed) {
          waiter.reject(closed)
        }
      }
    }
    super._destroy(error, callback)
  }

  get [readerPort](): ReaderPort {
    const reader = this
    return {
      own: (connection) => {
        reader.#owner = connection
        if (!reader.#direct) {
          reader.#direct = true
          reader.on('error', ignore)
        }
      },
      fail: (fault) => {
        reader.#streamFault = fault
        if (reader.#parked === null) reader.#serveFault()
      },
      conclude: () => {
        reader.#concluded = true
        if (!reader.writableEnded) reader.end()
      },
      rest: () => {
        while (reader.#goOn()); // Chunks may wait behind the one that is parked.
        return reader.#frames.rest()
      },
      get waiting() {
        return reader.#waiter !== null || reader.#asked
      },
      tally: reader.#tally,
      skipped: reader.#skipped,
      frames: reader.#frames,
    }
  }

  /** The byte stream has failed and all that it brought has been asked for. */
  #serveFault(): void {
    const waiter = this.#waiter
    this.#waiter = null
    this.#fail(this.#streamFault as Error)
    waiter?.reject(this.#streamFault)
  }
}

function busy(reason: string): QbpError {
  return new QbpError('ERR_QBP_BUSY', `The next message cannot be read now: ${reason}.`)
}
