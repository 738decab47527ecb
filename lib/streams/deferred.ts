/** Who waits for a value: settled once, by whoever has it. */
export interface Waiter<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that whoever made it settles, once; a signal may end it earlier, with its reason. */
export class Deferred<T> implements Waiter<T> {
  readonly promise: Promise<T>
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void
  #leaveSignal: (() => void) | null = null

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** @param aborted is told of the signal before the promise is. */
  heed(signal: AbortSignal, aborted: () => void): void {
    const abort = () => {
      aborted()
      this.#reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#leaveSignal = () => signal.removeEventListener('abort', abort)
  }

  resolve(value: T): void {
    this.#leaveSignal?.()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#leaveSignal?.()
    this.#reject(error)
  }
}
