/** A promise that whoever made it settles, once; a signal may end it earlier, with its reason. */
export class Waiting<T> {
  readonly promise: Promise<T>
  #resolve!: (value: T) => void
  #reject!: (error: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #aborted: (() => void) | undefined

  /** @param aborted is told of the signal before the promise is. */
  constructor(signal?: AbortSignal, aborted?: () => void) {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (signal === undefined) return
    this.#signal = signal
    this.#aborted = () => {
      aborted?.()
      this.#reject(signal.reason)
    }
    signal.addEventListener('abort', this.#aborted, { once: true })
  }

  resolve(value: T): void {
    this.#leaveSignal()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#leaveSignal()
    this.#reject(error)
  }

  #leaveSignal(): void {
    if (this.#aborted !== undefined) this.#signal?.removeEventListener('abort', this.#aborted)
  }
}
