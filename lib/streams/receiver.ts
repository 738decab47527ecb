// A reader without Node's side: chunks come in, whoever asks gets messages out. Nothing is decoded before somebody asks.

import type { TransformCallback } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import { MessageReader, NONE } from '../framing/message-reader.ts'
import type { Skipped, Tally } from '../framing/traffic.ts'
import { ChunkQueue } from './chunk-queue.ts'
import type { Waiter } from './deferred.ts'
import { messageIn } from './diagnostics.ts'
import { FEW, type Looker, nextTurn, spent } from './fairness.ts'
import type { MessageSource } from './message-iterator.ts'
import type { ReaderPort, StreamOwner } from './ports.ts'
import type { ReaderSettings } from './settings.ts'

/** What a receiver needs of the stream that it is the inside of. */
export interface ReceiverStream {
  /** The stream itself, as the diagnostics name it. */
  readonly reader: object
  readonly destroyed: boolean
  readonly errored: Error | null
  /** Whether somebody has asked by Node's ways and got nothing yet. */
  readonly wants: boolean
  /** Reading calls are used from now on, which tell the faults. */
  goDirect(): void
  /** A message that Node has queued, or NONE. @throws {QbpError} ERR_QBP_BUSY while `data` flows. */
  queued(): unknown
  /** Messages may be there for whoever asked by Node's ways. @returns whether somebody had. */
  serve(): boolean
  /** Tells the fault once what is queued has been read. */
  fail(fault: Error): void
  /** Sees that Node tells the end, which it does only to who reads. */
  tellEnd(): void
  end(): unknown
  destroy(): unknown
}

/** The inside of a reader. */
export class Receiver implements ReaderPort, MessageSource<unknown>, Looker {
  readonly #messages: MessageReader
  readonly #stream: ReceiverStream
  readonly #chunks: ChunkQueue
  #isOwned = false
  /** Where the stream is cut is no fault of the peer. */
  #isConcluded = false
  /** The end was told: the last byte was the last of a frame. */
  #isClean = false
  /** The fault of the byte stream, which comes behind all that it has brought. */
  #streamFault: Error | null = null
  /** The fault behind the last message. */
  #fault: Error | null = null
  #waiter: Waiter<unknown> | null = null
  /** The end was told, or the stream was destroyed. */
  #isOver = false
  /** Reading calls are used, which tell the faults. */
  #isDirect = false
  /** Messages since the last look at the clock. */
  #count = 0
  lookedAt = Number.NEGATIVE_INFINITY
  lookEvery = FEW
  /** The event loop goes round before the next message. */
  #yields = false

  constructor(settings: ReaderSettings, stream: ReceiverStream) {
    this.#messages = new MessageReader(settings)
    this.#stream = stream
    this.#chunks = new ChunkQueue(this.#messages.frames, stream)
  }

  get isDirect(): boolean {
    return this.#isDirect
  }

  /** The fault behind the last message; the consumer gets it when the queue is empty. */
  get fault(): Error | null {
    return this.#fault
  }

  /** Whether there may be something to pull. */
  get isHolding(): boolean {
    return this.#chunks.isHolding || this.#streamFault !== null
  }

  // ---- the way in

  /** The next chunk; `done` asks for another. */
  feed(chunk: Uint8Array, done: TransformCallback): void {
    this.#chunks.feed(chunk, done)
    this.#serve()
  }

  /** No chunk follows; `done` ends the stream. */
  finish(done: TransformCallback): void {
    this.#chunks.finish(done)
    this.#serve()
  }

  arrive(chunk: Uint8Array): boolean {
    const isNext = this.#chunks.bring(chunk)
    if (isNext) this.#serve()
    return isNext
  }

  end(): void {
    this.#chunks.end()
  }

  fail(fault: Error): void {
    if (this.#streamFault !== null) return // The close that follows an error says less.
    this.#streamFault = fault
    if (this.#chunks.isHolding) return // All that it brought comes first.
    const waiter = this.#takeWaiter()
    this.#fail(fault)
    waiter?.reject(fault)
  }

  conclude(): void {
    this.#isConcluded = true
    this.end()
  }

  /** Bytes have come, or their end, or this reader's turn: whoever waits gets what there is. */
  #serve(): void {
    if (this.#yields) return
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
    } else if (!this.#stream.serve() && (this.#chunks.isFinished || this.#messages.frames.pending === 0)) this.#settle()
  }

  // ---- the way out: one inbox, two consumers

  #take(): object {
    const message = this.#messages.take()
    if (messageIn.hasSubscribers && message !== NONE) this.#publish(message as object)
    return message
  }

  #publish(message: object): void {
    const { entry, frames } = this.#messages
    const connection = this.#chunks.owner?.connection ?? null
    const { reader } = this.#stream
    messageIn.publish({ connection, reader, name: entry?.name ?? null, bytes: frames.size, message })
  }

