import { QbpError } from '../../base/errors.ts'
import { now } from '../../event-loop/clock.ts'
import { pause } from '../../event-loop/timers.ts'
import type { NatsLink } from './link.ts'

/** How often it is tried, where other nodes do so at the same moment. */
const ATTEMPTS = 10

/**
 * The server's clock, so that no two nodes need to agree on the time: to half a round trip. A message's time stamp is the only clock that a
 * 2.9 server shows.
 */
export class ServerClock {
  readonly #link: NatsLink
  readonly #stream: string
  readonly #subject: string
  /** What to add to the clock, in ms. */
  #offset = 0

  constructor(link: NatsLink, stream: string, subject: string) {
    this.#link = link
    this.#stream = stream
    this.#subject = subject
  }

  /** In ms since 1970. */
  get now(): number {
    return now() + this.#offset
  }

  /** Reads it anew. */
  async read(): Promise<void> {
    for (let n = 0; n < ATTEMPTS; n++) {
      const before = now()
      const { seq } = await this.#link.js.publish(this.#subject)
      const after = now()
      const message = await this.#link.jsm.streams.getMessage(this.#stream, { seq })
      if (message?.subject === this.#subject) {
        this.#offset = message.time.getTime() - (before + after) / 2
        return
      }
      // Another node was reading the clock as well, and its message has replaced ours. They get out of each other's way.
      await pause(Math.random() * 2 ** Math.min(n, 6))
    }
    throw new QbpError('ERR_QBP_BUS_REFUSED', 'Too many nodes are connecting at once to read the clock. Try again.')
  }
}
