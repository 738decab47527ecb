import type { Duplex } from 'node:stream'
import type { WriterOwner } from '../streams/ports.ts'
import type { WriteCallback } from '../streams/write-callbacks.ts'
import type { Conversation } from './conversation.ts'
import { type HeardDuplex, stopDrain } from './duplex-events.ts'
import { give, lost, type Sending, SentBuffers, sendingOf } from './sending.ts'

/** What an outlet reports to: the connection. */
export interface OutletUser extends Pick<WriterOwner, 'connection' | 'writerDestroyed' | 'listenerThrew'> {
  /** Bytes could not be given to the duplex. */
  duplexFailed(fault: Error): void
}

//    open ── stop ──► moving ── go ──► open
//
//   open     What the writer sends goes to the duplex.
//   moving   The duplex is being handed on: what is written waits in the writer.

/** The way from a writer to a duplex: batches one way, and push-back the other. */
export class Outlet implements WriterOwner {
  #duplex: HeardDuplex
  #conversation: Conversation
  readonly #user: OutletUser
  #phase: 'open' | 'moving' = 'open'
  /** Bytes given to the duplex. */
  #given = 0
  /** What was sent lies in these. */
  #spares: SentBuffers | null = null
  /** To be called when the duplex has sent all. */
  #onFinished: (() => void) | null = null

  constructor(duplex: Duplex, conversation: Conversation, user: OutletUser) {
    this.#duplex = duplex
    this.#conversation = conversation
    this.#user = user
  }

  get sending(): Sending {
    return sendingOf(this.#duplex, this.#given)
  }

  // ---- for the writer

  get connection(): object {
    return this.#user.connection
  }

  send(chunk: Uint8Array, sent?: WriteCallback, buffer: Uint8Array | null = null): boolean {
    const duplex = this.#duplex
    if (!duplex.writable) {
      const fault = duplex.errored ?? lost(chunk.length, ': the duplex was ended by another than its connection')
      sent?.(fault)
      if (!duplex.destroyed) this.#user.duplexFailed(fault) // Else the fault, or the end, is under way.
      return false
    }
    this.#given += chunk.length
    const hasRoom = give(duplex, chunk, sent)
    if (buffer !== null) this.#spares = SentBuffers.with(buffer, this.#spares, duplex)
    if (!hasRoom) this.#conversation.deadlines.blocked()
    return hasRoom
  }

  cork(): void {
    const duplex: Partial<Duplex> = this.#duplex
    duplex.cork?.() // One of an old kind has none.
  }

  uncork(): void {
    const duplex: Partial<Duplex> = this.#duplex
    duplex.uncork?.()
    this.#spares?.giveBack(this.#duplex)
  }

  finish(finished: () => void): void {
    if (this.#duplex.writableFinished) finished()
    else this.#onFinished = finished
    this.#duplex.end()
  }

  writerDestroyed(fault: Error | null): void {
    if (fault === null && this.#phase === 'open') this.#duplex.end() // Destroyed by its user, it ends nothing by itself.
    this.#user.writerDestroyed(fault)
  }

  refused(fault: unknown): void {
    this.#conversation.refused(fault)
  }

  listenerThrew(error: Error): void {
    this.#user.listenerThrew(error)
  }

  // ---- for the plumbing

  /** There is room again. */
  drained(): void {
    this.#spares?.giveBack(this.#duplex)
    this.#conversation.writer.drained()
  }

  /** The duplex has ended, and sent all. */
  allSent(): void {
    this.#onFinished?.()
    this.#onFinished = null
  }

  /** Goes on with another writer: what the last one wrote is sent. */
  change(next: Conversation): void {
    this.#conversation.written?.flush()
    this.#conversation = next
    if (this.#duplex.writableNeedDrain) next.writer.hold()
  }

  /** Nothing is sent from now on: what was written is on its way, and what is written yet waits for `go`. */
  stop(): void {
    this.#phase = 'moving'
    this.#conversation.writer.flush()
    this.#conversation.writer.hold()
    stopDrain(this.#duplex)
  }

  /** Goes on with another duplex. */
  go(duplex: Duplex): void {
    this.#duplex = duplex
    this.#spares = null // What is on its way still lies in the old ones.
    this.#phase = 'open'
  }
}
