import type { Transform } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import type { Output } from '../codec/type.ts'
import { BorrowedBytes } from '../framing/borrowed-bytes.ts'
import { Frame } from '../framing/frame.ts'
import type { Entry } from '../framing/table.ts'
import { Tally } from '../framing/traffic.ts'
import { messageOut, refusedMessage } from './diagnostics.ts'
import { Outflow, type OutflowUser } from './outflow.ts'
import type { WriterOwner } from './ports.ts'
import { closedForWriting, queueFull } from './refusals.ts'
import type { WriterSettings } from './settings.ts'
import type { WriteCallback } from './write-callbacks.ts'

/** What a writer takes: messages, frames of them, parts of calls. Each is checked, counted and put into the batch, or refused. */
export abstract class MessageIntake implements OutflowUser {
  readonly settings: WriterSettings
  readonly stream: Transform
  owner: WriterOwner | null = null
  #tally: Tally | null = null
  /** Made by `flow` when something is to leave: from many connections nothing does, or not for long. */
  protected outflow: Outflow | null = null
  /** What goes before the first frame and has not been written yet. */
  #preamble: Uint8Array | null
  /** Takes what messages share; null where they are copied. */
  readonly #borrowed: BorrowedBytes | null

  constructor(settings: WriterSettings, stream: Transform) {
    this.settings = settings
    this.stream = stream
    this.#preamble = settings.preamble
    this.#borrowed = settings.shareBytes ? new BorrowedBytes() : null
  }

  protected get flow(): Outflow {
    this.outflow ??= new Outflow(this)
    return this.outflow
  }

  get tally(): Tally | null {
    return this.#tally
  }

  /** Whether nothing is taken any more. */
  abstract readonly isOver: boolean

  get isOwned(): boolean {
    return this.owner !== null
  }

  get queued(): number {
    return this.outflow?.queued ?? 0
  }

  /** Sees that what was written leaves. @returns whether there is room for more. */
  scheduleFlush(callback?: WriteCallback): boolean {
    return this.flow.schedule(callback)
  }

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
    if (this.#preamble !== null) this.begin()
    const { framer } = this.settings
    const { batch } = this.flow
    const output = batch.open(this.#borrowed)
    let size: number
    let entry: Entry | undefined
    try {
      const end = framer.write(message, output, output.pos)
      size = end - output.pos
      ;({ entry } = framer)
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      batch.close(output, end)
    } catch (refusal) {
      batch.abandon(output)
      this.#refuse(message, refusal)
      return this.#giveUp(refusal)
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return null
  }

  /** A message was refused. @returns the reason for which the stream is over. @throws it where the stream goes on. */
  #giveUp(refusal: unknown): Error {
    const isFull = refusal instanceof QbpError && refusal.code === 'ERR_QBP_QUEUE_FULL'
    if (isFull && this.settings.slow === 'destroy') this.stream.destroy(refusal)
    if (this.isOver && (isFull || this.isOwned)) return refusal as Error
    throw refusal
  }

  /** As `encode`, of a message that is encoded already. */
  #take(frame: Frame): Error | null {
    try {
      frame.checkFor(this.settings.framer)
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
    const { batch } = this.flow
    const output = batch.open()
    let size: number
    try {
      const end = this.settings.framer.compose(entry, fields, body, output, output.pos)
      size = end - output.pos
      if (this.isOver) throw closedForWriting()
      this.#admit(size, entry)
      batch.close(output, end)
    } catch (refusal) {
      batch.abandon(output)
      this.#refuse(message, refusal)
      throw refusal
    }
    if (messageOut.hasSubscribers) this.#publish(entry, message, size)
    return this.scheduleFlush()
  }

  frame(bytes: Uint8Array, entry?: Entry, message?: object): boolean {
    if (this.isOver) return false
    try {
      this.#admit(bytes.length, entry)
    } catch (full) {
      this.#refuse(message, full)
      throw full
    }
    if (this.#preamble !== null) this.begin()
    this.flow.batch.add(bytes)
    if (messageOut.hasSubscribers && message !== undefined) this.#publish(entry, message, bytes.length)
    return this.scheduleFlush()
  }

  /** Writes what goes before the first frame, unless that was written. @returns whether it has. */
  protected begin(): boolean {
    if (this.#preamble === null) return false
    this.flow.batch.add(this.#preamble)
    this.#preamble = null
    return true
  }

  /** Counts a message in, if the queue may hold it: an empty one takes any, or that could never be sent. */
  #admit(size: number, entry: Entry | undefined): void {
    const { queued } = this
    if (queued > 0 && queued + size > this.settings.maxQueuedBytes) throw queueFull(this.settings, queued, size)
    this.#tally ??= new Tally()
    this.#tally.count(entry, size)
  }

  #refuse(message: unknown, refusal: unknown): void {
    this.owner?.refused(refusal)
    refusedMessage(this.owner?.connection ?? null, this.stream, message, refusal)
  }

  #publish(entry: Entry | undefined, message: object, bytes: number): void {
    const connection = this.owner?.connection ?? null
    messageOut.publish({ connection, writer: this.stream, name: entry?.name ?? null, bytes, message })
  }
}
