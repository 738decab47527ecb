import { QbpError } from './errors.ts'
import { countLimit, milliseconds } from './options.ts'

/** How long to wait between attempts, and how many to make. */
export interface BackoffOptions {
  /** Default: 100, or maxDelayMs where that is less. */
  minDelayMs?: number | undefined
  /** Default: 30 s. */
  maxDelayMs?: number | undefined
  /** Default: Infinity. */
  maxAttempts?: number | undefined
}

/**
 * The waits between attempts. They double from minDelayMs to maxDelayMs, and each is a random part of its length, so that a thousand
 * clients do not come back at once. They begin anew once a success has lasted as long as the last wait.
 */
export class Backoff {
  readonly #shortestMs: number
  readonly #longestMs: number
  readonly #maxAttempts: number
  #delayMs: number
  #failures = 0

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor({ minDelayMs, maxDelayMs, maxAttempts }: BackoffOptions) {
    this.#longestMs = milliseconds('maxDelayMs', maxDelayMs, 30_000)
    this.#shortestMs = milliseconds('minDelayMs', minDelayMs, Math.min(100, this.#longestMs))
    this.#maxAttempts = countLimit('maxAttempts', maxAttempts, Number.POSITIVE_INFINITY)
    if (this.#shortestMs > this.#longestMs) {
      const text = `minDelayMs is ${this.#shortestMs}, more than maxDelayMs, ${this.#longestMs}.`
      throw new QbpError('ERR_QBP_BAD_OPTION', text)
    }
    this.#delayMs = this.#shortestMs
  }

  /** Attempts in a row that failed. */
  get failures(): number {
    return this.#failures
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** @throws the attempt's error where it is of no use to try again: after maxAttempts, or for a wrong option. */
  failed(error: unknown): void {
    if (error instanceof QbpError && error.code === 'ERR_QBP_BAD_OPTION') throw error
    if (++this.#failures >= this.#maxAttempts) throw error
  }

  /** @returns how long to wait before the next attempt. @param lastedMs how long the last success has lasted; 0 after a failure. */
  nextMs(lastedMs: number): number {
    if (lastedMs >= this.#delayMs) this.#delayMs = this.#shortestMs
    const waitMs = Math.random() * this.#delayMs
    this.#delayMs = Math.min(2 * this.#delayMs, this.#longestMs)
    return waitMs
  }
}
