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

import type { Transform, TransformCallback } from 'node:stream'
import type { HeaderFields } from '../framing/head.ts'
import { NONE } from '../framing/message-reader.ts'
import type { Entry } from '../framing/table.ts'
import type { ReaderCounts } from '../framing/traffic.ts'
import type { Waiter } from './deferred.ts'
import { Ending } from './ending.ts'
import { FairReader } from './fairness.ts'
import type { MessageSource } from './message-iterator.ts'
import { MessageSupply, type Supplied } from './message-supply.ts'
import { NodeSide } from './node-side.ts'
import type { ReaderOwner, ReaderPort } from './ports.ts'
import { busy } from './refusals.ts'
import type { ReaderSettings } from './settings.ts'

/** What is known of the frames before a byte has come. */
const NO_FRAMES = { index: 0, pending: 0, preamble: null }
const NO_BYTES = new Uint8Array(0)

/** The inside of a reader. */
export class Receiver extends FairReader implements ReaderPort, MessageSource<unknown>, Supplied {
  readonly settings: ReaderSettings
  readonly stream: Transform & { readonly isMade: boolean }
  /** The connection whose reader it is, or null. */
  owner: ReaderOwner | null = null
  /** The fault after the last message is the consumer's when Node's queue is empty. */
  readonly ending: Ending
  /** Made by `#supplied` when something comes: of many connections nothing does, or not for long. */
  #supply: MessageSupply | null = null
  /** Made by `side` when Node is to have messages, or to hear of the end: reading calls do without it. */
  #side: NodeSide | null = null
  #waiter: Waiter<unknown> | null = null

  constructor(settings: ReaderSettings, stream: Receiver['stream']) {
    super()
    this.settings = settings
    this.stream = stream
    this.ending = new Ending(this)
  }

  get #supplied(): MessageSupply {
    this.#supply ??= new MessageSupply(this.settings, this)
    return this.#supply
  }

  get side(): NodeSide {
    this.#side ??= new NodeSide(this)
    return this.#side
  }

  /** Whether there may be something to pull. */
  get isHolding(): boolean {
    return this.#supply?.isHolding ?? false
  }

  // ---- the way in

  /** The next chunk of Node's; `done` asks for another. */
  feed(chunk: Uint8Array, done: TransformCallback): void {
    if (!this.ending.isOpen) {
      done() // Nobody will read it.
      return
    }
    this.#supplied.chunks.feed(chunk, done)
    this.resume()
  }

  arrive(chunk: Uint8Array): boolean {
    const isNext = this.#supplied.chunks.arrive(chunk)
    if (isNext) this.resume()
    return isNext
  }

  /** Bytes have come, or their end, or this reader's turn: the consumer that waits gets what there is. */
  protected override resume(): void {
    if (this.hasYielded) return
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
    const isServed = this.#side?.serve() ?? false
    const supply = this.#supplied
    if (supply.chunks.isDry) supply.decide()
    else if (!isServed) supply.goOn()
  }

  // ---- the way out: one message reader, two kinds of consumers

  /** For a reading call: the next message, null at the end, NONE to wait. @throws the stream's fault, or ERR_QBP_BUSY. */
  next(): unknown {
    if (this.#waiter !== null) throw busy('a reading call is under way: one at a time')
    if (this.ending.reportedBy === 'events') {
      this.ending.reportedBy = 'calls'
      this.side.goDirect()
    }
    const queued = this.#side === null ? NONE : this.#side.queued()
    if (queued !== NONE) return queued
    return this.mustYield() ? NONE : this.#nextFromBytes()
  }

  /** Adds to a list what is there, up to `max`. A fault is reported by the next call. */
  fill(list: unknown[], max: number): void {
    const supply = this.#supply
    if (this.#waiter !== null || this.#side?.fill(list, max) === false || supply === null) return
    try {
      while (list.length < max && this.ending.isOpen && !this.mustYield()) {
        const message = supply.take()
        if (message !== NONE) list.push(message)
        else if (!supply.advance()) return
      }
      supply.goOn()
    } catch (fault) {
      this.ending.fail(fault as Error)
    }
  }

  #nextFromBytes(): unknown {
    const supply = this.#supply
    while (this.ending.isOpen) {
      if (supply === null) return NONE
      let message: unknown
      try {
        message = supply.take()
      } catch (fault) {
        this.ending.fail(fault as Error)
        throw fault
      }
      if (message !== NONE) {
        supply.goOn()
        return message
      }
      if (!supply.advance() && this.ending.isOpen) return NONE
    }
    return this.ending.result()
  }

  /** For Node's side: the next message, or NONE. A fault is reported by the stream's `fail`. */
  pull(): unknown {
    const supply = this.#supply
    try {
      while (supply !== null && this.ending.isOpen && this.#waiter === null && !this.mustYield()) {
        const message = supply.take()
        if (message !== NONE) return message
        if (!supply.advance()) break
      }
    } catch (fault) {
      this.ending.fail(fault as Error)
    }
    return NONE
  }

  wait(waiter: Waiter<unknown>): void {
    this.#waiter = waiter
  }

  leave(waiter: Waiter<unknown>): void {
    if (this.owner === null) this.stream.destroy()
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

  // ---- the end

  /** @param done of Node's side, which has ended: goes on to emit it. */
  end(done?: TransformCallback): void {
    if (done === undefined) this.#stop('ended')
    else {
      const { chunks } = this.#supplied
      chunks.end(done)
      if (this.ending.isClean) this.ending.report(chunks.takeCallback())
      else this.resume()
    }
  }

  conclude(): void {
    this.#stop('concluded')
  }

  fail(fault: Error): void {
    this.#stop(fault)
  }

  #stop(source: 'ended' | 'concluded' | Error): void {
    const { chunks } = this.#supplied
    chunks.source = source
    if (chunks.isDry) this.resume()
  }

  discard(): void {
    this.#side?.clear()
    if (!this.ending.isOpen) return
    this.ending.clean()
    this.#supply?.chunks.clear()
    this.#takeWaiter()?.resolve(null)
    this.ending.report(null)
  }

  /** The stream was destroyed: what has come is given up. */
  destroy(error: Error | null): void {
    this.ending.destroy(error)
    const waiter = this.#takeWaiter()
    if (waiter === null) return
    try {
      waiter.resolve(this.ending.result())
    } catch (fault) {
      waiter.reject(fault)
    }
  }

  // ---- the connection's side

  own(owner: ReaderOwner): void {
    this.owner = owner
    this.ending.reportedBy = 'calls'
  }

  rest(): Uint8Array {
    return this.#supply?.rest() ?? NO_BYTES
  }

  /** A reader that is over wants nothing. */
  get drains(): boolean {
    return false
  }

  get waiting(): boolean {
    return this.#waiter !== null || (this.#side?.wants ?? false)
  }

  get counts(): ReaderCounts | null {
    return this.#supply
  }

  count(entry: Entry | undefined, bytes: number): void {
    this.#supplied.tally.count(entry, bytes)
  }

  get frames(): { readonly index: number; readonly pending: number; readonly preamble: HeaderFields | null } {
    return this.#supply?.messages.frames ?? NO_FRAMES
  }
}
