// The way out of a writer: what was written in a tick leaves as one chunk, at its end or at 64 KiB, while there is room and the
// stream is not corked.
//
//             something was written, the next tick
//     idle ◄─────────────────────────────────────► scheduled
//       ▲                                              │
//       │ there is room again                          │ the owner has no room, or holds
//       └─────────────────── blocked ◄─────────────────┘

import { inRootContext } from '../event-loop/root-context.ts'
import { nextTick } from '../event-loop/timers.ts'
import { Batch } from '../framing/batch.ts'
import { BATCH_BYTES } from '../framing/scratch.ts'
import type { WriterOwner } from './ports.ts'
import { PushBack } from './push-back.ts'
import { bytesGone } from './refusals.ts'
import { type WriteCallback, WriteCallbacks } from './write-callbacks.ts'

/** What a sender needs of the stream that it is the inside of. */
export interface SenderStream {
  /** The stream itself, as the diagnostics name it. */
  readonly writer: object
  /** Bytes that Node has queued for those who read the stream. */
  readonly readableLength: number
  /** Nothing leaves until it is uncorked. */
  readonly isCorked: boolean
  /** Gives a chunk to those who read the stream. */
  push(chunk: Uint8Array): void
  destroy(fault: Error): void
  emitDrain(): void
}

/** What is to happen once no more than so many bytes wait. */
interface Relief {
  readonly bytes: number
  readonly act: () => void
}

/** Those with something to send at the end of the tick: one tick and one context for all, as a broadcast writes to thousands. */
let due: Outflow[] = []

/** What a writer has written and not sent, and how that leaves: to the owner, or to Node's side of the stream. */
export class Outflow {
  owner: WriterOwner | null = null
  readonly batch: Batch
  readonly pushBack: PushBack
  readonly #stream: SenderStream
  readonly #highWaterMarkBytes: number
  readonly #isSplit: boolean
  #phase: 'idle' | 'scheduled' | 'blocked' | 'destroyed' = 'idle'
  /** Bytes of the stream that have left the batch. */
  #sent = 0
  #callbacks: WriteCallbacks | null = null
  #reliefs: Relief[] | null = null
  /** To be called when all has left. */
  #onEmpty: (() => void) | null = null

  /** @param isSplit whether each message leaves by itself. */
  constructor(stream: SenderStream, highWaterMarkBytes: number, isSplit: boolean) {
    this.#stream = stream
    this.#highWaterMarkBytes = highWaterMarkBytes
    this.#isSplit = isSplit
    this.batch = new Batch(isSplit)
    this.pushBack = new PushBack(stream)
  }

  /** Bytes that nobody has taken yet. */
  get queued(): number {
    return this.owner === null ? this.batch.length + this.#stream.readableLength : this.batch.length
  }

  /** Bytes of the stream so far, and how many of them have left. */
  get written(): number {
    return this.#sent + this.batch.length
  }

  get sent(): number {
    return this.#sent
  }

