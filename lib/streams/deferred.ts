import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { onAbort } from '../base/on-abort.ts'
import { afterInput } from '../event-loop/timers.ts'

/** Something that waits for a value and is settled once. */
export interface Waiter<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * A promise that its maker settles, once; a signal or a time limit may end it earlier. Of the two functions of a promise it keeps one, as
 * what waits on a connection may wait for long: it is rejected by being resolved with what is.
 */
export class Deferred<T> implements Waiter<T> {
  readonly promise: Promise<T>
  /** Null once it is settled. */
  #resolve: ((value: T | Promise<never>) => void) | null = null
  /** Take back what may end it earlier; null where nothing may, and once it is settled. */
  #limits: (() => void)[] | null = null

  constructor() {
    this.promise = new Promise<T>((resolve) => {
      this.#resolve = resolve
    })
  }

  /** @param aborted is called when the signal aborts, before the promise is rejected. */
  heed(signal: AbortSignal, aborted: () => void): void {
    const leave = onAbort(signal, () => {
      aborted()
      this.reject(signal.reason)
    })
    this.#limit(leave)
  }

  /**
   * @param expired is called when it is not settled after so long, before the promise is rejected with what it returns. Bytes
   * that have waited in the kernel meanwhile, while this process was busy, are read first.
   */
  expire(ms: number, expired: () => Error): void {
    if (ms > LONGEST_TIMER_MS) return
    const timer = setTimeout(() => afterInput(() => this.#limits !== null && this.reject(expired())), ms)
    this.#limit(() => clearTimeout(timer))
  }

  #limit(takeBack: () => void): void {
    this.#limits ??= []
    this.#limits.push(takeBack)
  }

  resolve(value: T): void {
    this.#take()?.(value)
  }

  reject(error: unknown): void {
    this.#take()?.(Promise.reject(error))
  }

  /** What settles it, once; nothing ends it earlier any more. */
  #take(): ((value: T | Promise<never>) => void) | null {
    const resolve = this.#resolve
    const limits = this.#limits
    this.#resolve = this.#limits = null
    if (limits !== null) for (const takeBack of limits) takeBack()
    return resolve
  }
}
