import { inRootContext } from '../../event-loop/root-context.ts'
import type { BusBase } from '../bus-base.ts'
import type { Gap, LogListener, LogOptions, Position, Subscription } from '../contract.ts'
import type { ChannelLog, Follower, LogShare } from './channel-log.ts'
import type { Patience } from './link.ts'
import { isIn, offsetOf, type Place, placeAfter, placeOf, positionOf, type Stored } from './stored.ts'
import { type Resumption, resumeAt, start, startOfLast } from './verify.ts'

/** What a reader has in common with the others of its bus. */
export interface ReaderShare extends LogShare {
  isOwn(id: string): boolean
  /** It was closed. */
  release(reader: LogReader, log: ChannelLog): void
}

/** How often a reader that is not at the end reads nothing, before it takes what is missing for gone. */
const MOST_VAIN = 3
/** How many frames of the past a reader is given in one turn of the event loop, and those of one message more. */
const FRAMES_PER_TURN = 256

//   opening ── it stands somewhere ──► past ── it has come to the end ──► live
//      └────────────────────────────────┴──── close, or a fault ──────────┴──► closed

/**
 * One subscription to a log. It is live while it stands at the channel's end, and then gets what the tail delivers; until then it reads
 * what it has missed, page by page.
 */
export class LogReader implements Subscription, Follower {
  readonly channel: string
  position: Position | undefined
  readonly #bus: BusBase
  readonly #logs: ReaderShare
  readonly #log: ChannelLog
  readonly #listener: LogListener
  readonly #options: LogOptions
  #place: Place | undefined
  #phase: 'opening' | 'past' | 'live' | 'closed' = 'opening'

  constructor(bus: BusBase, logs: ReaderShare, log: ChannelLog, listener: LogListener, options: LogOptions) {
    this.channel = log.channel
    this.#bus = bus
    this.#logs = logs
    this.#log = log
    this.#listener = listener
    this.#options = options
    log.readers.add(this)
  }

  /** Whether it is given what comes; else it reads the past still. */
  get isLive(): boolean {
    return this.#phase === 'live'
  }

