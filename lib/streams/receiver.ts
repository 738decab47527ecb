// A reader without Node's side: chunks come in, and messages go to those that ask. Nothing is decoded before somebody asks.
//
//   source, of the bytes                                outcome, after the last message
//
//   flowing ──┬─ end() ──────► ended      ─┐         ┌─► clean       null and `end`; also by discard(), at once
//             ├─ conclude() ─► concluded  ─┼─ open ──┼─► an Error    a fault of the stream or of a frame, or destroy(fault)
//             └─ fail() ─────► an Error   ─┘         └─► destroyed   by destroy(), at once
//
// What the peer decides waits until all that it has sent was handed out: its end, its faults. A frame that is cut by 'ended' is
// ERR_QBP_TRUNCATED, one that is cut by 'concluded' no fault. What this side decides, by destroy() and discard(), takes effect
// at once, and what has come is given up.

import type { TransformCallback } from 'node:stream'
import { QbpError } from '../base/errors.ts'
import type { HeaderFields } from '../framing/head.ts'
import { MessageReader, NONE } from '../framing/message-reader.ts'
import type { Skipped, Tally } from '../framing/traffic.ts'
import { ChunkQueue } from './chunk-queue.ts'
import type { Waiter } from './deferred.ts'
import { messageIn } from './diagnostics.ts'
import { FairReader } from './fairness.ts'
import type { MessageSource } from './message-iterator.ts'
import type { ReaderOwner, ReaderPort } from './ports.ts'
import type { ReaderSettings } from './settings.ts'

type Outcome = 'open' | 'clean' | 'destroyed' | Error

/** What a receiver needs of the stream that it is the inside of. */
export interface ReceiverStream {
  /** The stream itself, as the diagnostics name it. */
  readonly reader: object
  /** Whether Node's side has asked and got nothing yet. */
  readonly wants: boolean
  /** Reading calls are used from now on, which report the faults. */
  goDirect(): void
  /** A message that Node has queued, or NONE. @throws {QbpError} ERR_QBP_BUSY while `data` flows. */
  queued(): unknown
  /** Gives messages to Node's side, if it has asked for some. @returns whether it had. */
  serve(): boolean
  /** Reports the fault once what is queued has been read. */
  fail(fault: Error): void
  /** Ends Node's side, which then calls `finish`. */
  end(): unknown
  /** Drops what Node has queued. */
  clear(): void
  /** Sees that Node emits `end`, which it does only for those who read. */
  emitEnd(): void
  destroy(): unknown
}

/** The inside of a reader. */
export class Receiver extends FairReader implements ReaderPort, MessageSource<unknown> {
  readonly #messages: MessageReader
  readonly #stream: ReceiverStream
  readonly #chunks: ChunkQueue
  #outcome: Outcome = 'open'
  #waiter: Waiter<unknown> | null = null
  /** Reading calls are used, or a connection owns the reader: these report the faults, and `error` need not. */
  #isDirect = false

  constructor(settings: ReaderSettings, stream: ReceiverStream) {
    super()
    this.#messages = new MessageReader(settings)
    this.#stream = stream
    this.#chunks = new ChunkQueue(this.#messages.frames)
  }

  /** Whether messages may follow. */
  get isOpen(): boolean {
    return this.#outcome === 'open'
  }

  get isDirect(): boolean {
    return this.#isDirect
  }

  /** The fault after the last message; the consumer gets it when Node's queue is empty. */
  get fault(): Error | null {
    return this.#outcome instanceof Error ? this.#outcome : null
  }

  /** Whether there may be something to pull. */
  get isHolding(): boolean {
    return this.#outcome === 'open' && (this.#chunks.isReading || this.#chunks.isDry)
  }

  // ---- the way in

  /** The next chunk of Node's; `done` asks for another. */
  feed(chunk: Uint8Array, done: TransformCallback): void {
    if (this.#outcome !== 'open') {
      done() // Nobody will read it.
      return
    }
    this.#chunks.feed(chunk, done)
    this.resume()
  }

  arrive(chunk: Uint8Array): boolean {
    const isNext = this.#chunks.arrive(chunk)
    if (isNext) this.resume()
    return isNext
  }

  /** Bytes have come, or their end, or this reader's turn: the consumer that waits gets what there is. */
  protected override resume(): void {
    if (this.isYielding) return
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
      return
    }
    const isServed = this.#stream.serve()
    if (this.#chunks.isDry) this.#decide()
    else if (!isServed && this.#messages.frames.pending === 0) this.#goOn()
  }

  // ---- the way out: one message reader, two kinds of consumers

  #take(): object {
    const message = this.#messages.take()
    if (!messageIn.hasSubscribers || message === NONE) return message
    this.#publish(message as object)
    return this.#outcome === 'open' ? message : NONE // A subscriber may have ended it.
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
    return this.mustYield() ? NONE : this.#nextFromBytes()
  }

