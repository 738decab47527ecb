// What comes of a stream: the answers of a call, or its requests. What nobody has asked for waits undecoded, and the other
// side sends no more than the window holds.

import { QbpError } from '../base/errors.ts'
import { copy } from '../codec/wire.ts'
import { CallError } from './call-error.ts'
import { FIRST_WINDOW, ITEM_BYTES } from './limits.ts'

/** Makes of a body what is handed out. */
export interface BodyReader {
  /** @throws {QbpError} ERR_QBP_INVALID_BODY */
  read(buf: Uint8Array, start: number, end: number): unknown
}

/** What an inbox reports to: its call. */
export interface InboxOwner {
  /** The other side may send so much more. */
  grant(credit: number): void
  /** Without credit: more waits than the window holds, or no longer. */
  held(isFull: boolean): void
  /** Nobody reads any more: the loop was left, or a body did not decode. */
  left(fault: CallError | null): void
}

/** A window without limit is opened in steps. */
const MOST_CREDIT = 2 ** 30

type Result = IteratorResult<unknown, undefined>
const DONE: Result = { value: undefined, done: true }

interface Waiter {
  resolve(result: Result): void
  reject(error: unknown): void
}

/** Read by `for await`. Leaving the loop cancels the call, where it is a caller's. */
export class Inbox implements AsyncIterableIterator<unknown, undefined, undefined>, AsyncDisposable {
  readonly #reader: BodyReader
  readonly #owner: InboxOwner
  readonly #windowBytes: number
  readonly #hasCredit: boolean
  #waiters: Waiter[] = []
  /** Bodies that wait, in order, and what they count. */
  #bodies: Uint8Array[] = []
  #waiting = 0
  /** What the other side may still send, as it knows it. */
  #allowed = FIRST_WINDOW
  /** What was taken, or is free from the beginning, and the other side does not know of. */
  #owed: number
  /** Below this the other side hears of what is owed: a short stream ends before. */
  #low = FIRST_WINDOW / 2
  #isHeld = false
  /** 'open' until the end has come: null for a clean one. It counts once what waits was taken. */
  #end: CallError | null | 'open' = 'open'

  constructor(reader: BodyReader, owner: InboxOwner, windowBytes: number, hasCredit: boolean) {
    this.#reader = reader
    this.#owner = owner
    this.#windowBytes = windowBytes
    this.#hasCredit = hasCredit
    this.#owed = windowBytes - FIRST_WINDOW
  }

  // ---- the way in

  /** A body has come: it is copied, unless somebody waits for it. @returns false if it is beyond what the peer may send. */
  arrive(buf: Uint8Array, start: number, end: number): boolean {
    if (this.#end !== 'open') return true
    const cost = end - start + ITEM_BYTES
    if (this.#hasCredit) {
      if (this.#allowed <= 0) return false
      this.#allowed -= cost
    }
    const waiter = this.#waiters.shift()
    if (waiter === undefined) {
      this.#bodies.push(copy(buf, start, end))
      this.#waiting += cost
      if (!this.#hasCredit && this.#waiting > this.#windowBytes) this.#hold(true)
    } else {
      this.#settle(waiter, buf, start, end)
      this.#taken(cost)
    }
    return true
  }

  /** Nothing follows. @param atOnce what waits is given up: this side has decided so. */
  close(fault: CallError | null, atOnce = false): void {
    if (this.#end !== 'open') return
    this.#end = fault
    if (atOnce) this.#drop()
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) this.#conclude(waiter)
  }

  // ---- the way out

  next(): Promise<Result> {
    const body = this.#bodies.shift()
    if (body !== undefined) {
      const cost = body.length + ITEM_BYTES
      this.#waiting -= cost
      this.#taken(cost)
      return new Promise((resolve, reject) => this.#settle({ resolve, reject }, body, 0, body.length))
    }
    return new Promise((resolve, reject) => {
      if (this.#end === 'open') this.#waiters.push({ resolve, reject })
      else this.#conclude({ resolve, reject })
    })
  }

  return(): Promise<Result> {
    this.#leave(null)
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #settle(waiter: Waiter, buf: Uint8Array, start: number, end: number): void {
    let value: unknown
    try {
      value = this.#reader.read(buf, start, end)
    } catch (cause) {
      const fault = undecodable(cause)
      waiter.reject(fault)
      this.#leave(fault)
      return
    }
    waiter.resolve({ value, done: false })
  }

  /** The end is said once, a fault too; after it the stream is over, as a generator's is. */
  #conclude(waiter: Waiter): void {
    const fault = this.#end
    this.#end = null
    if (fault === null || fault === 'open') waiter.resolve(DONE)
    else waiter.reject(fault)
  }

  #leave(fault: CallError | null): void {
    const wasOpen = this.#end === 'open'
    this.#drop()
    this.#end = null
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.resolve(DONE)
    if (wasOpen) this.#owner.left(fault)
  }

  #drop(): void {
    this.#bodies = []
    this.#waiting = 0
    this.#hold(false)
  }

  // ---- the window

  #taken(cost: number): void {
    if (!this.#hasCredit) {
      if (this.#isHeld && this.#waiting <= this.#windowBytes / 2) this.#hold(false)
      return
    }
    this.#owed += cost
    // By and by it would hear of each message that a slow reader takes: a quarter of the window is worth a message.
    if (this.#allowed > this.#low || this.#owed < this.#windowBytes / 4 || this.#end !== 'open') return
    const credit = Math.min(this.#owed, MOST_CREDIT)
    this.#owed -= credit
    this.#allowed += credit
    this.#low = this.#windowBytes / 2
    this.#owner.grant(credit)
  }

  #hold(isFull: boolean): void {
    if (isFull === this.#isHeld) return
    this.#isHeld = isFull
    this.#owner.held(isFull)
  }
}

/** What a body is to the one that waits for it. */
export function undecodable(cause: unknown): CallError {
  if (!(cause instanceof QbpError)) throw cause
  return new CallError('INTERNAL', cause.message, { cause })
}
