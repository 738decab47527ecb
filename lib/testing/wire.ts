import { countLimit } from '../base/options.ts'

/** One way of a pair: what crosses it can be delayed, held and lost. */
export class Lane {
  /** Every byte, and the end, arrives so much later. */
  latencyMs: number
  #isPaused = false
  #held: (() => void)[] = []
  #toLose = 0

  constructor(latencyMs: number) {
    this.latencyMs = latencyMs
  }

  /** Nothing arrives until `resume`. */
  pause(): void {
    this.#isPaused = true
  }

  /** What was held arrives, in order. */
  resume(): void {
    this.#isPaused = false
    while (!this.#isPaused && this.#held.length > 0) this.#held.shift()?.()
  }

  /** Loses the next chunks: as a connection writes them, all messages of a tick are one. */
  lose(chunks = 1): void {
    this.#toLose += countLimit('chunks', chunks, 1)
  }

  /** Whether the chunk that is written now is lost. */
  takeLoss(): boolean {
    if (this.#toLose === 0) return false
    this.#toLose--
    return true
  }

  /** Lets something arrive. */
  carry(arrive: () => void): void {
    if (this.latencyMs > 0) setTimeout(() => this.#arrive(arrive), this.latencyMs)
    else this.#arrive(arrive)
  }

  #arrive(arrive: () => void): void {
    if (this.#isPaused || this.#held.length > 0) this.#held.push(arrive)
    else arrive()
  }
}

/** What lies between the two ends of a pair. */
export class Wire {
  /** From the left end to the right, from the client to the server; and back. */
  readonly there: Lane
  readonly back: Lane
  readonly #cut: () => void

  constructor(there: Lane, back: Lane, cut: () => void) {
    this.there = there
    this.back = back
    this.#cut = cut
  }

  /** Nothing arrives either way until `resume`. */
  pause(): void {
    this.there.pause()
    this.back.pause()
  }

  /** What was held arrives, either way. */
  resume(): void {
    this.there.resume()
    this.back.resume()
  }

  /** Both ends see a reset (ECONNRESET), at once. */
  cut(): void {
    this.#cut()
  }
}
