import { DiscardPolicy, RetentionPolicy, type StreamConfig, type StreamInfo } from '@nats-io/jetstream'
import { type MsgHdrs, nanos } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { immediate } from '../../event-loop/timers.ts'
import { encodeFileName, shortened } from '../name.ts'
import type { NatsLink } from './link.ts'
import type { NatsLogOptions } from './nats-options.ts'
import { PullConsumer } from './pull-consumer.ts'
import { framesOf, SIZES_HEADER, type Stored } from './stored.ts'
import { DEDUPLICATION_MS, epochOf, openStream } from './stream.ts'

/** What the stream holds. */
export interface StreamState {
  readonly epoch: string
  readonly first: number
  readonly last: number
  readonly subjects: number
  readonly limits: StreamLimits
}

/** What the stream cuts off: whoever made it has decided, or an operator since. */
export interface StreamLimits {
  /** Messages of a channel: one more than promised, so that whoever has read just up to there is known to have missed nothing. */
  readonly perChannel: number
  readonly ageMs: number
  /** Of all channels together: messages, and bytes. */
  readonly messages: number
  readonly bytes: number
}

/** The same, and how many messages a channel has in it. */
export interface Counted extends StreamState {
  readonly count: number
}

/** What was found of one channel. */
export interface Found {
  readonly state: StreamState
  /** The last message of the channel, without its data where many were asked for at once; null where nothing is kept. */
  readonly last: (Omit<Stored, 'frames'> & { readonly count: number }) | null
}

/** A part of a channel's log. */
export interface Page {
  /** The place asked for, if a message of the channel stands there. */
  readonly anchor: Stored | undefined
  /** What stands after it, in order and without holes. */
  readonly messages: readonly Stored[]
  readonly bytes: number
}

/** From so many channels on, the last messages of all are read in one go, where that is not too many for it. */
const SINGLE_LOOKS = 64
const FEW_SUBJECTS = 20
/** How many messages one page holds, and how long the server has for it. */
const PAGE_MESSAGES = 1024
const PAGE_MS = 5_000
/** In a millisecond. */
const NANOS = 1_000_000

interface Look {
  readonly resolve: (found: Found) => void
  readonly reject: (error: unknown) => void
}

/**
 * The stream of all logs. What is stored is published anew under the channel's `tail` subject, with the sequence number of the
 * channel's message before it: so a plain subscription follows a log, and knows when it has missed something.
 */
export class LogStream {
  readonly name: string
  readonly options: NatsLogOptions
  readonly #link: NatsLink
  readonly #subjects: string
  readonly #tails: string
  #looks = new Map<string, Look[]>()

  constructor(link: NatsLink, options: NatsLogOptions) {
    this.#link = link
    this.options = options
    const { prefix, kind } = options
    const token = kind === undefined ? '' : encodeFileName(kind)
    this.name = shortened(`${prefix}-logs${token && `=${token}`}`) // '=' is in no token: two buses never meet.
    this.#subjects = `${prefix}.logs${token && `.${token}`}`
    this.#tails = `${prefix}.tail${token && `.${token}`}`
  }

  subjectOf(token: string): string {
    return `${this.#subjects}.${token}`
  }

  tailOf(token: string): string {
    return `${this.#tails}.${token}`
  }

