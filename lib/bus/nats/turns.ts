import { immediate } from '../../event-loop/timers.ts'

/** Turns of the event loop, one for each that asks, one after the other: input and output get theirs between any two. */
export class Turns {
  readonly #waiting: (() => void)[] = []

  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) immediate(this.#run)
    })
  }

  readonly #run = (): void => {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) immediate(this.#run)
  }
}
