import { NONE, type None } from './inbox.ts'
import { type Waiter, Waiting } from './waiting.ts'

/** Whoever hands out messages one by one. */
export interface MessageSource<T> {
  /** The next message, null at the end, NONE to wait. @throws the stream's fault. */
  next(): T | null | None
  /** Lets somebody wait for what `next` had not. */
  wait(waiter: Waiter<T | null>): void
  /** The loop was left before the end; `waiter` is its own, if it ever waited. */
  leave(waiter: Waiter<T | null> | null): void
}

type Result<T> = IteratorResult<T, undefined>

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true }

function resultOf<T>(value: T | null): Result<T> {
  return value === null ? DONE : { value, done: false }
}

/** What `for await` runs on: an async generator would take three turns of the microtask queue for a message, this takes one. */
export class Messages<T> implements NodeJS.AsyncIterator<T, undefined, undefined> {
  readonly #source: MessageSource<T>
  #waiter: NextResult<T> | null = null
  #hasLeft = false

  constructor(source: MessageSource<T>) {
    this.#source = source
  }

  next(): Promise<Result<T>> {
    if (this.#hasLeft) return Promise.resolve(DONE)
    try {
      const message = this.#source.next()
      if (message !== NONE) return Promise.resolve(resultOf(message as T | null))
      this.#waiter = new NextResult<T>()
      this.#source.wait(this.#waiter)
      return this.#waiter.waiting.promise
    } catch (error) {
      return Promise.reject(error)
    }
  }

  return(): Promise<Result<T>> {
    if (!this.#hasLeft) this.#source.leave(this.#waiter)
    this.#hasLeft = true
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

/** Makes a result of the message that comes, without another promise between. */
class NextResult<T> implements Waiter<T | null> {
  readonly waiting = new Waiting<Result<T>>()

  resolve(message: T | null): void {
    this.waiting.resolve(resultOf(message))
  }

  reject(error: unknown): void {
    this.waiting.reject(error)
  }
}
