import { QbpError } from '../base/errors.ts'
import type { Output } from '../codec/type.ts'
import { singleFrame } from '../framing/single-frame.ts'
import { Batch } from './batch.ts'
import type { Carrier } from './carrier.ts'
import type { ConnectionSettings, Framer } from './options.ts'

/** What an outbox reports to: the connection. */
export interface OutboxUser {
  /** The peer does not read: it costs no more than this. */
  tooSlow(fault: QbpError): void
  /** All was sent, and no more comes. */
  done(): void
}

interface Waiter {
  resolve(): void
  reject(fault: Error): void
}

// What was written, from its writer to the wire:
//
//   open ── end() ──► ending ── the last byte was given to the carrier ──► over
//     └────────────────┴──── fail() ──────────────────────────────────────► over, and what waits is given up
type Phase = 'open' | 'ending' | 'over'

/** Frames that were written. Those of a tick leave as one chunk; what the carrier has no room for waits here. */
export class Outbox {
  readonly #carrier: Carrier
  readonly #user: OutboxUser
  readonly #settings: ConnectionSettings
  readonly #batch = new Batch()
  #phase: Phase = 'open'
  #fault: Error | null = null
  #isScheduled = false
  /** Bytes given to the carrier. */
  #given = 0
  #waiters: Waiter[] = []

  constructor(settings: ConnectionSettings, carrier: Carrier, user: OutboxUser) {
    this.#settings = settings
    this.#carrier = carrier
    this.#user = user
    if (settings.preamble !== null) this.add(settings.preamble)
  }

  get isOver(): boolean {
    return this.#phase !== 'open'
  }
  /** Bytes written that have not left. */
  get queued(): number {
    return this.#batch.length + this.#carrier.waiting
  }
  /** Bytes written so far, and those of them that have left, or may have. */
  get written(): number {
    return this.#given + this.#batch.length
  }
  get left(): number {
    return this.#given - this.#carrier.held
  }
  get isFull(): boolean {
    return this.queued > this.#settings.highWaterMarkBytes
  }

  /** Writes a frame. @throws {QbpError} of a message that cannot be sent: nothing of it is sent then. */
  write(frame: (framer: Framer, output: Output) => number): void {
    if (this.isOver) return
    const before = this.queued
    this.add(singleFrame((output) => frame(this.#settings.framer, output)))
    const { maxQueuedBytes } = this.#settings
    if (before === 0 || this.queued <= maxQueuedBytes) return
    const text = `${this.queued} bytes wait for a peer that does not read; maxQueuedBytes allows ${maxQueuedBytes}.`
    this.#user.tooSlow(new QbpError('ERR_QBP_QUEUE_FULL', text, { size: this.queued, limit: maxQueuedBytes }))
  }

  /** Writes a frame that is made already. */
  add(frame: Uint8Array): void {
    if (this.isOver) return
    this.#batch.add(frame)
    this.#schedule()
  }

  /** Resolves when there is room for more. @throws what ended it. */
  room(): Promise<void> {
    if (this.#fault !== null) return Promise.reject(this.#fault)
    if (!this.isFull) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** Ends after what was written. */
  end(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'ending'
    this.#schedule()
  }

  fail(fault: Error): void {
    if (this.#fault !== null) return
    this.#phase = 'over'
    this.#fault = fault
    this.#batch.clear()
    for (const { reject } of this.#waiters) reject(fault)
    this.#waiters = []
  }

  /** The carrier has room again. */
  drained(): void {
    this.#flush()
  }

  /** @throws {QbpError} ERR_QBP_CLOSED or its fault. */
  refusal(): Error {
    return this.#fault ?? new QbpError('ERR_QBP_CLOSED', 'The writer has ended: nothing more can be written.')
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    if (this.#phase === 'over') return
    const { highWaterMarkBytes } = this.#settings
    while (this.#carrier.waiting <= highWaterMarkBytes) {
      const chunk = this.#batch.take()
      if (chunk === null) break
      this.#given += chunk.length
      this.#carrier.send(chunk)
    }
    if (!this.isFull) for (const { resolve } of this.#waiters.splice(0)) resolve()
    if (this.#phase !== 'ending' || this.#batch.length > 0) return
    this.#phase = 'over'
    this.#user.done()
  }
}
