import {
  DeliverPolicy,
  DiscardPolicy,
  type JsMsg,
  type PubAck,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import type { BusBase } from '../bus-base.ts'
import type { RetentionOptions } from '../bus-options.ts'
import type { LogListener, LogOptions, Position, Subscription } from '../contract.ts'
import { resume } from '../gap.ts'
import { encodeFileName } from '../name.ts'
import type { NatsLink, Patience } from './link.ts'
import { NatsReader } from './reader.ts'
import { DEDUPLICATION_MS, epochOf, openStream } from './stream.ts'

export interface NatsLogOptions extends Required<RetentionOptions> {
  readonly prefix: string
  readonly replicas: number
}

/**
 * The logs of a bus: one stream of JetStream per channel. That costs the server about 60 KiB and two files each, and gives offsets
 * without holes: a reader knows from the numbers alone that it missed nothing. In a stream shared by channels it could not.
 */
export class NatsLogs {
  readonly #bus: BusBase
  readonly #link: NatsLink
  readonly #options: NatsLogOptions
  /** Unique to this bus object. Begins each publication's ID, by which the server knows a repeated one, and we our own. */
  readonly #instance: string
  #published = 0
  /** The last publication under way per channel: the next one waits for it, since repeated ones would overtake each other. */
  readonly #tails = new Map<string, Promise<unknown>>()
  /** Of each stream published to: its epoch, asked of which connection, and the last sequence number seen. */
  readonly #streams = new Map<string, { epoch: string; generation: number; last: number }>()

  constructor(bus: BusBase, link: NatsLink, instance: string, options: NatsLogOptions) {
    this.#bus = bus
    this.#link = link
    this.#instance = instance
    this.#options = options
  }

  publish(channel: string, frame: Uint8Array, signal: AbortSignal | undefined): Promise<Position> {
    const patience = this.#link.patience(signal)
    const id = `${this.#instance}-${++this.#published}`
    const work = (this.#tails.get(channel) ?? Promise.resolve()).then(() => this.#put(channel, frame, id, patience))
    const tail: Promise<unknown> = work
      .catch(() => {})
      .then(() => {
        if (this.#tails.get(channel) === tail) this.#tails.delete(channel)
      })
    this.#tails.set(channel, tail)
    // While it waits its turn, an abort or the bus's end rejects at once.
    return this.#link.race(work, signal, { survivesDown: true })
  }

  async subscribe(channel: string, listener: LogListener, options: LogOptions): Promise<NatsLogSubscription> {
    const subscription = new NatsLogSubscription(this.#bus, this.#link, this, channel, listener, options)
    await subscription.start()
    return subscription
  }

  isOwn(id: string): boolean {
    return id.startsWith(this.#instance) && id[this.#instance.length] === '-'
  }

  /** The channel's stream, made where it is missing. */
  async open(channel: string): Promise<StreamInfo> {
    const { prefix, replicas, logMaxAgeMs, logMaxFrames } = this.#options
    const generation = this.#link.generation
    const token = encodeFileName(channel)
    const info = await openStream(this.#link.jsm, {
      name: `${prefix}-log-${token}`,
      subjects: [`${prefix}.log.${token}`],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: logMaxAgeMs === Infinity ? 0 : nanos(logMaxAgeMs),
      max_msgs: logMaxFrames === Infinity ? -1 : logMaxFrames,
      duplicate_window: nanos(Math.min(DEDUPLICATION_MS, logMaxAgeMs)),
      num_replicas: replicas,
    })
    this.#streams.set(channel, { epoch: epochOf(info), generation, last: info.state.last_seq })
    return info
  }

  async #put(channel: string, frame: Uint8Array, id: string, patience: Patience): Promise<Position> {
    const token = encodeFileName(channel)
    const { prefix } = this.#options
    const ack = await this.#link.retry<PubAck>(
      `a durable publication to ${JSON.stringify(channel)}`,
      async (timeout) => {
        if (this.#streams.get(channel)?.generation !== this.#link.generation) await this.open(channel)
        try {
          const expect = { streamName: `${prefix}-log-${token}` }
          return await this.#link.js.publish(`${prefix}.log.${token}`, frame, { msgID: id, timeout, expect })
        } catch (error) {
          // Nobody answering may mean that the stream is gone.
          this.#streams.delete(channel)
          throw error
        }
      },
      patience,
    )
    const known = this.#streams.get(channel)
    // Numbers that begin anew belong to another stream: it was lost while we were connected.
    if (!known || (ack.seq <= known.last && !ack.duplicate)) {
      await this.#link.retry(`the log of ${JSON.stringify(channel)}`, () => this.open(channel), patience)
    } else if (ack.seq > known.last) known.last = ack.seq
    const stream = this.#streams.get(channel)
    if (!stream)
      throw new QbpError(
        'ERR_QBP_BUS_DOWN',
        'The engine went away after it had taken the frame: its position is unknown.',
      )
    return { epoch: stream.epoch, offset: BigInt(ack.seq) }
  }
}

/** A reader of one log. */
export class NatsLogSubscription implements Subscription {
  readonly channel: string
  position: Position | undefined
  readonly #bus: BusBase
  readonly #link: NatsLink
  readonly #logs: NatsLogs
  readonly #listener: LogListener
  readonly #options: LogOptions
  readonly #reader: NatsReader
  onClose: () => void = () => {}

  constructor(
    bus: BusBase,
    link: NatsLink,
    logs: NatsLogs,
    channel: string,
    listener: LogListener,
    options: LogOptions,
  ) {
    this.channel = channel
    this.#bus = bus
    this.#link = link
    this.#logs = logs
    this.#listener = listener
    this.#options = options
    if (typeof options.since === 'object') this.position = options.since
    this.#reader = new NatsReader(link, {
      what: `the log of ${JSON.stringify(channel)}`,
      open: () => this.#open(),
      message: (message) => this.#take(message),
      failed: (error) =>
        bus.guard(() => {
          this.close()
          throw error
        }),
    })
  }

  start(): Promise<void> {
    return this.#reader.start(this.#link.patience(this.#options.signal))
  }

  close(): void {
    this.#reader.close()
    this.onClose()
  }

  async #open() {
    const info = await this.#logs.open(this.channel)
    return { stream: info.config.name, begin: () => this.#begin(info) }
  }

  #begin(info: StreamInfo) {
    const epoch = epochOf(info)
    const end = { epoch, offset: BigInt(info.state.last_seq) }
    // An empty stream's first is 0 when it is new, and one more than its last when it was trimmed.
    const start = { epoch, offset: BigInt(Math.max(info.state.first_seq - 1, 0)) }
    this.position ??= this.#options.since === 'now' ? end : start
    const found = resume(this.channel, this.position, start, end)
    this.position = found.position
    if (found.gap) this.#bus.reportGap(found.gap, this.#options.onGap)
    return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Number(found.position.offset + 1n) }
  }

  #take(message: JsMsg): void {
    const after = this.position as Position
    const offset = BigInt(message.seq)
    if (offset <= after.offset) return
    if (offset > after.offset + 1n) {
      const resumed = { epoch: after.epoch, offset: offset - 1n }
      this.position = resumed
      this.#bus.reportGap({ channel: this.channel, reason: 'trimmed', after, resumed }, this.#options.onGap)
    }
    const position = { epoch: after.epoch, offset }
    this.position = position
    if (!this.#options.echo && this.#logs.isOwn(message.headers?.get('Nats-Msg-Id') ?? '')) return
    this.#bus.guard(() => this.#listener(message.data, position))
  }
}
