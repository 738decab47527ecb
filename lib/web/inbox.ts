import { QbpError } from '../base/errors.ts'
import { MessageReader, type MessageReaderSettings, NONE, type None } from '../framing/message-reader.ts'
import type { Tally } from '../framing/traffic.ts'

/** Somebody who waits for a message. */
export interface Waiter {
  resolve(message: object | null): void
  reject(fault: unknown): void
}

/** What bytes come to: an inbox, or what takes calls out in front of it. */
export interface Intake {
  arrive(chunk: Uint8Array): void
  /** The peer sends nothing more. */
  end(): void
  /** The fault comes after the messages that are here. */
  fail(fault: Error): void
  /** The cut inside a frame by which the bytes ended, as far as it is known. */
  truncation(): Error | null
  /** Whether somebody waits for bytes. */
  readonly waiting: boolean
  readonly frames: { readonly index: number; readonly pending: number }
}

/** What an inbox reports to: the connection. */
export interface InboxUser {
  /** Bytes that came are taken: there is room for more. */
  taken(): void
  /** What came is no message. */
  failed(fault: Error): void
}

// What came, from the wire to its reader. What the peer decides waits until all that it sent was handed out; what this side decides takes
// effect at once:
//
//   open ──┬─ end() ──► ended ──────► null, or ERR_QBP_TRUNCATED ─┐
//          ├─ fail() ─► an Error ───► thrown, after the messages ─┼─► over
//          └─ discard(), abort() ────────────────────────────────┘
type Phase = 'open' | 'ended' | 'over'

/** Received bytes, decoded when somebody asks for a message. */
export class Inbox implements Intake {
  readonly messages: MessageReader
  readonly #user: InboxUser
  #chunks: Uint8Array[] = []
  /** Bytes of those. */
  #unread = 0
  #phase: Phase = 'open'
  /** What comes after the last message, where that is a fault. */
  #fault: Error | null = null
  #waiter: Waiter | null = null

  /** @param counting counts what is taken. */
  constructor(settings: MessageReaderSettings, user: InboxUser, counting: { readonly in: Tally } | null = null) {
    this.messages = new MessageReader(settings, true, counting?.in)
    this.#user = user
  }

  get unread(): number {
    return this.#unread
  }
  /** Whether somebody waits for bytes. */
  get waiting(): boolean {
    return this.#waiter !== null
  }
  get frames(): { readonly index: number; readonly pending: number } {
    return this.messages.frames
  }

  // ---- for the connection

  arrive(chunk: Uint8Array): void {
    if (this.#phase !== 'open' || chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#unread += chunk.length
    this.#wake()
  }

  /** The peer sends nothing more. */
  end(): void {
    if (this.#phase !== 'open') return
    this.#phase = 'ended'
    this.#wake()
  }

  /** The fault comes after the messages that are here. */
  fail(fault: Error): void {
    if (this.#phase !== 'open') return
    this.#fault = fault
    this.end()
  }

  /** Drops what came: null comes next, or the fault. */
  discard(fault: Error | null = null): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#fault = fault
    this.#chunks = []
    this.#unread = 0
    this.#wake()
  }

  /** The cut inside a frame by which the bytes ended, where all of them are taken. */
  truncation(): Error | null {
    if (this.#unread > 0 || this.#phase !== 'ended' || this.#fault !== null) return null
    try {
      this.messages.frames.finish()
      return null
    } catch (fault) {
      return fault as Error
    }
  }

  // ---- for the reader

  /** @throws {QbpError} ERR_QBP_BUSY, or what came instead of a message. */
  next(): object | null | None {
    if (this.#waiter !== null)
      throw new QbpError('ERR_QBP_BUSY', 'Another call waits for the next message: one at a time may read.')
    return this.#take()
  }

  wait(waiter: Waiter): void {
    this.#waiter = waiter
  }

  forget(): void {
    this.#waiter = null
  }

  #take(): object | null | None {
    if (this.#phase === 'over') return this.#last()
    try {
      for (;;) {
        const message = this.messages.take()
        if (message !== NONE) return message
        const chunk = this.#chunks.shift()
        if (chunk === undefined) break
        this.#unread -= chunk.length
        this.messages.frames.feed(chunk)
        this.#user.taken()
      }
      if (this.#phase === 'open') return NONE
      if (this.#fault === null) this.messages.frames.finish()
    } catch (fault) {
      this.discard(fault as Error)
      this.#user.failed(fault as Error)
    }
    this.#phase = 'over'
    return this.#last()
  }

  #last(): null {
    if (this.#fault !== null) throw this.#fault
    return null
  }

  #wake(): void {
    const waiter = this.#waiter
    if (waiter === null) return
    this.#waiter = null
    try {
      const message = this.#take()
      if (message === NONE) this.#waiter ??= waiter
      else waiter.resolve(message as object | null)
    } catch (fault) {
      waiter.reject(fault)
    }
  }
}