  /** Sees that what was written leaves. @returns whether there is room for more. */
  schedule(callback?: WriteCallback): boolean {
    if (callback !== undefined) {
      this.#callbacks ??= new WriteCallbacks()
      this.#callbacks.add(callback, this.written)
    }
    if (this.#phase === 'idle') {
      this.#phase = 'scheduled'
      if (due.push(this) === 1) nextTick(Outflow.#tick)
    }
    if (this.batch.length >= BATCH_BYTES && this.#isFree) inRootContext(Outflow.#send, this)
    if (this.queued < this.#highWaterMarkBytes) return true
    this.pushBack.begin()
    return false
  }

  get #isFree(): boolean {
    return this.#phase !== 'blocked' && !this.#stream.isCorked
  }

  static #tick(this: void): void {
    inRootContext(Outflow.#sendDue)
  }

  static #sendDue(this: void): void {
    const outflows = due
    due = []
    let count = 0
    try {
      while (count < outflows.length) (outflows[count++] as Outflow).#leave()
    } finally {
      // One has thrown, a listener of its stream.
      if (count < outflows.length) {
        due = [...outflows.slice(count), ...due]
        nextTick(Outflow.#tick)
      }
    }
  }

  /** The tick is over. */
  #leave(): void {
    if (this.#phase !== 'scheduled') return
    this.#phase = 'idle'
    if (this.#isFree) this.flush()
  }

  static #send(this: void, outflow: Outflow): void {
    outflow.flush()
  }

  /** @param always goes on where there is no room. */
  flush(always = false): void {
    const together = this.batch.isParted ? this.owner : null
    together?.cork?.()
    this.#sendAll(always)
    together?.uncork?.()
  }

  #sendAll(always: boolean): void {
    for (;;) {
      if (this.#phase === 'destroyed') return // By the owner, which could not send.
      const { length } = this.batch
      const chunk = this.batch.take()
      if (chunk === null) break
      const size = length - this.batch.length
      if (chunk.length !== size) {
        this.#stream.destroy(bytesGone(size, chunk.length))
        return
      }
      this.#sent += size
      if (this.owner === null) this.#stream.push(chunk)
      else if (this.#isSplit) this.#sendAlone(chunk, this.owner)
      else if (!this.owner.send(chunk, this.#callbacks?.upTo(this.#sent), this.batch.buffer)) this.hold()
      if (this.#phase === 'blocked' && !always) break
    }
    if (this.batch.length === 0) this.#reportEmpty()
    this.relieve()
  }

  /** The next goes once this one is sent: Node would join what waits. */
  #sendAlone(chunk: Uint8Array, owner: WriterOwner): void {
    const sent = this.#callbacks?.upTo(this.#sent)
    this.hold()
    owner.send(chunk, (fault) => {
      sent?.(fault)
      if (!fault) this.drained()
    })
  }

  #reportEmpty(): void {
    const onEmpty = this.#onEmpty
    this.#onEmpty = null
    onEmpty?.()
  }

  /** Nothing leaves until `drained` is called. */
  hold(): void {
    if (this.#phase !== 'destroyed') this.#phase = 'blocked'
  }

  drained(): void {
    if (this.#phase === 'blocked') this.#phase = 'idle'
    if (this.#isFree) inRootContext(Outflow.#send, this)
  }

  /** Bytes have been taken: calls back whose they were, and lets writing calls go on once half of what may wait has gone. */
  relieve(): void {
    if (this.#callbacks !== null && this.owner === null)
      this.#callbacks.upTo(this.#sent - this.#stream.readableLength)?.(null)
    if (this.#reliefs !== null) this.#callReliefs(this.#reliefs)
    if (this.pushBack.isFull && this.queued <= this.#highWaterMarkBytes / 2) this.pushBack.lift()
  }

  /** Calls back, a tick later, once no more than so many bytes wait. */
  onceBelow(bytes: number, act: () => void): void {
    this.#reliefs ??= []
    this.#reliefs.push({ bytes, act })
  }

  #callReliefs(reliefs: Relief[]): void {
    const { queued } = this
    const due = reliefs.filter(({ bytes }) => queued <= bytes)
    if (due.length === 0) return
    this.#reliefs = due.length === reliefs.length ? null : reliefs.filter(({ bytes }) => queued > bytes)
    for (const { act } of due) inRootContext(process.nextTick, act)
  }

  /** Nothing follows. @param empty is called once all has left. */
  end(empty: () => void): void {
    this.#onEmpty = empty
    if (this.#isFree) this.flush()
  }

  /** The owner cannot send: not even what is under way may be called back. */
  lose(reason: Error): void {
    this.#callbacks?.lose(reason)
  }

  /** Nothing of what waits is sent. */
  destroy(reason: Error): void {
    this.#phase = 'destroyed'
    this.batch.clear()
    this.#reliefs = null
    this.#callbacks?.fail(reason)
    this.pushBack.fail(reason)
  }
}
