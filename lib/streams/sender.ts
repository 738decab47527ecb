// A writer without Node's side: messages come in, are checked and encoded at once, and leave in batches.
//
//   phase:  open ── end() ──► ending ── the last byte has left ──► finished
//             │                 │
//             └── destroy() ────┴──► destroyed, and what waits is given up
//
// Messages are taken while it is open. In both phases before the last, batches leave; see outflow.ts.

import { QbpError } from '../base/errors.ts'
import type { Output } from '../codec/type.ts'
import { BorrowedBytes } from '../framing/borrowed-bytes.ts'
import { Frame } from '../framing/frame.ts'
import type { MessageWriter } from '../framing/message-writer.ts'
import type { Entry } from '../framing/table.ts'
import { Tally } from '../framing/traffic.ts'
import { messageOut, refusedMessage } from './diagnostics.ts'
import { Outflow, type SenderStream } from './outflow.ts'
import type { StreamOwner, WriterPort } from './ports.ts'
import { closedForWriting, queueFull } from './refusals.ts'
import type { WriterSettings } from './settings.ts'
import type { WriteCallback } from './write-callbacks.ts'

/** The inside of a writer. */
export class Sender implements WriterPort {
  readonly tally: Tally = new Tally()
  readonly #settings: WriterSettings
  readonly #stream: SenderStream
  readonly #outflow: Outflow
  #phase: 'open' | 'ending' | 'finished' | 'destroyed' = 'open'
  /** What goes before the first frame and has not been written yet. */
  #preamble: Uint8Array | null
  /** Takes what messages share; null where they are copied. */
  readonly #borrowed: BorrowedBytes | null
  /** Frames of others that were left out. */
  #skipped = 0

  constructor(settings: WriterSettings, stream: SenderStream) {
    this.#settings = settings
    this.#stream = stream
    this.#outflow = new Outflow(stream, settings.highWaterMarkBytes, settings.chunk === 'message')
    this.#preamble = settings.preamble
    this.#borrowed = settings.shareBytes ? new BorrowedBytes() : null
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

  get maxQueuedBytes(): number {
    return this.#settings.maxQueuedBytes
  }

  get isOwned(): boolean {
    return this.#outflow.owner !== null
  }

  /** `write` has returned false, and no `drain` has followed. */
  get isFull(): boolean {
    return this.#outflow.pushBack.isFull
  }

  get queued(): number {
    return this.#outflow.queued
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
    if (message instanceof Frame) return this.#take(message)
    if (this.#preamble !== null) this.#begin(this.#preamble)
    const { framer } = this.#settings
    const output = this.#outflow.batch.open(this.#borrowed)
    let size: number
    let entry: Entry | undefined
    try {
      const end = framer.write(message, output, output.pos)
      size = end - output.pos
      ;({ entry } = framer)
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      this.#outflow.batch.close(output, end)
    } catch (refusal) {
      this.#outflow.batch.abandon(output)
      this.#refuse(message, refusal)
      return this.#giveUp(refusal)
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return null
  }

  /** A message was refused. @returns the reason for which the stream is over. @throws it where the stream goes on. */
  #giveUp(refusal: unknown): Error {
    const isFull = refusal instanceof QbpError && refusal.code === 'ERR_QBP_QUEUE_FULL'
    if (isFull && this.#settings.slow === 'destroy') this.#stream.destroy(refusal)
    if (this.isOver && (isFull || this.isOwned)) return refusal as Error
    throw refusal
  }

  /** As `encode`, of a message that is encoded already. */
  #take(frame: Frame): Error | null {
    try {
      this.#settings.framer.admit(frame)
    } catch (refusal) {
      this.#refuse(frame.message, refusal)
      throw refusal
    }
    try {
      this.frame(frame.bytes, frame.entry, frame.message)
      return null
    } catch (full) {
      return this.#giveUp(full)
    }
  }

  compose(
    entry: Entry,
    fields: Record<string, number> | null,
    body: (output: Output, pos: number) => number,
    message: object,
  ): boolean {
    if (this.isOver) return true
    const output = this.#outflow.batch.open()
    let size: number
    try {
      const end = this.#settings.framer.compose(entry, fields, body, output, output.pos)
      size = end - output.pos
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      this.#outflow.batch.close(output, end)
    } catch (refusal) {
      this.#outflow.batch.abandon(output)
      this.#refuse(message, refusal)
      throw refusal
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return this.scheduleFlush()
  }

  get written(): number {
    return this.#outflow.written
  }

  get left(): number {
    return this.#outflow.sent
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
    this.#outflow.batch.add(bytes)
    if (messageOut.hasSubscribers && message !== undefined) this.#publish(entry, message, bytes.length)
    return this.scheduleFlush()
  }

  /** Writes what goes before the first frame. */
  #begin(preamble: Uint8Array): void {
    this.#preamble = null
    this.#outflow.batch.add(preamble)
  }

  hasRoom(size: number, most: number = this.#settings.maxQueuedBytes / 2): boolean {
    const { queued } = this
    return queued === 0 || queued + size <= most
  }

  onceBelow(bytes: number, act: () => void): void {
    this.#outflow.onceBelow(bytes, act)
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
    if (queued > 0 && queued + size > this.#settings.maxQueuedBytes) throw queueFull(this.#settings, queued, size)
    this.tally.count(entry, size)
  }

  #refuse(message: unknown, refusal: unknown): void {
    this.#outflow.owner?.refused(refusal)
    refusedMessage(this.#outflow.owner?.connection ?? null, this.#stream.writer, message, refusal)
  }

  #publish(entry: Entry | undefined, message: object, bytes: number): void {
    const connection = this.#outflow.owner?.connection ?? null
    messageOut.publish({ connection, writer: this.#stream.writer, name: entry?.name ?? null, bytes, message })
  }

  // ---- the way out

  /** Sees that what was written leaves. @returns whether there is room for more. */
  scheduleFlush(callback?: WriteCallback): boolean {
    return this.#outflow.schedule(callback)
  }

  flush(): void {
    this.#outflow.flush(true)
  }

  hold(): void {
    this.#outflow.hold()
  }

  drained(): void {
    this.#outflow.drained()
  }

  /** Bytes have been taken. */
  relieve(): void {
    this.#outflow.relieve()
  }

  /** A write has come after the end. */
  relieveLate(): void {
    this.#outflow.pushBack.liftLate()
  }

  room(signal: AbortSignal | undefined): Promise<void> {
    return this.#outflow.pushBack.wait(signal)
  }

  // ---- the end

  /** No message follows. */
  end(): void {
    if (this.#phase === 'open') this.#phase = 'ending'
  }

  /** Node's side has ended; `done` is called when all that was written has left. */
  finish(done: () => void): void {
    this.#outflow.end(() => {
      this.#phase = 'finished'
      const { owner } = this
      if (owner === null) done()
      else owner.finish(done)
    })
  }

  fail(fault: Error): void {
    this.#outflow.lose(fault)
    this.destroy(fault)
    this.#stream.destroy(fault)
  }

  /** The stream was destroyed: nothing of what waits is sent. @returns false where it was before. */
  destroy(reason: Error): boolean {
    if (this.#phase === 'destroyed') return false
    this.#phase = 'destroyed'
    this.#outflow.destroy(reason)
    return true
  }

  get owner(): StreamOwner | null {
    return this.#outflow.owner
  }

  own(owner: StreamOwner): void {
    this.#outflow.owner = owner
    if (this.#preamble === null) return
    // At once: the peer may wait for it before it says anything.
    this.#begin(this.#preamble)
    this.#outflow.schedule()
  }
}
