import { Transform, type TransformCallback } from 'node:stream'
import { QbpError } from './errors.ts'
import { byteLimit, encodeBody, type Protocol } from './protocol.ts'
import type { Entry, Role, Table } from './table.ts'
import type { Output } from './type.ts'
import type { Outgoing } from './typing.ts'
import { alloc } from './wire.ts'

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

/** What a connection or a group does with a writer, beside what every user can. */
export interface WriterPort {
  /** The connection owns the writer's life: a late write to it fails by its callback alone. */
  own(): void
  /** Sends what was written in this tick now. */
  flush(): void
  /** Writes a whole frame that was encoded elsewhere, with the same limits. */
  frame(bytes: Uint8Array): boolean
  /** The frame of a message, not written anywhere. */
  encode(message: object): Buffer
  /** Messages written, bytes of them, and bytes of these that nobody has taken yet. */
  readonly messages: number
  readonly bytes: number
  readonly queued: number
}

/** The way to a writer's port. */
export const writerPort = Symbol('qbp.writerPort')

/** A batch leaves when it has this many bytes, at the end of the tick at the latest. */
const BATCH_BYTES = 65_536
/** Room for a batch and a message of ordinary size; a larger one gets a larger buffer, which leaves with it. */
const SCRATCH_BYTES = 2 * BATCH_BYTES

/**
 * Where all writers of the process encode. It belongs to one of them at a time, from its first message of a tick until the
 * batch leaves or another writer wants it: so an idle connection holds no buffer, and a busy one never waits for another.
 */
class Scratch implements Output {
  buf = alloc(SCRATCH_BYTES)
  pos = 0
  owner: QbpWritable | null = null

  grow(pos: number, size: number): Uint8Array {
    const buf = alloc(Math.max(this.buf.length * 2, pos + size))
    buf.set(this.buf.subarray(0, pos))
    this.buf = buf
    return buf
  }

  /** The batch so far: a copy of its own if it is small, else the buffer itself, and the scratch gets a new one. */
  take(): Uint8Array {
    const { buf, pos } = this
    this.pos = 0
    if (pos >= BATCH_BYTES) {
      this.buf = alloc(SCRATCH_BYTES)
      return buf.subarray(0, pos)
    }
    const batch = alloc(pos)
    batch.set(buf.subarray(0, pos))
    return batch
  }
}
const scratch = new Scratch()

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Message objects in, bytes out.
 *
 * A message is checked and encoded when it is written: what is written is read back equal, or refused, with nothing of it
 * on the wire. Messages written before the next turn of `process.nextTick` leave as one chunk.
 */
