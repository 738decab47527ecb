import { immediate } from '../event-loop/timers.ts'

/** How many calls of one turn are answered within it. */
const CALLS_PER_TURN = 64

/**
 * Lets input, output and timers have their turn between calls that are answered at once: a loop that awaits each would keep
 * them waiting for ever.
 */
export class Breather {
  #calls = 0

  /** Nothing, or for a call too many in this turn a promise of the next. */
  next(): Promise<void> | undefined {
    if (++this.#calls === 1) immediate(this.#reset)
    return this.#calls < CALLS_PER_TURN ? undefined : new Promise((resolve) => immediate(resolve))
  }

  readonly #reset = (): void => {
    this.#calls = 0
  }
}
