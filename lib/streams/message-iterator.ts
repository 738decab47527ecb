import { NONE, type None } from '../framing/message-reader.ts'
import type { Waiter } from './deferred.ts'

/** A source that hands out messages one by one. */
export interface MessageSource<T> {
  /** The next message, null at the end, NONE to wait. @throws the stream's fault. */
  next(): T | null | None
  /** Lets somebody wait for what `next` had not. */
  wait(waiter: Waiter<T | null>): void
  /** The loop was left before the end; `waiter` may still wait. */
  leave(waiter: Waiter<T | null>): void
}

type Result<T> = IteratorResult<T, undefined>

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true }

function resultOf<T>(value: T | null): Result<T> {
  return value === null ? DONE : { value, done: false }
}

/**
 * What `for await` runs on: an async generator would take three turns of the microtask queue for a message, this takes one. It
 * waits itself, as often as need be: of a connection that says something now and then, what is made for each waiting outlives
 * two collections of garbage, and costs far more than it seems.
 */
export class Messages<T> implements NodeJS.AsyncIterator<T, undefined, undefined>, Waiter<T | null> {
  /** Null once the loop was left. */
  #source: MessageSource<T> | null
  /** Of the result that is waited for. A promise has a function to reject it as well, which would be 56 bytes more of each that waits. */
  #resolve: ((result: Result<T> | Promise<never>) => void) | null = null

  constructor(source: MessageSource<T>) {
    this.#source = source
  }

  next(): Promise<Result<T>> {
    const source = this.#source
    if (source === null) return Promise.resolve(DONE)
    try {
      const message = source.next()
      return message === NONE ? this.#wait(source) : Promise.resolve(resultOf(message as T | null))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  return(): Promise<Result<T>> {
    this.#source?.leave(this)
    this.#source = null
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #wait(source: MessageSource<T>): Promise<Result<T>> {
    const result = new Promise<Result<T>>((resolve) => {
      this.#resolve = resolve
    })
    source.wait(this)
    return result
  }

  // ---- for the source

  resolve(message: T | null): void {
    this.#takeResolve()?.(resultOf(message))
  }

  reject(error: unknown): void {
    this.#takeResolve()?.(Promise.reject(error))
  }

  /** It would keep the message. */
  #takeResolve(): ((result: Result<T> | Promise<never>) => void) | null {
    const resolve = this.#resolve
    this.#resolve = null
    return resolve
  }
}
