// The way out of a writer: what was written in a tick leaves as one chunk, at its end or at 64 KiB, while there is room and the
// stream is not corked.
//
//             something was written, the next tick
//     idle ◄─────────────────────────────────────► scheduled
//       ▲                                              │
//       │ there is room again                          │ the owner has no room, or holds
//       └─────────────────── blocked ◄─────────────────┘

import type { Transform } from 'node:stream'
import { inRootContext } from '../event-loop/root-context.ts'
import { nextTick } from '../event-loop/timers.ts'
import { Batch } from '../framing/batch.ts'
import { BATCH_BYTES } from '../framing/scratch.ts'
import type { WriterOwner } from './ports.ts'
import { PushBack } from './push-back.ts'
import { bytesGone } from './refusals.ts'
import type { WriterSettings } from './settings.ts'
import { type WriteCallback, WriteCallbacks } from './write-callbacks.ts'

/** The writer that it is the outflow of. */
export interface OutflowUser {
  /** Sends its bytes, where there is one. */
  readonly owner: WriterOwner | null
  readonly stream: Transform
  readonly settings: WriterSettings
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
  readonly batch: Batch
  readonly #user: OutflowUser
  /** Made by `pushBack` when it is first wanted. */
  #pushBack: PushBack | null = null
  #phase: 'idle' | 'scheduled' | 'blocked' | 'destroyed' = 'idle'
  /** Bytes of the stream that have left the batch. */
  #sent = 0
  #callbacks: WriteCallbacks | null = null
  #reliefs: Relief[] | null = null
  /** To be called when all has left. */
  #onEmpty: (() => void) | null = null

  constructor(user: OutflowUser) {
    this.#user = user
    this.batch = new Batch(user.settings.chunk === 'message')
  }

  get pushBack(): PushBack {
    this.#pushBack ??= new PushBack(this.#user.stream)
    return this.#pushBack
  }

  /** `write` has returned false, and no `drain` has followed. */
  get isFull(): boolean {
    return this.#pushBack?.isFull ?? false
  }

  /** Bytes that nobody has taken yet. */
  get queued(): number {
    const { owner, stream } = this.#user
    return owner === null ? this.batch.length + stream.readableLength : this.batch.length
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
    if (this.queued < this.#user.settings.highWaterMarkBytes) return true
    this.pushBack.begin()
    return false
  }

  get #isFree(): boolean {
    return this.#phase !== 'blocked' && this.#user.stream.writableCorked === 0
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
    const together = this.batch.isParted ? this.#user.owner : null
    together?.cork?.()
    this.#sendAll(always)
    together?.uncork?.()
  }

  #sendAll(always: boolean): void {
    const { stream, settings } = this.#user
    for (;;) {
      if (this.#phase === 'destroyed') return // By the owner, which could not send.
      const { length } = this.batch
      const chunk = this.batch.take()
      if (chunk === null) break
      const size = length - this.batch.length
      if (chunk.length !== size) {
        stream.destroy(bytesGone(size, chunk.length))
        return
      }
      this.#sent += size
      const { owner } = this.#user
      if (owner === null) stream.push(chunk)
      else if (settings.chunk === 'message') this.#sendAlone(chunk, owner)
      else if (!owner.send(chunk, this.#callbacks?.upTo(this.#sent), this.batch.buffer)) this.hold()
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
    const { owner, stream, settings } = this.#user
    if (this.#callbacks !== null && owner === null) this.#callbacks.upTo(this.#sent - stream.readableLength)?.(null)
    if (this.#reliefs !== null) this.#callReliefs(this.#reliefs)
    if (this.isFull && this.queued <= settings.highWaterMarkBytes / 2) this.pushBack.lift()
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
    this.#pushBack?.fail(reason)
  }
}
