import { NONE } from './inbox.ts'

/** Whoever hands out messages one by one. */
export interface MessageSource<T> {
  /** The next message, null at the end, NONE to wait. @throws the stream's fault. */
  next(): T | null | typeof NONE
  /** Waits for what `next` had not. */
  wait(): Promise<T | null>
  /** The loop was left before the end; `waits` if its own `wait` was under way. */
  leave(waits: boolean): void
}

/** What `for await` runs on: an async generator would take three turns of the microtask queue for a message, this takes one. */
export function iterate<T>(source: MessageSource<T>): NodeJS.AsyncIterator<T, undefined, undefined> {
  let left = false
  let waits = false
  const done: IteratorReturnResult<undefined> = { value: undefined, done: true }
  const result = (value: T | null): IteratorResult<T, undefined> => (value === null ? done : { value, done: false })
  const iterator: NodeJS.AsyncIterator<T, undefined, undefined> = {
    next() {
      if (left) return Promise.resolve(done)
      try {
        const message = source.next()
        if (message !== NONE) return Promise.resolve(result(message))
        waits = true
        return source.wait().then((come) => {
          waits = false
          return result(come)
        })
      } catch (error) {
        return Promise.reject(error)
      }
    },
    return() {
      if (!left) source.leave(waits)
      left = true
      return Promise.resolve(done)
    },
    [Symbol.asyncIterator]: () => iterator,
    async [Symbol.asyncDispose]() {
      await iterator.return?.()
    },
  }
  return iterator
}
