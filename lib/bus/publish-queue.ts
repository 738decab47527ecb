import { QbpError } from '../base/errors.ts'
import { diagnose } from './bus-channels.ts'
import type { Bus } from './contract.ts'

/** The durable publications of a bus that wait for the engine, in bytes. */
export class PublishQueue {
  readonly #bus: Bus
  readonly #limit: number
  #bytes = 0

  constructor(bus: Bus, limit: number) {
    this.#bus = bus
    this.#limit = limit
  }

  /**
   * One more. Alone, any that fits into a frame.
   *
   * @throws {QbpError} ERR_QBP_QUEUE_FULL
   */
  enter(size: number): void {
    const bytes = this.#bytes + size
    if (this.#bytes > 0 && bytes > this.#limit) {
      diagnose('qbp:bus:queue', { bus: this.#bus, bytes, limit: this.#limit })
      const message = `${bytes} bytes would wait for the engine, allowed are ${this.#limit} (maxQueuedBytes). Publish less, or wait for what is under way.`
      throw new QbpError('ERR_QBP_QUEUE_FULL', message, { size: bytes, limit: this.#limit })
    }
    this.#bytes = bytes
  }

  /** It is in the log, or was given up. */
  leave(size: number): void {
    this.#bytes -= size
  }
}
