import { randomBytes } from 'node:crypto'
import type { PubAck } from '@nats-io/jetstream'
import { QbpError } from '../../base/errors.ts'
import { inRootContext } from '../../event-loop/root-context.ts'
import type { BusBase } from '../bus-base.ts'
import type { LogListener, LogOptions, Position } from '../contract.ts'
import { encodeFileName } from '../name.ts'
import { ChannelLog } from './channel-log.ts'
import { Delivered } from './delivered.ts'
import { refusedError } from './engine-errors.ts'
import { History } from './history.ts'
import type { NatsLink } from './link.ts'
import { LogReader, type ReaderShare } from './log-reader.ts'
import { LogStream, type StreamState } from './log-stream.ts'
import type { NatsLogOptions } from './nats-options.ts'
import { type Batch, headersOf, Outbox, type Outgoing } from './outbox.ts'
import { INSTANCE_LENGTH, offsetOf } from './stored.ts'
import { Turns } from './turns.ts'

/** How often a node looks whether the stream has something that the tail has not brought, and how many channels it compares then. */
const COMPARE_MS = 2_000
const COMPARED = 256
/** A log of so many messages per frame of a batch may have batches: kept is at least what was promised, and not much more. */
const FRAMES_PER_BATCHED = 100

/**
 * The logs of a bus: one stream of JetStream, with a subject for each channel. A channel that nobody uses costs nothing.
 */
export class NatsLogs implements ReaderShare {
  readonly link: NatsLink
  readonly stream: LogStream
  readonly history: History
  readonly turns = new Turns()
  readonly delivered = new Delivered()
  readonly #bus: BusBase
  /** Unique to this bus object. Begins each publication's ID, by which the server knows a repeated one, and we our own. */
  readonly #instance = randomBytes((INSTANCE_LENGTH * 3) / 4).toString('base64url')
  readonly #logs = new Map<string, ChannelLog>()
  readonly #readers = new Set<LogReader>()
  readonly #outboxes = new Map<string, Outbox>()
  #published = 0
  /** The stream as it was looked at last, by which connection, and the greatest sequence number seen. */
  #state: { readonly epoch: string; readonly generation: number; last: number } | undefined
  #comparing: NodeJS.Timeout | undefined
  /** Up to where all channels were compared. */
  #compared = { epoch: '', last: -1 }
  readonly #onReconnect = () => {
    this.history.clear()
    this.#compared = { epoch: '', last: -1 }
    for (const log of this.#logs.values()) log.fallBehind()
  }

