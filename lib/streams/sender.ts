// A writer without Node's side: messages come in, are checked and encoded at once, and leave in batches.
//
//   phase:  open ── end() ──► ending ── the last byte has left ──► finished
//             │                 │
//             └── destroy() ────┴──► destroyed, and what waits is given up
//
// Messages are taken while it is open. In both phases before the last, batches leave at the end of a tick, while there is
// room and nothing is corked.

import { QbpError } from '../base/errors.ts'
import type { Output } from '../codec/type.ts'
import { BATCH_BYTES, Batch } from '../framing/batch.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Entry } from '../framing/table.ts'
import { Tally } from '../framing/traffic.ts'
import { Deferred } from './deferred.ts'
import { messageOut, refusedMessage } from './diagnostics.ts'
import type { StreamOwner, WriterPort } from './ports.ts'
import { inRootContext } from './root-context.ts'
import type { WriterSettings } from './settings.ts'
import { type WriteCallback, WriteCallbacks } from './write-callbacks.ts'

/** What a sender needs of the stream that it is the inside of. */
export interface SenderStream {
  /** The stream itself, as the diagnostics name it. */
  readonly writer: object
  /** Bytes that Node has queued for those who read the stream. */
  readonly readableLength: number
  /** Gives a chunk to those who read the stream. */
  push(chunk: Uint8Array): void
  destroy(fault: Error): void
  emitDrain(): void
}

/** The inside of a writer. */
export class Sender implements WriterPort {
  readonly tally: Tally = new Tally()
  readonly #settings: WriterSettings
  readonly #stream: SenderStream
  readonly #batch = new Batch()
  #phase: 'open' | 'ending' | 'finished' | 'destroyed' = 'open'
  #owner: StreamOwner | null = null
  #isScheduled = false
  /** The owner has no room. */
  #isBlocked = false
  #isCorked = false
  #needsDrain = false
  /** What goes before the first frame and has not been written yet. */
  #preamble: Uint8Array | null
  /** Bytes of the stream that have left the batch. */
  #sent = 0
  #callbacks: WriteCallbacks | null = null
  #finish: (() => void) | null = null
  #waiters: Set<Deferred<void>> | null = null
  /** Emits `drain` after writes that came too late. */
  #late: NodeJS.Immediate | null = null
  /** Frames of others that were left out. */
  #skipped = 0

  constructor(settings: WriterSettings, stream: SenderStream) {
    this.#settings = settings
    this.#stream = stream
    this.#preamble = settings.preamble
  }

  get isOver(): boolean {
    return this.#phase !== 'open'
  }

  get framer(): MessageWriter {
    return this.#settings.framer
  }

  get highWaterMark(): number {
    return this.#settings.highWaterMarkBytes
  }

  get isOwned(): boolean {
    return this.#owner !== null
  }

  /** `write` has returned false, and no `drain` has followed. */
  get needsDrain(): boolean {
    return this.#needsDrain
  }

  get queued(): number {
    return this.#owner === null ? this.#batch.length + this.#stream.readableLength : this.#batch.length
  }

  // ---- the way in: messages