export class QbpWritable<P extends Protocol = Protocol, R extends Role = Role> extends Transform {
  readonly #protocol: P
  readonly #table: Table
  readonly #maxBodyBytes: number
  readonly #highWaterMark: number
  readonly #maxQueuedBytes: number
  /** Batches that another writer took out of the scratch, in order. */
  #spilled: Uint8Array[] = []
  #spilledBytes = 0
  #scheduled = false
  #needDrain = false
  #sources = 0
  #owned = false
  #messages = 0
  #bytes = 0
  #callbacks: ((error?: Error | null) => void)[] = []
  readonly #waiters = new Set<Waiter>()

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(protocol: P, options: WritableOptions<R> = {}) {
    const highWaterMark = byteLimit('highWaterMarkBytes', options.highWaterMarkBytes, 65_536)
    super({ writableObjectMode: true, readableHighWaterMark: Math.min(highWaterMark, Number.MAX_SAFE_INTEGER) })
    this.#protocol = protocol
    this.#table = protocol.table(options.role, 'outgoing')
    this.#maxBodyBytes = byteLimit('maxBodyBytes', options.maxBodyBytes, 2 ** 20)
    this.#highWaterMark = highWaterMark
    this.#maxQueuedBytes = byteLimit(
      'maxQueuedBytes',
      options.maxQueuedBytes,
      Math.max(2 ** 24, 2 * this.#maxBodyBytes),
    )
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
  override write(message: Outgoing<P, R>, encoding?: BufferEncoding, callback?: (error?: Error | null) => void): boolean
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
      if (this.destroyed || this.writableEnded) throw this.#closed()
      this.#encode(message)
      if (this.#written()) return DONE
      return this.#room(signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  override end(callback?: () => void): this
  override end(message: Outgoing<P, R>, callback?: () => void): this
  override end(message: Outgoing<P, R>, encoding?: BufferEncoding, callback?: () => void): this
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

  override uncork(): void {
    super.uncork()
    if (this.#pending() > 0) this.#schedule()
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

  override _flush(callback: TransformCallback): void {
    this.#flush()
    callback()
  }

  /** Encodes a message behind what this writer has written in this tick, or leaves everything as it was and throws. */
  #encode(message: object): void {
    const { header } = this.#protocol
    if (scratch.owner !== this) this.#claim()
    const start = scratch.pos
    const { entry, type, fields, body } = this.#entryOf(message)
    let room = header.size(type, 0, fields)
    if (start + room > scratch.buf.length) scratch.grow(start, room)
    let end = start + room
    if (body !== undefined) {
      if (end + body.length > scratch.buf.length) scratch.grow(end, body.length)
      scratch.buf.set(body, end)
      end += body.length
    } else if (entry !== undefined && typeof entry.body !== 'string')
      end = encodeBody(entry.body, message, scratch, end)
    const length = end - start - room
    if (length > this.#maxBodyBytes) throw this.#tooLong(entry, length)
    if (length > header.safeLength || fields !== null || entry === undefined) header.check(type, length, fields)
    const size = header.size(type, length, fields)
    if (size !== room) {
      if (end + size - room > scratch.buf.length) scratch.grow(end, size - room)
      scratch.buf.copyWithin(start + size, start + room, end)
      end += size - room
      room = size
    }
    if (this.#queued() + end - start > this.#maxQueuedBytes) throw this.#full(end - start)
    header.write(scratch.buf, start, type, length, fields)
    scratch.pos = end
    this.#bytes += end - start
  }

  /** What a message is to be written as. `body` is set where it is not to be encoded. */
  #entryOf(message: object): {
    entry: Entry | undefined
    type: number
    fields: Record<string, number> | null
    body?: Uint8Array
  } {
    if (typeof message !== 'object' || message === null) {
      throw new QbpError(
        'ERR_QBP_INVALID_MESSAGE',
        `${message === null ? 'null' : `A ${typeof message}`} is no message: give an object with $name.`,
      )
    }
    const { $name, $header = null } = message as { $name?: unknown; $header?: Record<string, number> | null }
    if ($name === null) {
      const { type, body } = message as { type?: number; body?: unknown }
      return {
        entry: undefined,
        type: type ?? 0,
        fields: $header,
        body: bytesOf(body, 'of an unlisted type ($name: null)'),
      }
    }
    const entry = $name === undefined ? this.#table.only : this.#table.byName($name as string)
    if (entry === undefined) throw this.#unnamed($name)
    if (entry.body === 'raw') {
      return {
        entry,
        type: entry.type,
        fields: $header,
        body: bytesOf((message as { body?: unknown }).body, entry.name),
      }
    }
    if (entry.body === 'empty') {
      const key = Object.keys(message).find((name) => name !== '$name' && name !== '$header')
      if (key !== undefined) {
        throw new QbpError(
          'ERR_QBP_INVALID_MESSAGE',
          `${key} is no field of ${entry.name}, whose entry says that its body is empty.`,
          {
            messageName: entry.name,
            field: key,
          },
        )
      }
    }
    return { entry, type: entry.type, fields: $header }
  }

  /** Takes the scratch over; what another writer has in it goes to that one's own list. */
  #claim(): void {
    const { owner } = scratch
    if (owner !== null && scratch.pos > 0) owner.#spill()
    scratch.owner = this as unknown as QbpWritable
  }

  #spill(): void {
    const batch = scratch.take()
    this.#spilled.push(batch)
    this.#spilledBytes += batch.length
  }

  // ---- the way out: batches

  #written(callback?: (error?: Error | null) => void): boolean {
    this.#messages++
    if (callback !== undefined) this.#callbacks.push(callback)
    if (this.#pending() >= BATCH_BYTES && this.writableCorked === 0) this.#flush()
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

  /** Bytes that have not been pushed yet. */
  #pending(): number {
    return this.#spilledBytes + (scratch.owner === (this as unknown) ? scratch.pos : 0)
  }

  #queued(): number {
    return this.#pending() + this.readableLength
  }

  #flush(): void {
    if (this.destroyed) return
    if (scratch.owner === (this as unknown) && scratch.pos > 0) this.#spill()
    const batches = this.#spilled
    if (batches.length > 0) {
      this.#spilled = []
      this.#spilledBytes = 0
      this.push(batches.length === 1 ? batches[0] : Buffer.concat(batches))
    }
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
      for (const waiter of this.#waiters) waiter.resolve()
      this.#waiters.clear()
      this.emit('drain')
    })
  }

  override _read(size: number): void {
    super._read(size)
    this.#drained()
  }

  override read(size?: number): unknown {
    const chunk = super.read(size)
    this.#drained()
    return chunk
  }

  #room(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve: () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        },
        reject: (error) => {
          signal?.removeEventListener('abort', aborted)
          reject(error)
        },
      }
      const aborted = () => {
        this.#waiters.delete(waiter)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', aborted, { once: true })
      this.#waiters.add(waiter)
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (scratch.owner === (this as unknown)) {
      scratch.owner = null
      scratch.pos = 0
    }
    this.#spilled = []
    this.#spilledBytes = 0
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

  #unnamed(name: unknown): QbpError {
    const names = this.#table.entries.map((entry) => entry.name)
    const listed = `${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}` || 'nothing'
    const problem = name === undefined ? 'A message without $name' : `A message of $name ${JSON.stringify(name)}`
    return new QbpError(
      'ERR_QBP_INVALID_MESSAGE',
      `${problem} cannot be sent this way, which has ${listed}. Nothing was sent.`,
      {
        field: '$name',
        ...(typeof name === 'string' ? { messageName: name } : {}),
      },
    )
  }

  #tooLong(entry: Entry | undefined, size: number): QbpError {
    const limit = this.#maxBodyBytes
    return new QbpError(
      'ERR_QBP_TOO_LONG',
      `The body of ${entry?.name ?? 'the message'} takes ${size} bytes; maxBodyBytes allows ${limit}. Nothing of the message was sent.`,
      { size, limit, ...(entry === undefined ? {} : { messageName: entry.name }) },
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

  get [writerPort](): WriterPort {
    const writer = this
    return {
      own: () => {
        writer.#owned = true
        writer.on('error', ignore) // Writing calls and the connection's `closed` tell it.
      },
      flush: () => writer.#flush(),
      frame: (bytes) => {
        if (writer.#queued() + bytes.length > writer.#maxQueuedBytes) throw writer.#full(bytes.length)
        if (scratch.owner !== (writer as unknown)) writer.#claim()
        if (scratch.pos + bytes.length > scratch.buf.length) scratch.grow(scratch.pos, bytes.length)
        scratch.buf.set(bytes, scratch.pos)
        scratch.pos += bytes.length
        writer.#bytes += bytes.length
        return writer.#written()
      },
      encode: (message) => {
        if (scratch.owner !== (writer as unknown)) writer.#claim()
        const start = scratch.pos
        const bytes = writer.#bytes
        writer.#encode(message)
        const frame = Buffer.from(scratch.buf.subarray(start, scratch.pos))
        scratch.pos = start
        writer.#bytes = bytes
        return frame
      },
      get messages() {
        return writer.#messages
      },
      get bytes() {
        return writer.#bytes
      },
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

function bytesOf(body: unknown, name: string): Uint8Array {
  if (body instanceof Uint8Array) return body
  throw new QbpError(
    'ERR_QBP_INVALID_MESSAGE',
    `The body ${name} is ${body === undefined ? 'missing' : `a ${typeof body}`}; it must be a Uint8Array or Buffer.`,
    {
      field: 'body',
    },
  )
}
