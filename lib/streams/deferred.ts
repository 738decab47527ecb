import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { onAbort } from '../base/on-abort.ts'
import { afterInput } from '../event-loop/timers.ts'

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
  #timer: NodeJS.Timeout | undefined

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** @param aborted is called when the signal aborts, before the promise is rejected. */
  heed(signal: AbortSignal, aborted: () => void): void {
    this.#leaveSignal = onAbort(signal, () => {
      aborted()
      this.reject(signal.reason)
    })
  }

  /**
   * @param expired is called when it is not settled after so long, before the promise is rejected with what it returns. Bytes
   * that have waited in the kernel meanwhile, while this process was busy, are read first.
   */
  expire(ms: number, expired: () => Error): void {
    if (ms > LONGEST_TIMER_MS) return
    this.#timer = setTimeout(() => afterInput(() => this.#timer !== undefined && this.reject(expired())), ms)
  }

  resolve(value: T): void {
    this.#leave()
    this.#resolve(value)
  }

  reject(error: unknown): void {
    this.#leave()
    this.#reject(error)
  }

  #leave(): void {
    this.#leaveSignal?.()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
