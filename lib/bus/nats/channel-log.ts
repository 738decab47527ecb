import type { Msg, Subscription as NatsSubscription } from '@nats-io/transport-node'
import type { Gap } from '../contract.ts'
import type { Delivered } from './delivered.ts'
import type { History } from './history.ts'
import type { NatsLink } from './link.ts'
import { type LogStream, storedOf } from './log-stream.ts'
import { emptyPlace, type Place, placeAfter, type Stored } from './stored.ts'
import type { Turns } from './turns.ts'
import { resumeAt } from './verify.ts'

// The end of one channel's log, as this node knows it.
//
//               looked up     the chain breaks, its numbers begin again, a new connection, something newer in the stream
//   opening ──────────────▶ level ────────────────────────────────────────────────────────────────▶ behind
//      │                      ▲                                                                        │
//      │ refused              └──────────────── what was missed is read ──────────────────────────────┤
//      ▼                                                                                               ▼
//   ended ◀──────────────────────── refused, or nobody reads any more ────────────────────────────────
type Phase = 'opening' | 'level' | 'behind' | 'ended'

/** How many deliveries are held back while what comes before them is read; if there are more, they are read as well. */
const MOST_HELD = 1024

/** A message of the tail, and the number of the one before it. */
interface Tailed extends Stored {
  readonly previous: number
}

/** What a channel's log has in common with the others of its bus. */
export interface LogShare {
  readonly link: NatsLink
  readonly stream: LogStream
  readonly history: History
  readonly turns: Turns
  readonly delivered: Delivered
  /** Why a channel cannot be read. */
  refusal(channel: string, cause: unknown): Error
  /** It has to read what it has missed. */
  reportLag(channel: string): void
  /** It has ended. */
  forget(log: ChannelLog): void
}

/** What reads a log. */
export interface Follower {
  /** Whether it stands at the end. */
  readonly isLive: boolean
  deliver(place: Place, message: Stored): void
  lose(reason: Gap['reason'], place: Place): void
  look(): void
  fail(error: unknown): void
}

export class ChannelLog {
  readonly channel: string
  readonly token: string
  readonly readers = new Set<Follower>()
  readonly opened: Promise<void>
  /** The last message delivered; nothing newer is known. */
  end!: Place
  readonly #logs: LogShare
  readonly #subscription: NatsSubscription
  #phase: Phase = 'opening'
  /** The number of what the tail has delivered last. */
  #tailed = 0
  #held: Tailed[] = []
  #heldTooMany = false

