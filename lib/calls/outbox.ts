// What goes of a stream: the requests of a call, or its answers, as fast as the other side takes them.

import type { CallMessage } from '../protocol/call-message.ts'
import type { CallHost } from './host.ts'
import { FIRST_WINDOW, ITEM_BYTES } from './limits.ts'
import { MORE, Part } from './part.ts'

/** What may be sent as a stream. */
export type Items<T = unknown> = AsyncIterable<T> | Iterable<T>

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>

/** It sends until the iterable is done, or it is stopped: the call is over then. */
export class Outbox {
  readonly #host: CallHost
  readonly #isReply: boolean
  readonly #id: number
  readonly #message: CallMessage
  #left = FIRST_WINDOW
  #opened: (() => void) | null = null
  #iterator: AnyIterator | null = null
  #isStopped = false

  constructor(host: CallHost, isReply: boolean, id: number, message: CallMessage) {
    this.#host = host
    this.#isReply = isReply
    this.#id = id
    this.#message = message
  }

  /**
   * Sends all of these, and resolves when the last is sent, or the outbox was stopped.
   *
   * @throws what the iterable throws, and the refusal of an item that cannot be sent: the iterable is left then.
   */
  async send(items: Items): Promise<void> {
    const iterator = iteratorOf(items)
    this.#iterator = iterator
    if (this.#isStopped) this.#return()
    while (!this.#isStopped) {
      const { done, value } = await iterator.next()
      if (done) break
      if (this.#isStopped) return
      try {
        const wait = this.#sendOne(value)
        if (wait !== null) await wait
      } catch (refusal) {
        this.#return()
        throw refusal
      }
    }
    this.#iterator = null
  }

  /** The other side takes so much more. */
  credit(bytes: number): void {
    this.#left += bytes
    if (this.#left > 0) this.#open()
  }

  /** Nothing more is sent. An iterable that waits is asked to return. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#open()
    this.#return()
  }

  /** @returns what is to be awaited before the next, or null: most items wait for nothing, and each promise counts. */
  #sendOne(item: unknown): Promise<void> | null {
    const next = new Part(this.#isReply, this.#id, MORE, this.#message.type, this.#message.message(item))
    const hasRoom = this.#host.send(next)
    if (this.#host.hasCredit) this.#left -= next.bodyBytes + ITEM_BYTES
    if (!hasRoom) return this.#host.room().then(() => this.#credited())
    return this.#left > 0 ? null : this.#credited()
  }

  /** Until the other side takes more. */
  async #credited(): Promise<void> {
    if (this.#left <= 0 && !this.#isStopped) await new Promise<void>((resolve) => (this.#opened = resolve))
  }

  #open(): void {
    const opened = this.#opened
    this.#opened = null
    opened?.()
  }

  /** Lets an iterable clean up. What it throws then is its author's. */
  #return(): void {
    const iterator = this.#iterator
    this.#iterator = null
    if (iterator?.return === undefined) return
    try {
      Promise.resolve(iterator.return()).catch((error) => this.#host.report(error))
    } catch (error) {
      this.#host.report(error)
    }
  }
}

function iteratorOf(items: Items): AnyIterator {
  const async = (items as AsyncIterable<object> | null | undefined)?.[Symbol.asyncIterator]
  if (typeof async === 'function') return async.call(items)
  const sync = (items as Iterable<object> | null | undefined)?.[Symbol.iterator]
  if (typeof sync === 'function' && typeof items !== 'string') return sync.call(items)
  throw new TypeError('A stream is sent from an iterable or an async iterable, such as an async generator.')
}