  /**
   * Encodes a message after what was written in this tick, or leaves everything as it was.
   *
   * A getter of the message may do anything meanwhile, also end or destroy this very stream.
   *
   * @returns null, or the reason for which the stream is over by now, its peer being too slow, for one.
   * @throws {QbpError} the refusal of a message; the stream goes on.
   */
  encode(message: object): Error | null {
    if (this.#preamble !== null) this.#begin(this.#preamble)
    const { framer, slow } = this.#settings
    const output = this.#batch.open()
    let size: number
    let entry: Entry | undefined
    try {
      const end = framer.write(message, output, output.pos)
      size = end - output.pos
      ;({ entry } = framer)
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      this.#batch.close(output, end)
    } catch (refusal) {
      this.#batch.abandon(output)
      this.#refuse(message, refusal)
      const isFull = refusal instanceof QbpError && refusal.code === 'ERR_QBP_QUEUE_FULL'
      if (isFull && slow === 'destroy') this.#stream.destroy(refusal)
      if (this.isOver && (isFull || this.isOwned)) return refusal as Error
      throw refusal
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return null
  }

  compose(
    entry: Entry,
    fields: Record<string, number> | null,
    body: (output: Output, pos: number) => number,
    message: object,
  ): boolean {
    if (this.isOver) return true
    const output = this.#batch.open()
    let size: number
    try {
      const end = this.#settings.framer.compose(entry, fields, body, output, output.pos)
      size = end - output.pos
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      this.#batch.close(output, end)
    } catch (refusal) {
      this.#batch.abandon(output)
      this.#refuse(message, refusal)
      throw refusal
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return this.scheduleFlush()
  }

  get written(): number {
    return this.#sent + this.#batch.length
  }

  get left(): number {
    return this.#sent
  }

  frame(bytes: Uint8Array, entry?: Entry, message?: object): boolean {
    if (this.isOver) return false
    try {
      this.#admit(bytes.length, entry)
    } catch (full) {
      this.#refuse(message, full)
      throw full
    }
    if (this.#preamble !== null) this.#begin(this.#preamble)
    this.#batch.add(bytes)
    if (messageOut.hasSubscribers && message !== undefined) this.#publish(entry, message, bytes.length)
    return this.scheduleFlush()
  }

  /** Writes what goes before the first frame. */
  #begin(preamble: Uint8Array): void {
    this.#preamble = null
    this.#batch.add(preamble)
  }

  hasRoom(size: number): boolean {
    const { queued } = this
    return queued === 0 || queued + size <= this.#settings.maxQueuedBytes / 2
  }

  skip(): void {
    this.#skipped++
  }

  get skipped(): number {
    return this.#skipped
  }

  /** Counts a message in, if the queue may hold it: an empty one takes any, or that could never be sent. */
  #admit(size: number, entry: Entry | undefined): void {
    const { queued } = this
    if (queued > 0 && queued + size > this.#settings.maxQueuedBytes) throw this.#full(queued, size)
    this.tally.count(entry, size)
  }

  #refuse(message: unknown, refusal: unknown): void {
    this.#owner?.refused(refusal)
    refusedMessage(this.#owner?.connection ?? null, this.#stream.writer, message, refusal)
  }

  #publish(entry: Entry | undefined, message: object, bytes: number): void {
    const connection = this.#owner?.connection ?? null
    messageOut.publish({ connection, writer: this.#stream.writer, name: entry?.name ?? null, bytes, message })
  }

  #full(queued: number, size: number): QbpError {
    const { maxQueuedBytes, slow } = this.#settings
    const advice = "await writeMessage(), or wait for 'drain' when write() is false"
    return new QbpError(
      'ERR_QBP_QUEUE_FULL',
      `${queued} bytes wait for a slow peer, and ${size} more would pass maxQueuedBytes, ${maxQueuedBytes}. ` +
        `Nothing of the message was sent${slow === 'destroy' ? ", and the writer is destroyed: see the option 'slow'" : ''}. ` +
        `To write no more than the peer takes, ${advice}.`,
      { size: queued + size, limit: maxQueuedBytes },
    )
  }

  // ---- the way out: batches

  /** Sees that what was written leaves. @returns whether there is room for more. */
  scheduleFlush(callback?: WriteCallback): boolean {
    if (callback !== undefined) {
      this.#callbacks ??= new WriteCallbacks()
      this.#callbacks.add(callback, this.#sent + this.#batch.length)
    }
    if (!this.#isScheduled) this.#schedule()
    if (this.#batch.length >= BATCH_BYTES && this.#isFree) inRootContext(Sender.#send, this)
    if (this.queued < this.#settings.highWaterMarkBytes) return true
    this.#needsDrain = true
    return false
  }

  /** Nothing leaves until `uncork`. */
  cork(): void {
    this.#isCorked = true
  }

  uncork(): void {
    this.#isCorked = false
    if (!this.#isScheduled) this.#schedule()
  }

  get #isFree(): boolean {
    return !this.#isBlocked && !this.#isCorked
  }

  #schedule(): void {
    this.#isScheduled = true
    process.nextTick(Sender.#tick, this)
  }

  static #tick(this: void, sender: Sender): void {
    sender.#isScheduled = false
    if (sender.#isFree) inRootContext(Sender.#send, sender)
  }

  static #send(this: void, sender: Sender): void {
    sender.#flush(false)
  }

  flush(): void {
    this.#flush(true)
  }

  /** @param always goes on where there is no room. */
  #flush(always: boolean): void {
    for (;;) {
      if (this.#phase === 'destroyed') return // By the owner, which could not send.
      const chunk = this.#batch.take()
      if (chunk === null) break
      this.#sent += chunk.length
      if (this.#owner === null) this.#stream.push(chunk)
      else if (!this.#owner.send(chunk, this.#callbacks?.upTo(this.#sent))) this.#isBlocked = true
      if (this.#isBlocked && !always) break
    }
    if (this.#batch.length === 0) this.#finishUp()
    this.relieve()
  }

  /** All that was written has left. */
  #finishUp(): void {
    const finish = this.#finish
    if (finish === null) return
    this.#finish = null
    this.#phase = 'finished'
    if (this.#owner === null) finish()
    else this.#owner.finish(finish)
  }

  hold(): void {
    this.#isBlocked = true
  }

  drained(): void {
    this.#isBlocked = false
    if (this.#isFree) inRootContext(Sender.#send, this)
  }

  /** Bytes have been taken: calls back whose they were, and lets writing calls go on once half of what may wait has gone. */
  relieve(): void {
    if (this.#callbacks !== null && this.#owner === null)
      this.#callbacks.upTo(this.#sent - this.#stream.readableLength)?.(null)
    if (!this.#needsDrain || this.queued > this.#settings.highWaterMarkBytes / 2) return
    this.#needsDrain = false
    inRootContext(process.nextTick, Sender.#drain, this)
  }

  static #drain(this: void, sender: Sender): void {
    const waiters = sender.#waiters
    sender.#waiters = null
    if (waiters !== null) for (const waiter of waiters) waiter.resolve()
    sender.#stream.emitDrain()
  }

  /** A write has come after the end: what it waits for comes all the same. A turn later, since many never look at a write's callback. */
  relieveLate(): void {
    this.#late ??= setImmediate(() => {
      this.#late = null
      this.#stream.emitDrain()
    })
  }

  /** Resolves when there is room for more. */
  room(signal: AbortSignal | undefined): Promise<void> {
    const waiter = new Deferred<void>()
    if (signal !== undefined) waiter.heed(signal, () => this.#waiters?.delete(waiter))
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
    return waiter.promise
  }

  // ---- the end

  /** No message follows. */
  end(): void {
    if (this.#phase === 'open') this.#phase = 'ending'
  }

  /** Node's side has ended; `done` is called when all that was written has left. */
  finish(done: () => void): void {
    this.#finish = done
    if (this.#isFree) this.#flush(false)
  }

  fail(fault: Error): void {
    this.#callbacks?.lose(fault)
    this.destroy(fault)
    this.#stream.destroy(fault)
  }

  /** The stream was destroyed: nothing of what waits is sent. @returns false where it was before. */
  destroy(reason: Error): boolean {
    if (this.#phase === 'destroyed') return false
    this.#phase = 'destroyed'
    this.#batch.clear()
    const waiters = this.#waiters
    this.#waiters = null
    if (waiters !== null) for (const waiter of waiters) waiter.reject(reason)
    this.#callbacks?.fail(reason)
    if (this.#needsDrain) inRootContext(process.nextTick, Sender.#drain, this)
    this.#needsDrain = false
    return true
  }

  get owner(): StreamOwner | null {
    return this.#owner
  }

  own(owner: StreamOwner): void {
    this.#owner = owner
    if (this.#preamble === null) return
    // At once: the peer may wait for it before it says anything.
    this.#begin(this.#preamble)
    if (!this.#isScheduled) this.#schedule()
  }
}

/** Nothing can be written any more. */
export function closedForWriting(): QbpError {
  return new QbpError('ERR_QBP_CLOSED', 'The stream is closed for writing: nothing of the message was sent.')
}