  constructor(bus: BusBase, link: NatsLink, options: NatsLogOptions) {
    this.#bus = bus
    this.link = link
    this.stream = new LogStream(link, options)
    this.history = new History(link, this.stream)
    link.reconnected.add(this.#onReconnect)
  }

  publish(channel: string, frame: Uint8Array, signal: AbortSignal | undefined): Promise<Position> {
    const { deadline } = this.link.patience()
    const what = `a durable publication to ${JSON.stringify(channel)}`
    let item: Outgoing
    const work = new Promise<Position>((resolve, reject) => {
      item = { frame, deadline, resolve, reject, isSettled: false }
      this.#outboxOf(channel).add(item)
    })
    // While it waits its turn, an abort or the bus's end rejects at once.
    const settled = this.link.race(work, signal, { survivesDown: true, limited: what })
    const done = () => {
      item.isSettled = true
    }
    settled.then(done, done)
    return settled
  }

  async subscribe(channel: string, listener: LogListener, options: LogOptions): Promise<LogReader> {
    const reader = new LogReader(this.#bus, this, this.#logOf(channel), listener, options)
    this.#readers.add(reader)
    try {
      await reader.start(this.link.patience(options.signal))
    } catch (error) {
      reader.close()
      throw error
    }
    return reader
  }

  isOwn(id: string): boolean {
    return id.startsWith(this.#instance)
  }

  /** Why a channel cannot be read. */
  refusal(channel: string, cause: unknown): QbpError {
    return refusedError(`the log of ${JSON.stringify(channel)}`, cause)
  }

  reportLag(channel: string): void {
    this.#bus.reportLag(channel)
  }

  /** A reader has gone. The log that nobody reads any more goes as well. */
  release(reader: LogReader, log: ChannelLog): void {
    this.#readers.delete(reader)
    if (log.readers.size === 0) log.close()
  }

  forget(log: ChannelLog): void {
    if (this.#logs.get(log.channel) === log) this.#logs.delete(log.channel)
    if (this.#logs.size > 0) return
    clearTimeout(this.#comparing)
    this.#comparing = undefined
  }

  close(): void {
    this.link.reconnected.delete(this.#onReconnect)
    for (const reader of [...this.#readers]) reader.close()
    for (const log of [...this.#logs.values()]) log.close()
    this.history.clear()
  }

  #logOf(channel: string): ChannelLog {
    let log = this.#logs.get(channel)
    if (log === undefined) {
      log = inRootContext(() => {
        if (this.#comparing === undefined) this.#compareLater()
        return new ChannelLog(this, channel, encodeFileName(channel))
      })
      this.#logs.set(channel, log)
    }
    return log
  }

  #outboxOf(channel: string): Outbox {
    let outbox = this.#outboxes.get(channel)
    if (outbox === undefined) {
      const subject = this.stream.subjectOf(encodeFileName(channel))
      const what = `a durable publication to ${JSON.stringify(channel)}`
      outbox = new Outbox(
        Math.max(1, Math.floor(this.stream.options.logMaxFrames / FRAMES_PER_BATCHED)),
        () => `${this.#instance}${(++this.#published).toString(36)}`,
        (batch) => this.#put(subject, what, batch),
        () => this.#outboxes.delete(channel),
      )
      this.#outboxes.set(channel, outbox)
    }
    return outbox
  }

  async #put(subject: string, what: string, batch: Batch): Promise<(index: number) => Position> {
    const patience = { deadline: batch.deadline }
    const { id, data } = batch
    const header = headersOf(batch)
    let acknowledged = 0
    const ack = await this.link.retry<PubAck>(
      what,
      async (timeout) => {
        if (this.#state?.generation !== this.link.generation) await this.#open()
        acknowledged = this.#state?.last ?? 0
        try {
          const expect = { streamName: this.stream.name }
          const headers = header === undefined ? {} : { headers: header }
          return await this.link.refused.orRefusal(subject, () =>
            this.link.js.publish(subject, data, { msgID: id, timeout, expect, ...headers }),
          )
        } catch (error) {
          // Nobody answering may mean that the stream is gone.
          this.#state = undefined
          throw error
        }
      },
      patience,
    )
    const known = this.#state
    // A number that was given out before this was sent belongs to another stream: ours was lost while we were connected.
    if (known === undefined || (ack.seq <= acknowledged && !ack.duplicate)) {
      await this.link.retry(what, () => this.#open(), patience)
    } else if (ack.seq > known.last) known.last = ack.seq
    const { epoch } = this.#state ?? { epoch: '' }
    if (epoch === '') {
      const message = 'The engine went away after it had taken the frame: its position is unknown.'
      throw new QbpError('ERR_QBP_BUS_DOWN', message)
    }
    return (index) => ({ epoch, offset: offsetOf(ack.seq, index), mark: id })
  }

  async #open(): Promise<StreamState> {
    const { generation } = this.link
    const state = await this.stream.open()
    this.#state = { epoch: state.epoch, generation, last: state.last }
    return state
  }

  #compareLater(): void {
    this.#comparing = setTimeout(() => {
      void this.#compare()
        .catch(() => {}) // With the next one, or the next connection.
        .then(() => {
          if (this.#comparing !== undefined) this.#compareLater()
        })
    }, COMPARE_MS)
    this.#comparing.unref()
  }

  /**
   * A tail may lose its last message with nothing after it to show that: a link between servers that was cut, a queue that ran over. So
   * channels that are quiet are compared with the stream, where that has grown; a few at a time, those longest not compared first.
   */
  async #compare(): Promise<void> {
    if (!this.link.isUp) return
    const state = await this.stream.open()
    const { epoch, last } = this.#compared
    if (epoch === state.epoch && last === state.last) return
    const quiet = [...this.#logs.values()]
      .filter((log) => log.isLevel && (log.end.upTo < state.last || log.end.epoch !== state.epoch))
      .sort((a, b) => a.end.upTo - b.end.upTo)
    const some = quiet.slice(0, COMPARED)
    await Promise.all(
      some.map(async (log) => {
        const { seq } = log.end
        const found = await this.stream.look(log.token)
        if (log.end.seq === seq) log.compare(found.last, state.last, found.state.epoch)
      }),
    )
    if (some.length === quiet.length) this.#compared = { epoch: state.epoch, last: state.last }
  }
}