  /** Adds to a list what is there, up to `max`. A fault is reported by the next call. */
  fill(list: unknown[], max: number): void {
    if (this.#waiter !== null || !this.#fillFromQueue(list, max)) return
    try {
      while (list.length < max && this.#outcome === 'open' && !this.mustYield()) {
        const message = this.#take()
        if (message !== NONE) list.push(message)
        else if (!this.#advance()) return
      }
      if (this.#messages.frames.pending === 0) this.#goOn()
    } catch (fault) {
      this.#decideFault(fault as Error)
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
    while (this.#outcome === 'open') {
      let message: unknown
      try {
        message = this.#take()
      } catch (fault) {
        this.#decideFault(fault as Error)
        throw fault
      }
      if (message !== NONE) {
        if (this.#messages.frames.pending === 0) this.#goOn()
        return message
      }
      if (!this.#advance() && this.#outcome === 'open') return NONE
    }
    return this.#end()
  }

  /** For Node's side: the next message, or NONE. A fault is reported by the stream's `fail`. */
  pull(): unknown {
    try {
      while (this.#outcome === 'open' && this.#waiter === null && !this.mustYield()) {
        const message = this.#take()
        if (message !== NONE) return message
        if (!this.#advance()) break
      }
    } catch (fault) {
      this.#decideFault(fault as Error)
    }
    return NONE
  }

  wait(waiter: Waiter<unknown>): void {
    this.#waiter = waiter
  }

  leave(waiter: Waiter<unknown>): void {
    if (this.#chunks.owner === null) this.#stream.destroy()
    else if (waiter === this.#waiter) this.#takeWaiter()?.resolve(null) // The message is the next call's.
  }

  /** The reading call that waits does so no longer. */
  forget(): void {
    this.#waiter = null
  }

  #takeWaiter(): Waiter<unknown> | null {
    const waiter = this.#waiter
    this.#waiter = null
    return waiter
  }

  /** No whole frame is left in the chunk: takes the next, or decides the outcome. @returns whether something has changed at once. */
  #advance(): boolean {
    return this.#chunks.isDry ? this.#decide() : this.#chunks.next()
  }

  /** The chunk has given its last message. The end follows at once, a fault of the stream when the next message is asked for. */
  #goOn(): void {
    if (this.#chunks.next() && this.#chunks.isDry && !(this.#chunks.source instanceof Error)) this.#decide()
  }

  // ---- the end

  end(): void {
    this.#stop('ended')
  }

  conclude(): void {
    this.#stop('concluded')
  }

  fail(fault: Error): void {
    this.#stop(fault)
  }

  #stop(source: 'ended' | 'concluded' | Error): void {
    this.#chunks.source = source
    if (this.#chunks.isDry) this.resume()
  }

  discard(): void {
    this.#stream.clear()
    if (this.#outcome !== 'open') return
    this.#outcome = 'clean'
    this.#chunks.clear()
    this.#takeWaiter()?.resolve(null)
    this.#report()
  }

  /** Node's side has ended; `done` goes on to emit it. */
  finish(done: TransformCallback): void {
    this.#chunks.end(done)
    if (this.#outcome === 'clean') this.#report()
    else this.resume()
  }

  /** The stream was destroyed: what has come is given up. */
  destroy(error: Error | null): void {
    if (this.#outcome === 'open' || (this.#outcome === 'clean' && error !== null)) this.#outcome = error ?? 'destroyed'
    const waiter = this.#takeWaiter()
    if (waiter === null) return
    try {
      waiter.resolve(this.#end())
    } catch (fault) {
      waiter.reject(fault)
    }
  }

  /** All messages were handed out, and no byte follows. @returns whether that has decided the outcome. */
  #decide(): boolean {
    if (this.#outcome !== 'open') return false
    const { source } = this.#chunks
    try {
      if (source instanceof Error) throw source
      if (source === 'ended') this.#messages.frames.finish()
    } catch (fault) {
      this.#decideFault(fault as Error)
      return true
    }
    this.#outcome = 'clean'
    this.#report()
    return true
  }

  #decideFault(fault: Error): void {
    this.#outcome = fault
    this.#stream.fail(fault)
  }

  /** Reports the end to Node, which may have to come here by `finish` first. */
  #report(): void {
    const done = this.#chunks.takeCallback()
    if (done === null) {
      this.#stream.end()
      return
    }
    done()
    if (this.#isDirect) this.#stream.emitEnd()
  }

  /** What a reading call gets after the last message. */
  #end(): null {
    if (this.#outcome instanceof Error) throw this.#outcome
    if (this.#outcome !== 'clean') throw new QbpError('ERR_QBP_CLOSED', 'The reader was destroyed before its end.')
    this.#stream.emitEnd()
    return null
  }

  // ---- the connection's side

  own(owner: ReaderOwner): void {
    this.#chunks.owner = owner
    this.#isDirect = true
  }

  get owner(): ReaderOwner | null {
    return this.#chunks.owner
  }

  rest(): Uint8Array {
    while (!this.#chunks.isDry && this.#chunks.next()); // Chunks may wait after the one that is read.
    return this.#messages.frames.rest()
  }

  /** A reader that is over wants nothing. */
  get drains(): boolean {
    return false
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

  get frames(): { readonly index: number; readonly pending: number; readonly preamble: HeaderFields | null } {
    return this.#messages.frames
  }
}

/** The next message cannot be read now. */
export function busy(reason: string): QbpError {
  return new QbpError('ERR_QBP_BUSY', `The next message cannot be read now: ${reason}.`)
}
