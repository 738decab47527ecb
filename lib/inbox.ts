import { QbpError } from './errors.ts'
import { Frames } from './frames.ts'
import type { Protocol } from './protocol.ts'
import { type Entry, RawMessage, type Table } from './table.ts'
import { type Skipped, Tally } from './tally.ts'
import { copy } from './wire.ts'

/** No whole frame has come. A message is an object, so that this can be none. */
export const NONE = Symbol('none')

/** What an inbox may be told; see ReadableOptions. */
export interface InboxLimits {
  readonly maxBodyBytes: number
  readonly maxConsecutiveEmptyFrames: number
  readonly maxConsecutiveSkippedFrames: number
}

/** Bytes to messages, without a stream: the counterpart of Framer. */
export class Inbox {
  readonly frames: Frames
  /** What was taken or dropped, by name. */
  readonly tally: Tally = new Tally()
  readonly skipped: Skipped = { unknown: 0, invalid: 0 }
  readonly #protocol: Protocol
  readonly #table: Table
  readonly #share: boolean
  readonly #empty: Flood
  readonly #skipped: Flood
  /** How many of the last frames were empty, or skipped, without another in between. */
  #emptyRow = 0
  #skippedRow = 0

  /** @param share whether `bytes` fields may be views of what is fed. */
  constructor(protocol: Protocol, table: Table, share: boolean, limits: InboxLimits) {
    this.frames = new Frames(protocol.header, limits.maxBodyBytes)
    this.#protocol = protocol
    this.#table = table
    this.#share = share
    this.#empty = new Flood('empty', 'maxConsecutiveEmptyFrames', limits.maxConsecutiveEmptyFrames)
    this.#skipped = new Flood('skipped', 'maxConsecutiveSkippedFrames', limits.maxConsecutiveSkippedFrames)
  }

  /**
   * The next message of the bytes that were fed, or NONE.
   *
   * @throws {QbpError} what a policy does not let pass: ERR_QBP_UNKNOWN_TYPE, ERR_QBP_INVALID_BODY, ERR_QBP_FLOOD, or a
   * fault of the framing. All are final.
   */
  take(): object | typeof NONE {
    const { frames } = this
    while (frames.next()) {
      if (frames.start !== frames.end) this.#emptyRow = 0
      else if (this.#empty.isOver(++this.#emptyRow, frames)) this.#emptyRow = 0
      const entry = this.#table.byType(frames.type)
      const policy = entry === undefined ? this.#protocol.unknown : this.#protocol.invalid
      try {
        if (entry !== undefined) {
          const message = entry.decode(frames.buffer, frames.start, frames.end, this.#share, frames.fields)
          this.#skippedRow = 0
          this.tally.count(entry, frames.size)
          return message
        }
        if (policy === 'error') throw this.#unlisted()
      } catch (fault) {
        if (policy === 'error') throw fault instanceof QbpError ? frames.located(fault) : fault
      }
      this.tally.count(entry, frames.size)
      if (policy === 'raw') {
        this.#skippedRow = 0
        return this.#raw()
      }
      this.skipped[entry === undefined ? 'unknown' : 'invalid']++
      if (this.#skipped.isOver(++this.#skippedRow, frames)) this.#skippedRow = 0
    }
    return NONE
  }

  /** The line of the table of what was taken last; undefined for an unlisted type. */
  get entry(): Entry | undefined {
    return this.#table.byType(this.frames.type)
  }

  #unlisted(): QbpError {
    const { type } = this.frames
    const listed = this.#table.entries.map((entry) => `${entry.name} = ${entry.type}`)
    const shown = `${listed.slice(0, 12).join(', ')}${listed.length > 12 ? ', …' : ''}`
    return new QbpError(
      'ERR_QBP_UNKNOWN_TYPE',
      `No message has the type ${type} here; there are ${shown}. See the option 'unknown'.`,
      { type },
    )
  }

  #raw(): RawMessage<null> {
    const { buffer, start, end, type, fields } = this.frames
    const body = this.#share ? buffer.subarray(start, end) : copy(buffer, start, end)
    return new RawMessage(null, type, body, fields ?? undefined)
  }
}

/** A row of frames that cost work and bring nothing. A row is a flood only if it came within a second: over days anything adds up. */
class Flood {
  readonly #what: string
  readonly #option: string
  readonly #limit: number
  /** The frame of a row at which the clock is looked at: not the first, since one here and there is no row. */
  readonly #mark: number
  /** When that frame came. */
  #since = 0

  constructor(what: string, option: string, limit: number) {
    this.#what = what
    this.#option = option
    this.#limit = limit
    this.#mark = limit > 1_000 ? 64 : 1
  }

  /** Whether a row is long enough to begin a new one, as it took its time. @throws {QbpError} ERR_QBP_FLOOD if it did not. */
  isOver(row: number, frames: Frames): boolean {
    if (row === this.#mark) this.#since = performance.now()
    if (row <= this.#limit) return false
    if (performance.now() - this.#since > 1_000) return true
    throw frames.located(
      new QbpError(
        'ERR_QBP_FLOOD',
        `${row} ${this.#what} frames came in a row within a second; ${this.#option} allows ${this.#limit}.`,
        { size: row, limit: this.#limit },
      ),
    )
  }
}
