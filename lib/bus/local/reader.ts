import type { BusBase } from '../bus-base.ts'
import type { LogListener, LogOptions, Position, Since, Subscription } from '../contract.ts'
import { resume } from '../gap.ts'
import type { LocalLog } from './log.ts'

/** What a reader has to know of the hub it reads from. */
interface Logs {
  readonly readers: Set<LocalReader>
  log(channel: string): LocalLog
  later(call: () => void): void
}

/** How many frames of a backlog are read in one turn of the event loop. */
const READ_PER_TURN = 256

function placeIn(log: LocalLog, since: Since): Position {
  if (since === 'now') return log.end
  const { start, end } = log
  if (since === 'first') return start
  if (!('last' in since)) return since
  const offset = end.offset - BigInt(since.last)
  return offset > start.offset ? { epoch: end.epoch, offset } : start
}

/** A place in a log that follows the log's end. */
export class LocalReader implements Subscription {
  readonly channel: string
  position: Position
  readonly #hub: Logs
  readonly #bus: BusBase
  readonly #listener: LogListener
  readonly #options: LogOptions
  readonly #gone: () => void
  #awake = false
  #isCaughtUp = false

  constructor(hub: Logs, bus: BusBase, channel: string, listener: LogListener, options: LogOptions, gone: () => void) {
    this.channel = channel
    this.#hub = hub
    this.#bus = bus
    this.#listener = listener
    this.#options = options
    this.#gone = gone
    const log = hub.log(channel)
    const { since } = options
    this.position = placeIn(log, since)
    hub.readers.add(this)
    this.wake()
  }

  wake(): void {
    if (this.#awake) return
    this.#awake = true
    this.#hub.later(() => {
      this.#awake = false
      if (!this.#isOpen) return
      if (this.#read()) this.wake()
      else if (!this.#isCaughtUp && this.#isOpen) {
        this.#isCaughtUp = true
        if (this.#options.onCaughtUp) this.#bus.guard(() => this.#options.onCaughtUp?.(this.position))
      }
    })
  }

  close(): void {
    this.#hub.readers.delete(this)
    this.#gone()
  }

  get #isOpen(): boolean {
    return this.#hub.readers.has(this)
  }

  /** @returns whether there is more. */
  #read(): boolean {
    const log = this.#hub.log(this.channel)
    const { start, end } = log
    const found = resume(this.channel, this.position, start, end)
    this.position = found.position
    if (found.gap) this.#bus.reportGap(found.gap, this.#options.onGap)
    for (let n = 0; n < READ_PER_TURN && this.position.offset < end.offset && this.#isOpen; n++) {
      const offset = this.position.offset + 1n
      const logged = log.at(offset)
      if (!logged) return true // a listener has published, which trimmed the log: look again
      const position = { epoch: log.epoch, offset }
      this.position = position
      if (logged.by !== this.#bus || this.#options.echo) this.#bus.guard(() => this.#listener(logged.frame, position))
    }
    return this.position.offset < log.end.offset
  }
}