  /** For a reading call: the next message, null at the end, NONE to wait. @throws the stream's fault, or ERR_QBP_BUSY. */
  next(): unknown {
    if (this.#waiter !== null) throw busy('a reading call is under way: one at a time')
    if (!this.#isDirect) {
      this.#isDirect = true
      this.#stream.goDirect()
    }
    const queued = this.#stream.queued()
    if (queued !== NONE) return queued
    return this.#mustYield() ? NONE : this.#nextFromBytes()
  }

  /** Adds to a list what is there, up to `max`. A fault is told by the next call. */
  fill(list: unknown[], max: number): void {
    if (this.#waiter !== null || !this.#fillFromQueue(list, max)) return
    try {
      while (list.length < max && this.#fault === null && !this.#isOver && !this.#mustYield()) {
        const message = this.#take()
        if (message !== NONE) list.push(message)
        else if (!this.#settle()) return
      }
      if (this.#messages.frames.pending === 0) this.#goOn()
    } catch (fault) {
      this.#fail(fault as Error)
    }
  }

  /** Takes first what Node has queued. @returns whether what follows may be taken too: not while `data` flows. */
  #fillFromQueue(list: unknown[], max: number): boolean {
    try {
      for (let queued: unknown; list.length < max; list.push(queued)) {
        queued = this.#stream.queued()
        if (queued === NONE) return true
      }
      return true
    } catch {
      return false
    }
  }

  #nextFromBytes(): unknown {
    for (;;) {
      if (this.#fault !== null) throw this.#fault
      if (this.#isOver) return this.#ended()
      let message: unknown
      try {
        message = this.#take()
      } catch (fault) {
        this.#fail(fault as Error)
        throw fault
      }
      if (message !== NONE) {
        if (this.#messages.frames.pending === 0) this.#goOn()
        return message
      }
      if (!this.#settle()) return NONE
    }
  }

  /** For Node's side: the next message, or NONE. A fault is told by the stream's `fail`. */
  pull(): unknown {
    try {
      while (this.#fault === null && this.#waiter === null && !this.#mustYield()) {
        const message = this.#take()
        if (message !== NONE) return message
        if (!this.#settle()) break
      }
    } catch (fault) {
      this.#fail(fault as Error)
    }
    return NONE
  }

  wait(waiter: Waiter<unknown>): void {
    this.#waiter = waiter
  }

  leave(waiter: Waiter<unknown>): void {
    if (!this.#isOwned) this.#stream.destroy()
    else if (waiter === this.#waiter) this.#takeWaiter()?.resolve(null) // The message is the next call's.
  }

  /** Whoever waits does so no longer. */
  forget(): void {
    this.#waiter = null
  }

  #takeWaiter(): Waiter<unknown> | null {
    const waiter = this.#waiter
    this.#waiter = null
    return waiter
  }

  /** Whether other connections come first: then this one is served in a later turn of the event loop. */
  #mustYield(): boolean {
    if (this.#yields) return true
    if (++this.#count < this.lookEvery) return false
    this.#count = 0
    if (!spent(this)) return false
    this.#yields = true
    nextTurn(() => {
      this.#yields = false
      this.#serve()
    })
    return true
  }

  // ---- the end

  #ended(): null {
    const { errored } = this.#stream
    if (errored !== null) throw errored
    if (!this.#isClean) throw new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed before its end.')
    this.#stream.tellEnd()
    return null
  }

  /** No whole frame is left: asks for more bytes, or tells the end. True if something has changed at once. */
  #settle(): boolean {
    const { isFinished, isHolding } = this.#chunks
    return isFinished || (this.#streamFault !== null && !isHolding) ? this.#conclusion() : this.#goOn()
  }

  /** Lets the next chunk come. True if it, or what comes instead, is there already. */
  #goOn(): boolean {
    if (!this.#chunks.isHolding || this.#chunks.isFinished) return false
    return this.#chunks.next() || this.#streamFault !== null
  }

  #conclusion(): boolean {
    const done = this.#chunks.close()
    if (this.#stream.destroyed || (done === null && this.#streamFault === null)) return false
    try {
      if (this.#streamFault !== null) throw this.#streamFault
      if (!this.#isConcluded) this.#messages.frames.finish()
    } catch (fault) {
      this.#fail(fault as Error)
      return true
    }
    this.#isClean = this.#isOver = true
    done?.()
    if (this.#isDirect) this.#stream.tellEnd()
    return true
  }

  /** Ends the stream by a fault, once what is queued has been read. */
  #fail(fault: Error): void {
    this.#fault = fault
    this.#stream.fail(fault)
  }

  /** The stream was destroyed. */
  close(error: Error | null): void {
    this.#isOver = true
    const waiter = this.#takeWaiter()
    if (error !== null) waiter?.reject(error)
    else if (waiter !== null) {
      try {
        waiter.resolve(this.#ended())
      } catch (closed) {
        waiter.reject(closed)
      }
    }
  }

  /** The stream has told that it is closed. */
  closed(error: Error | null): void {
    this.#chunks.owner?.readerClosed(error)
  }

  // ---- the connection's side

  own(owner: StreamOwner | null): void {
    this.#chunks.owner = owner
    this.#isOwned = true
    this.#isDirect = true
  }

  rest(): Uint8Array {
    const was = this.#isConcluded
    this.#isConcluded = true // What is taken away here is no truncation.
    while (this.#goOn()); // Chunks may wait behind the one that is read.
    this.#isConcluded = was
    return this.#messages.frames.rest()
  }

  get waiting(): boolean {
    return this.#waiter !== null || this.#stream.wants
  }

  get tally(): Tally {
    return this.#messages.tally
  }

  get skipped(): Readonly<Skipped> {
    return this.#messages.skipped
  }

  get frames(): { readonly index: number; readonly pending: number } {
    return this.#messages.frames
  }
}

/** The next message cannot be read now. */
export function busy(reason: string): QbpError {
  return new QbpError('ERR_QBP_BUSY', `The next message cannot be read now: ${reason}.`)
}
