import type { AllLimits } from '../bus-options.ts'
import type { Position } from '../contract.ts'
import { LocalLog, type Logged, type SavedLog } from './log.ts'

interface Appended {
  readonly log: LocalLog
  readonly logged: Logged
}

/** How many entries that were dropped already may stand in the order, beside as many that were not. */
const SLACK = 1024

/** The logs of one kind, by channel, which keep so many bytes together. */
export class LocalLogs {
  readonly #limits: AllLimits
  readonly #logs = new Map<string, LocalLog>()
  /** All frames in the order in which they came, where bytes are limited; those that their log has dropped among them. */
  #order: Appended[] = []
  #head = 0
  #frames = 0
  #bytes = 0
  /** Changes with what is kept. */
  version = 0

  constructor(limits: AllLimits) {
    this.#limits = limits
  }

  log(channel: string): LocalLog {
    let log = this.#logs.get(channel)
    if (log === undefined) {
      log = this.#make()
      this.#logs.set(channel, log)
    }
    return log
  }

  append(channel: string, frame: Uint8Array, by: object): Position {
    const log = this.log(channel)
    this.version++
    const position = log.append(frame, by)
    this.#count(log, log.at(position.offset))
    this.#trim()
    return position
  }

  /** What a file has of a channel. */
  load(channel: string, saved: SavedLog): void {
    const log = this.#make(saved)
    this.#logs.set(channel, log)
    for (const logged of saved.frames) this.#count(log, logged)
  }

  /** All of them, by channel. */
  *saved(): Iterable<readonly [channel: string, saved: SavedLog]> {
    for (const [channel, log] of this.#logs) yield [channel, log.saved]
  }

  /** They are gone; what is written from here on belongs to other logs. */
  lose(): void {
    this.version++
    this.#logs.clear()
    this.#order = []
    this.#head = 0
    this.#frames = 0
    this.#bytes = 0
  }

  /** What was loaded comes in the order of its times. */
  loaded(): void {
    this.#order.sort((a, b) => a.logged.at - b.logged.at)
    this.#trim()
  }

  #make(saved?: SavedLog): LocalLog {
    const log: LocalLog = new LocalLog(this.#limits, ({ frame }) => this.#drop(frame), saved)
    return log
  }

  #count(log: LocalLog, logged: Logged | undefined): void {
    if (logged === undefined) return // It was too many itself.
    this.#frames++
    this.#bytes += logged.frame.length
    if (this.#limits.logMaxBytes !== Infinity) this.#order.push({ log, logged })
  }

  #drop(frame: Uint8Array): void {
    this.#frames--
    this.#bytes -= frame.length
  }

  #trim(): void {
    for (; this.#bytes > this.#limits.logMaxBytes && this.#head < this.#order.length; this.#head++) {
      const { log, logged } = this.#order[this.#head] as Appended
      if (!logged.isTrimmed) log.shift() // In its log too it is the oldest.
    }
    if (this.#order.length <= 2 * this.#frames + SLACK) return
    this.#order = this.#order.filter(({ logged }) => !logged.isTrimmed)
    this.#head = 0
  }
}