  constructor(logs: LogShare, channel: string, token: string) {
    this.#logs = logs
    this.channel = channel
    this.token = token
    this.#subscription = logs.link.nc.subscribe(logs.stream.tailOf(token), {
      callback: (error, message) => {
        if (error) this.fail(logs.refusal(channel, error))
        else this.#hear(message)
      },
    })
    this.opened = this.#open()
    this.opened.catch(() => this.#finish())
  }

  get isLevel(): boolean {
    return this.#phase === 'level'
  }

  /** Nobody reads it any more. */
  close(): void {
    this.#finish()
  }

  /** There is a new connection, or something newer in the stream than was delivered. */
  fallBehind(): void {
    if (this.#phase !== 'level') return
    this.#phase = 'behind'
    this.#logs.reportLag(this.channel)
    this.#catchUp().catch((error) => this.fail(error))
  }

  /** The stream's last message of this channel, as somebody has just looked it up, and how far the stream went by then. */
  compare(last: { readonly seq: number; readonly id: string } | null, upTo: number, epoch: string): void {
    if (this.#phase !== 'level') return
    const { seq, id } = this.end
    if (epoch === this.end.epoch && (last === null ? id === '' : last.seq === seq && last.id === id)) {
      this.end = { ...this.end, upTo: Math.max(this.end.upTo, upTo) }
    } else if (epoch !== this.end.epoch || last === null || last.seq !== seq || last.id !== id) this.fallBehind()
  }

  /** Ends it, and all that read it, for good. */
  fail(error: unknown): void {
    if (this.#phase === 'ended') return
    this.#finish()
    for (const reader of [...this.readers]) reader.fail(error)
  }

  async #open(): Promise<void> {
    const { link, stream } = this.#logs
    const what = `the log of ${JSON.stringify(this.channel)}`
    const { state, last } = await link.retry(what, () => stream.look(this.token), link.patience())
    if (this.#phase === 'ended') throw this.#logs.refusal(this.channel, new Error('the subscription was ended'))
    const { epoch } = state
    this.end =
      last === null
        ? emptyPlace(epoch, state.last)
        : { ...placeAfter(epoch, { ...last, frames: [] }), index: last.count - 1, upTo: Math.max(last.seq, state.last) }
    this.#phase = 'level'
    if (!this.#release()) this.fallBehind()
  }

  #hear(message: Msg): void {
    const { headers } = message
    const seq = Number(headers?.get('Nats-Sequence'))
    const previous = Number(headers?.get('Nats-Last-Sequence'))
    const tailed = { ...storedOf(seq, headers, message.data), previous }
    // The numbers of one stream rise. Those of one that was made anew begin again, and may fit together with ours once they have come so far.
    const isAnew = seq <= this.#tailed
    this.#tailed = seq
    if (this.#phase === 'level') {
      if (seq <= this.end.seq) {
        if (isAnew) this.fallBehind()
        return
      }
      if (this.#isNext(tailed)) {
        this.#advance(tailed)
        return
      }
    }
    if (this.#held.length < MOST_HELD) this.#held.push(tailed)
    else this.#heldTooMany = true
    this.fallBehind()
  }

  /** Whether nothing stands between the end and a message. */
  #isNext({ previous }: Tailed): boolean {
    const { seq, id, upTo } = this.end
    return id === '' ? previous <= upTo : previous === seq
  }

  /** Delivers what was held back. @returns whether it was what comes next. */
  #release(): boolean {
    const held = this.#held
    this.#held = []
    let isWhole = !this.#heldTooMany
    this.#heldTooMany = false
    for (const message of held) {
      if (message.seq <= this.end.seq) continue
      isWhole &&= this.#isNext(message)
      if (!isWhole) return false
      this.#advance(message)
    }
    return isWhole
  }

  #advance(message: Stored): void {
    this.end = placeAfter(this.end.epoch, message)
    if (this.#logs.delivered.note(message.id, message.seq)) {
      this.#lose('lost', this.end) // Its frames were had. What else the stream has taken back, nobody can say.
      return
    }
    for (const reader of this.readers) if (reader.isLive) reader.deliver(this.end, message)
  }

  async #catchUp(): Promise<void> {
    const { stream, history, link, turns } = this.#logs
    const forever = { deadline: Number.POSITIVE_INFINITY }
    const what = `the log of ${JSON.stringify(this.channel)}`
    while (this.#phase === 'behind') {
      const { state, last } = await link.retry(what, () => stream.look(this.token), forever)
      if (this.#phase !== 'behind') return
      if (state.epoch !== this.end.epoch) history.clear() // It is another stream's.
      if (last === null || state.epoch !== this.end.epoch || last.seq !== this.end.seq || last.id !== this.end.id) {
        const found = await link.retry(
          what,
          () => resumeAt(stream, history, this.token, this.end, state.epoch, forever),
          forever,
        )
        if (this.#phase !== 'behind') return
        if (found.reason !== undefined) this.#lose(found.reason, found.place)
        else if (last === null) this.end = emptyPlace(state.epoch, state.last) // What it had has aged out.
        let { messages } = found
        while (messages.length > 0) {
          for (const message of messages) if (message.seq > this.end.seq) this.#advance(message)
          if (this.end.seq >= (last?.seq ?? 0)) break
          await turns.next()
          messages = (await history.from(this.token, this.end.seq, forever)).messages
          if (this.#phase !== 'behind') return
        }
      }
      this.end = { ...this.end, upTo: Math.max(this.end.upTo, state.last) }
      if (this.#release()) {
        this.#phase = 'level'
        for (const reader of this.readers) reader.look()
      }
    }
  }

  #lose(reason: Gap['reason'], place: Place): void {
    this.end = place
    this.#logs.delivered.clear()
    for (const reader of this.readers) if (reader.isLive) reader.lose(reason, place)
  }

  #finish(): void {
    this.#phase = 'ended'
    this.#held = []
    this.#subscription.unsubscribe()
    this.#logs.forget(this)
  }
}
