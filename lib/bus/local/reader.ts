import type { BusBase } from '../bus-base.ts'
import type { LogListener, LogOptions, Position, Since, Subscription } from '../contract.ts'
import { samePosition } from '../position.ts'
import type { LocalLog } from './log.ts'
import type { LocalLogs } from './logs.ts'

/** What a reader has to know of the hub it reads from. */
export interface ReaderShare {
  /** By channel. */
  readonly readers: Map<string, Set<LocalReader>>
  logsOf(kind: string | undefined): LocalLogs
  later(call: () => void): void
}

/** How many frames of a backlog are read in one turn of the event loop. */
const READ_PER_TURN = 256

function placeIn(log: LocalLog, since: Since): Position {
  if (since === 'now') return log.end
  const { start, end } = log
  if (since === 'first') return start
  if ('epoch' in since) return since
  const offset = end.offset - BigInt(since.last)
  return offset > start.offset ? log.position(offset) : start
}

/** A place in a log that follows the log's end. */
export class LocalReader implements Subscription {
  readonly channel: string
  position: Position
  readonly #hub: ReaderShare
  readonly #logs: LocalLogs
  readonly #bus: BusBase
  readonly #listener: LogListener
  readonly #options: LogOptions
  readonly #gone: () => void
  #awake = false
  #isCaughtUp = false

  constructor(
    hub: ReaderShare,
    bus: BusBase,
    channel: string,
    listener: LogListener,
    options: LogOptions,
    gone: () => void,
  ) {
    this.channel = channel
    this.#hub = hub
    this.#bus = bus
    this.#listener = listener
    this.#options = options
    this.#gone = gone
    this.#logs = hub.logsOf(options.logKind)
    const log = this.#logs.log(channel)
    this.position = placeIn(log, options.since)
    if (!samePosition(this.position, log.end)) bus.reportLag(channel)
    hub.readers.set(channel, (hub.readers.get(channel) ?? new Set()).add(this))
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
    const readers = this.#hub.readers.get(this.channel)
    if (readers?.delete(this) && readers.size === 0) this.#hub.readers.delete(this.channel)
    this.#gone()
  }

  get #isOpen(): boolean {
    return this.#hub.readers.get(this.channel)?.has(this) === true
  }

  /** @returns whether there is more. */
  #read(): boolean {
    const log = this.#logs.log(this.channel)
    const { channel, position: after } = this
    const { position: resumed, reason } = log.resume(after)
    const { end } = log
    this.position = resumed
    if (reason !== undefined) this.#bus.reportGap({ channel, reason, after, resumed }, this.#options.onGap)
    for (let n = 0; n < READ_PER_TURN && this.position.offset < end.offset && this.#isOpen; n++) {
      const offset = this.position.offset + 1n
      const logged = log.at(offset)
      if (!logged) return true // a listener has published, which trimmed the log: look again
      const position = log.position(offset)
      this.position = position
      if (logged.by !== this.#bus || this.#options.echo) this.#bus.guard(() => this.#listener(logged.frame, position))
    }
    return this.position.offset < log.end.offset
  }
}
