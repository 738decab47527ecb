import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { at, part } from '../codec/wire.ts'
import type { CheckedHook } from './body-hook.ts'
import type { FrameHeader } from './frame-header.ts'
import { FrameParser } from './frame-parser.ts'
import type { Resync } from './resync.ts'
import { type Entry, RawMessage, type Table } from './table.ts'
import type { Skipped, Tally } from './traffic.ts'

/** No message. An object of its own, as V8 compares objects with objects in no time, and with anything else by a call. */
export const NONE: None = Object.freeze({ none: true })
export interface None {
  readonly none: true
}

/** What to do with an unlisted type, or a body that does not decode: end the stream with an error, drop it, or hand it over as a RawMessage. */
export type Policy = 'error' | 'skip' | 'raw'

/** What a message reader is made for; see ReadableOptions. */
export interface MessageReaderSettings {
  readonly header: FrameHeader
  /** What a type that no table lists does, and a body that does not decode. */
  readonly unknown: Policy
  readonly invalid: Policy
  /** What may come. */
  readonly table: Table
  /** Whether `bytes` fields may be views of what is fed. */
  readonly shareBytes: boolean
  readonly maxBodyBytes: number
  /** Default: 64 KiB. */
  readonly maxHeaderBytes?: number
  /** What lies between the body on the wire and that of the message. */
  readonly body?: CheckedHook | null
  readonly maxConsecutiveEmptyFrames: number
  readonly maxConsecutiveSkippedFrames: number
  /** Drop what is no frame, up to the next one. Default: false. */
  readonly resync?: ((start: readonly number[]) => Resync) | null
}

/** Bytes to messages, without a stream: the counterpart of MessageWriter. */
export class MessageReader {
  readonly frames: FrameParser
  readonly #tally: Tally | null
  #unknown = 0
  #invalid = 0
  readonly #settings: MessageReaderSettings
  #empty: Flood | null = null
  #dropped: Flood | null = null

  /**
   * @param hasPreamble whether the bytes begin with the layout's preamble, if that has one.
   * @param tally counts what is taken or dropped, by name.
   */
  constructor(settings: MessageReaderSettings, hasPreamble = true, tally: Tally | null = null) {
    this.#tally = tally
    const { header, maxBodyBytes, maxHeaderBytes } = settings
    const resync = settings.resync?.(header.start) ?? null
    this.frames = new FrameParser(header, maxBodyBytes, maxHeaderBytes, hasPreamble, resync)
    this.#settings = settings
  }

  /**
   * The next message of the bytes that were fed, or NONE.
   *
   * @throws {QbpError} what a policy does not let pass: ERR_QBP_UNKNOWN_TYPE, ERR_QBP_INVALID_BODY, ERR_QBP_FLOOD, or a
   * fault of the framing. All are final.
   */
  take(): object | None {
    const { frames } = this
    const settings = this.#settings
    while (frames.next()) {
      if (frames.start === frames.end) this.#countEmpty()
      else if (this.#empty !== null) this.#empty.row = 0
      const entry = settings.table.byType(frames.type)
      try {
        if (frames.fault !== null) throw frames.fault
        if (entry !== undefined) {
          at.shift = 0
          const message = settings.body
            ? this.#unpack(entry, settings.body)
            : entry.decode(
                frames.buffer,
                frames.start,
                frames.end,
                settings.shareBytes || frames.ownFrom,
                frames.fields,
              )
          if (frames.ownFrom > 0) frames.align(at.shift)
          if (this.#dropped !== null) this.#dropped.row = 0
          this.#tally?.count(entry, frames.size)
          return message
        }
        if (settings.unknown === 'error') throw this.#unlisted()
      } catch (fault) {
        const policy = entry === undefined && frames.fault === null ? settings.unknown : settings.invalid
        if (policy === 'error' || !isPeers(fault)) throw fault instanceof QbpError ? frames.located(fault) : fault
      }
      const raw = this.#let(entry)
      if (raw !== null) return raw
    }
    return NONE
  }

  /** What a policy makes of the current frame: a raw message, or null where it is dropped. */
  #let(entry: Entry | undefined): RawMessage<null> | null {
    const { frames } = this
    const { unknown, invalid } = this.#settings
    this.#tally?.count(entry, frames.size)
    if ((entry === undefined ? unknown : invalid) === 'raw') {
      if (this.#dropped !== null) this.#dropped.row = 0
      return this.#raw()
    }
    if (entry === undefined) this.#unknown++
    else this.#invalid++
    this.#dropped ??= new Flood('skipped', 'maxConsecutiveSkippedFrames', this.#settings.maxConsecutiveSkippedFrames)
    this.#dropped.count(frames)
    return null
  }

  /** Decodes a body that is packed. */
  #unpack(entry: Entry, hook: CheckedHook): object {
    const { buffer, start, end, type, fields } = this.frames
    const { shareBytes, maxBodyBytes } = this.#settings
    const bytes = hook.read(buffer.subarray(start, end), type, fields, maxBodyBytes)
    return entry.decode(bytes, 0, bytes.length, shareBytes, fields)
  }

  #countEmpty(): void {
    this.#empty ??= new Flood('empty', 'maxConsecutiveEmptyFrames', this.#settings.maxConsecutiveEmptyFrames)
    this.#empty.count(this.frames)
  }

  /** What a policy dropped. */
  get skipped(): Skipped {
    return { unknown: this.#unknown, invalid: this.#invalid }
  }

  #unlisted(): QbpError {
    const { type } = this.frames
    const known = this.#settings.table.entries.map((entry) => `${entry.name} = ${entry.type}`)
    return new QbpError(
      'ERR_QBP_UNKNOWN_TYPE',
      `No message has the type ${type} here; there are ${listed(known)}. See the option 'unknown'.`,
      { type },
    )
  }

  #raw(): RawMessage<null> {
    const { buffer, start, end, type, fields, ownFrom } = this.frames
    const body = part(buffer, start, end, this.#settings.shareBytes || ownFrom)
    return new RawMessage(null, type, body, fields ?? undefined)
  }
}

/** Whether a fault is the peer's, so that a policy may let it pass: a codec that this process cannot compile is not. */
const isPeers = (fault: unknown): boolean => fault instanceof QbpError && fault.code !== 'ERR_QBP_NO_CODEGEN'

/** A row of frames that cost work and bring nothing. A row is a flood only if it came within a second: over days anything adds up. */
class Flood {
  readonly #what: string
  readonly #option: string
  readonly #limit: number
  /** The frame of a row at which the clock is looked at: not the first, since one here and there is no row. */
  readonly #mark: number
  /** When that frame came. */
  #since = 0
  /** How many of the last frames it was, without another in between. */
  row = 0

  constructor(what: string, option: string, limit: number) {
    this.#what = what
    this.#option = option
    this.#limit = limit
    this.#mark = limit > 1_000 ? 64 : 1
  }

  /** Counts a frame. A row that is long enough and took its time is followed by a new one. @throws {QbpError} ERR_QBP_FLOOD if it did not. */
  count(frames: FrameParser): void {
    const row = ++this.row
    if (row === this.#mark) this.#since = performance.now()
    if (row <= this.#limit) return
    if (performance.now() - this.#since <= 1_000)
      throw frames.located(
        new QbpError(
          'ERR_QBP_FLOOD',
          `${row} ${this.#what} frames came in a row within a second; ${this.#option} allows ${this.#limit}.`,
          { size: row, limit: this.#limit },
        ),
      )
    this.row = 0
  }
}