  /** Makes the stream where it is missing. */
  async open(): Promise<StreamState> {
    const { replicas, storage, placement, compression, logMaxAgeMs, logMaxBytes, logMaxFrames } = this.options
    const info = await openStream(this.#link.jsm, {
      name: this.name,
      subjects: [`${this.#subjects}.*`],
      storage,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: logMaxAgeMs === Infinity ? 0 : nanos(logMaxAgeMs),
      max_bytes: logMaxBytes === Infinity ? -1 : logMaxBytes,
      max_msgs_per_subject: logMaxFrames === Infinity ? -1 : logMaxFrames + 1,
      duplicate_window: nanos(Math.min(DEDUPLICATION_MS, logMaxAgeMs)),
      num_replicas: replicas,
      allow_direct: true,
      republish: { src: `${this.#subjects}.*`, dest: `${this.#tails}.{{wildcard(1)}}` },
      ...(placement === undefined ? {} : { placement }),
      ...(compression === undefined ? {} : { compression }),
    })
    if (info.config.republish?.dest !== `${this.#tails}.{{wildcard(1)}}`) {
      const message = `The stream ${this.name} does not republish to ${this.#tails}.*: it was not made by this bus. Delete it, or take another prefix.`
      throw new QbpError('ERR_QBP_BUS_REFUSED', message)
    }
    return stateOf(info)
  }

  /** The last message of a channel. Asked for at once, many are looked up together; what is published afterwards the tail has. */
  look(token: string): Promise<Found> {
    return new Promise((resolve, reject) => {
      if (this.#looks.size === 0) immediate(() => this.#lookAll())
      this.#looks.set(token, [...(this.#looks.get(token) ?? []), { resolve, reject }])
    })
  }

  /** How many messages a channel has, and the state of the stream at that moment. */
  async count(token: string): Promise<Counted> {
    const subject = this.subjectOf(token)
    const info = await this.#link.jsm.streams.info(this.name, { subjects_filter: subject })
    return { ...stateOf(info), count: info.state.subjects?.[subject] ?? 0 }
  }

  /** The ID of the message at a place; undefined where there is none, and null where it is another channel's. */
  async idAt(seq: number, token: string): Promise<string | null | undefined> {
    if (seq === 0) return undefined
    const message = await this.#link.jsm.streams.getMessage(this.name, { seq })
    if (message === null) return undefined
    return message.subject === this.subjectOf(token) ? (message.header?.get('Nats-Msg-Id') ?? '') : null
  }

  /** How many messages of a channel stand at `seq` and after it. */
  async countFrom(token: string, seq: number): Promise<number> {
    const consumer = await PullConsumer.on(this.#link, this.name, this.subjectOf(token), seq)
    consumer.delete()
    return consumer.pending
  }

  /** What stands at a place and after it, a page of it. */
  async page(token: string, seq: number, timeoutMs: number): Promise<Page> {
    const consumer = await PullConsumer.on(this.#link, this.name, this.subjectOf(token), seq)
    const messages: Stored[] = []
    let bytes = 0
    try {
      const batch = Math.min(consumer.pending, PAGE_MESSAGES)
      if (batch > 0) {
        await consumer.take(batch, timeoutMs, (message, at) => {
          bytes += message.data.length
          messages.push(storedOf(at, message.headers, message.data))
        })
      }
    } finally {
      consumer.delete()
    }
    const anchor = messages[0]?.seq === seq ? messages.shift() : undefined
    return { anchor, messages, bytes }
  }

  async #lookAll(): Promise<void> {
    const looks = this.#looks
    this.#looks = new Map()
    try {
      await this.#link.nc.flush() // the tails of those that ask are subscribed to
      const state = await this.open()
      const many = looks.size > SINGLE_LOOKS && state.subjects < looks.size * FEW_SUBJECTS
      const found = many ? await this.#survey(state) : null
      await Promise.all(
        [...looks].map(async ([token, asked]) => {
          const last = found ? (found.get(this.subjectOf(token)) ?? null) : await this.#lastOf(token)
          for (const { resolve } of asked) resolve({ state, last })
        }),
      )
    } catch (error) {
      for (const asked of looks.values()) for (const { reject } of asked) reject(error)
    }
  }

  async #lastOf(token: string): Promise<Found['last']> {
    const message = await this.#link.jsm.streams.getMessage(this.name, { last_by_subj: this.subjectOf(token) })
    return message === null ? null : lastOf(message.seq, message.header)
  }

  /** The last message of every channel there is. */
  async #survey(state: StreamState): Promise<Map<string, NonNullable<Found['last']>>> {
    const found = new Map<string, NonNullable<Found['last']>>()
    if (state.subjects === 0) return found
    const consumer = await PullConsumer.on(this.#link, this.name, `${this.#subjects}.*`, null)
    try {
      for (let left = consumer.pending; left > 0; ) {
        const taken = await consumer.take(Math.min(left, PAGE_MESSAGES), PAGE_MS, (message, at) => {
          found.set(message.subject, lastOf(at, message.headers))
        })
        if (taken === 0) break
        left -= taken
      }
    } finally {
      consumer.delete()
    }
    return found
  }
}

export function storedOf(seq: number, header: MsgHdrs | undefined, data: Uint8Array): Stored {
  return { seq, id: header?.get('Nats-Msg-Id') ?? '', frames: framesOf(data, header?.get(SIZES_HEADER)) }
}

function lastOf(seq: number, header: MsgHdrs | undefined): NonNullable<Found['last']> {
  const sizes = header?.get(SIZES_HEADER)
  return { seq, id: header?.get('Nats-Msg-Id') ?? '', count: sizes ? sizes.split(',').length : 1 }
}

function stateOf(info: StreamInfo): StreamState {
  const { first_seq, last_seq, num_subjects } = info.state
  // An empty stream's first is 0 when it is new, and one more than its last when it was trimmed.
  const limits = limitsOf(info.config)
  return { epoch: epochOf(info), first: Math.max(first_seq, 1), last: last_seq, subjects: num_subjects ?? 0, limits }
}

/** NATS has 0 or -1 for no limit. */
function limitsOf({ max_msgs_per_subject, max_age, max_msgs, max_bytes }: StreamConfig): StreamLimits {
  const orNone = (limit: number | undefined) => (limit === undefined || limit <= 0 ? Infinity : limit)
  return {
    perChannel: orNone(max_msgs_per_subject),
    ageMs: orNone(max_age) / NANOS,
    messages: orNone(max_msgs),
    bytes: orNone(max_bytes),
  }
}