  get #isClosed(): boolean {
    return this.#phase === 'closed'
  }

  /** Resolves once it stands somewhere, a gap before that reported. */
  async start(patience: Patience): Promise<void> {
    const { since } = this.#options
    await this.#logs.link.race(this.#log.opened, patience.signal, { survivesDown: true })
    if (this.#isClosed) return
    this.#phase = 'past'
    if (since === 'now') return this.#standAt(this.#log.end)
    if (typeof since === 'object' && 'epoch' in since) {
      this.position = since
      const place = placeOf(since)
      const { end } = this.#log
      const isEnd = place.seq === end.seq && place.index === end.index
      if (isEnd && (isIn(place, end.epoch, end.id) || (place.id === '' && end.id === '' && place.epoch === end.epoch)))
        return this.#standAt(end)
      this.#logs.reportLag(this.channel)
      const found = await this.#find(place, patience)
      if (found.reason !== undefined) this.lose(found.reason, found.place)
      else this.position = positionOf(found.place)
      inRootContext(() => void this.#replay(found))
      return
    }
    const { stream, history, link } = this.#logs
    const what = `the log of ${JSON.stringify(this.channel)}`
    const { token } = this.#log
    const begin = () =>
      typeof since === 'object' && 'last' in since
        ? startOfLast(stream, history, token, since.last, patience)
        : start(stream, history, token, patience)
    const found = await link.retry(what, begin, patience)
    inRootContext(() => void this.#replay(found))
  }

  close(): void {
    if (this.#isClosed) return
    this.#phase = 'closed'
    this.#log.readers.delete(this)
    this.#logs.release(this, this.#log)
  }

  /** It has ended for good. */
  fail(error: unknown): void {
    if (this.#isClosed) return
    const wasOpening = this.#phase === 'opening'
    this.close()
    if (!wasOpening) this.#bus.reportEnd(error, this.#options.onEnd) // Else `subscribe` rejects with it.
  }

  /** Frames were lost before a place, where it goes on. */
  lose(reason: Gap['reason'], place: Place): void {
    const after = this.position as Position
    const resumed = positionOf(place)
    this.#place = place
    this.position = resumed
    this.#bus.reportGap({ channel: this.channel, reason, after, resumed }, this.#options.onGap)
  }

  /** The frames of a message that it has not had. */
  deliver(place: Place, { seq, id, frames }: Stored): void {
    const { epoch } = place
    const isSilent = !this.#options.echo && this.#logs.isOwn(id)
    const had = this.position === undefined || this.position.epoch !== epoch ? -1n : this.position.offset
    for (const [index, frame] of frames.entries()) {
      const offset = offsetOf(seq, index)
      if (offset <= had || this.#isClosed) continue
      const position = { epoch, offset, mark: id }
      this.position = position
      if (!isSilent) this.#bus.guard(() => this.#listener(frame, position))
    }
    if (this.#place === undefined || seq >= this.#place.seq || epoch !== this.#place.epoch) this.#place = place
  }

  /** Becomes live if it stands at the end. */
  look(): void {
    const place = this.#place
    if (this.isLive || this.#isClosed || place === undefined) return
    const { end } = this.#log
    if (place.epoch !== end.epoch || place.seq < end.seq) return
    this.#standAt(place.seq > end.seq ? place : end)
  }

  #standAt(place: Place): void {
    this.#place = place
    const position = positionOf(place)
    this.position = position
    this.#phase = 'live'
    if (this.#options.onCaughtUp) this.#bus.guard(() => this.#options.onCaughtUp?.(position))
  }

  #find(place: Place, patience: Patience): Promise<Resumption> {
    const { stream, history, link } = this.#logs
    const what = `the log of ${JSON.stringify(this.channel)}`
    return link.retry(
      what,
      () => resumeAt(stream, history, this.#log.token, place, this.#log.end.epoch, patience),
      patience,
    )
  }

  async #replay(found: Resumption): Promise<void> {
    try {
      const { epoch } = found.place
      this.#place = found.place
      this.position ??= positionOf(found.place)
      if (found.rest) this.deliver(found.place, found.rest)
      let vain = 0
      for (let { messages } = found; ; ) {
        for (let [at, given] = [0, FRAMES_PER_TURN]; at < messages.length; at++) {
          // Hundreds may come back at once: what is said meanwhile must get through between any two of them.
          if (given >= FRAMES_PER_TURN) {
            await this.#logs.turns.next()
            given = 0
          }
          if (this.#isClosed) return
          const message = messages[at] as Stored
          if (!this.isLive) this.deliver(placeAfter(epoch, message), message)
          given += message.frames.length
        }
        this.look()
        // Nothing stands after its place, nor anywhere in the channel: the end is only the number that others have come to.
        const { isLevel, end } = this.#log
        if (!this.isLive && !this.#isClosed && messages.length === 0 && isLevel && end.id === '') this.#standAt(end)
        if (this.isLive || this.#isClosed) return
        await this.#logs.turns.next()
        if (this.#isClosed) return
        const next = await this.#find(this.#place as Place, { deadline: Number.POSITIVE_INFINITY })
        if (this.#isClosed) return
        this.look()
        if (this.isLive) return
        if (next.reason !== undefined) {
          this.lose(next.reason, next.place)
          void this.#replay(next)
          return
        }
        messages = next.messages
        vain = messages.length > 0 ? 0 : vain + 1
        // The tail may be ahead of what was read by a moment; if it stays so, what it had is not kept any more.
        if (vain > MOST_VAIN && this.#log.isLevel) {
          this.lose('trimmed', this.#log.end)
          this.look()
          return
        }
      }
    } catch (error) {
      this.fail(error)
    }
  }
}
