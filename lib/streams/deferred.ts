/** Something that waits for a value and is settled once. */
export interface Waiter<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/** A promise that its maker settles, once; a signal may end it earlier, with its reason. */
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

  /** @param aborted is called when the signal aborts, before the promise is rejected. */
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
