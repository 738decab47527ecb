// A writer without Node's side: messages come in, are checked and encoded at once, and leave in batches.
//
//   phase:  open ── end() ──► ending ── the last byte has left ──► finished
//             │                 │
//             └── destroy() ────┴──► destroyed, and what waits is given up
//
// Messages are taken while it is open; see message-intake.ts. In both phases before the last, batches leave; see outflow.ts.

import type { MessageWriter } from '../framing/message-writer.ts'
import { MessageIntake } from './message-intake.ts'
import type { WriterOwner, WriterPort } from './ports.ts'

/** The inside of a writer. */
export class Sender extends MessageIntake implements WriterPort {
  #phase: 'open' | 'ending' | 'finished' | 'destroyed' = 'open'
  /** Frames of others that were left out. */
  #skipped = 0

  get isOver(): boolean {
    return this.#phase !== 'open'
  }

  get framer(): MessageWriter {
    return this.settings.framer
  }

  get highWaterMark(): number {
    return this.settings.highWaterMarkBytes
  }

  get maxQueuedBytes(): number {
    return this.settings.maxQueuedBytes
  }

  /** `write` has returned false, and `drain` is to follow. */
  get needsDrain(): boolean {
    return this.outflow?.isFull === true && !this.isOver
  }

  // ---- what is on its way

  get written(): number {
    return this.outflow?.written ?? 0
  }

  get left(): number {
    return this.outflow?.sent ?? 0
  }

  hasRoom(size: number, most: number = this.settings.maxQueuedBytes / 2): boolean {
    const { queued } = this
    return queued === 0 || queued + size <= most
  }

  onceBelow(bytes: number, act: () => void): void {
    this.flow.onceBelow(bytes, act)
  }

  skip(): void {
    this.#skipped++
  }

  get skipped(): number {
    return this.#skipped
  }

  // ---- the way out

  flush(): void {
    this.outflow?.flush(true)
  }

  hold(): void {
    this.flow.hold()
  }

  drained(): void {
    this.outflow?.drained()
  }

  /** Bytes have been taken. */
  relieve(): void {
    this.outflow?.relieve()
  }

  /** A write has come after the end. */
  relieveLate(): void {
    this.flow.pushBack.liftLate()
  }

  room(signal: AbortSignal | undefined): Promise<void> {
    return this.flow.pushBack.wait(signal)
  }

  // ---- the end

  /** No message follows. */
  end(): void {
    if (this.#phase === 'open') this.#phase = 'ending'
  }

  /** Node's side has ended; `done` is called when all that was written has left. */
  finish(done: () => void): void {
    this.flow.end(() => {
      this.#phase = 'finished'
      const { owner } = this
      if (owner === null) done()
      else owner.finish(done)
    })
  }

  fail(fault: Error): void {
    this.outflow?.lose(fault)
    this.destroy(fault)
    this.stream.destroy(fault)
  }

  /** The stream was destroyed: nothing of what waits is sent. @returns false where it was before. */
  destroy(reason: Error): boolean {
    if (this.#phase === 'destroyed') return false
    this.#phase = 'destroyed'
    this.outflow?.destroy(reason)
    return true
  }

  own(owner: WriterOwner): void {
    this.owner = owner
    // At once: the peer may wait for it before it says anything.
    if (this.begin()) this.scheduleFlush()
  }
}
