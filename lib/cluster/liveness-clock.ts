import { now } from '../event-loop/clock.ts'

/**
 * Goes on only while the engine answers. What was not heard of while it was silent, or while this node's own link was down, is no
 * sign of death; and a link that flaps does not keep the dead alive.
 */
export class LivenessClock {
  #now = 0
  #last = now()

  /** In ms, from the first start on. */
  get now(): number {
    return this.#now
  }

  start(): void {
    this.#last = now()
  }

  /** The engine has answered. Since the last time it did, no more than `mostMs` count. */
  tick(mostMs: number): void {
    const elapsed = now() - this.#last
    this.#last += elapsed
    this.#now += elapsed <= mostMs ? elapsed : mostMs / 4
  }
}
