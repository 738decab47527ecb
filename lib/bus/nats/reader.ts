import { AckPolicy, type ConsumerConfig, type ConsumerMessages, type JsMsg, ReplayPolicy } from '@nats-io/jetstream'
import { createInbox, nanos } from '@nats-io/transport-node'
import type { NatsLink, Patience } from './link.ts'

/** How often the server says that it is there with nothing to deliver. Two missed, and the reader attaches anew. */
const HEARTBEAT_MS = 1_000
/** The server forgets a reader that has gone after this. */
const ABANDONED_MS = 5_000

/** A stream that was looked at, to be read. */
export interface NatsOpened {
  readonly stream: string
  /** Decides, each time it is read anew, from where. Called at once, unless another attempt has overtaken this one. */
  begin(): Partial<ConsumerConfig>
}

/** What is read: a log, or a part of the store. */
export interface NatsSource {
  /** Names it in errors. */
  readonly what: string
  /** Makes the stream if need be, and looks at it. Nothing of the source may change by this: another attempt may have overtaken it. */
  open(timeoutMs: number): Promise<NatsOpened>
  /** The server has begun. */
  opened?(): void
  message(message: JsMsg): void
  /** A heartbeat: for a while there was nothing to deliver. */
  idle?(): void
  /** Reading had to be given up. */
  failed(error: unknown): void
}

//               the server has begun
//     attaching ──────────────────────► attached
//       │ ◄──────── something got lost ────┤
//       └───────────── close ──────────────┴──► closed

/**
 * Reads a stream in its order through everything: a lost connection, a restarted server, a consumer that the server forgot, a
 * delivery that got lost. Each of these ends in attaching anew where `open` says. Not nats.js's ordered consumer: that one goes on
 * at its sequence number in a stream that was lost and made anew.
 */
export class NatsReader {
  readonly #link: NatsLink
  readonly #source: NatsSource
  readonly #again = () => this.#restart()
  #phase: 'attaching' | 'attached' | 'closed' = 'attaching'
  /** Which attachment the callbacks belong to; those of an earlier one are deaf. */
  #current = 0
  #messages: ConsumerMessages | undefined
  #delivered = 0

  constructor(link: NatsLink, source: NatsSource) {
    this.#link = link
    this.#source = source
  }

  async start(patience: Patience): Promise<void> {
    this.#link.reconnected.add(this.#again)
    try {
      await this.#attach(patience)
    } catch (error) {
      this.close()
      throw error
    }
  }

  close(): void {
    this.#phase = 'closed'
    this.#link.reconnected.delete(this.#again)
    this.#detach()
  }

  /** False once it was closed meanwhile. */
  get #isAttaching(): boolean {
    return this.#phase === 'attaching'
  }

  #restart(): void {
    if (this.#phase !== 'attached') return
    this.#phase = 'attaching'
    this.#attach({ deadline: Infinity }).catch((error) => {
      if (this.#phase === 'closed') return
      this.close()
      this.#source.failed(error)
    })
  }

  async #attach(patience: Patience): Promise<void> {
    await this.#link.retry(this.#source.what, (timeoutMs) => this.#attempt(timeoutMs), patience)
    if (this.#isAttaching) this.#phase = 'attached'
  }

  /** An attempt that lost the race goes on: each of its steps looks whether it is still the current one. */
  async #attempt(timeoutMs: number): Promise<void> {
    this.#detach()
    const mine = this.#current
    const isStale = () => mine !== this.#current || this.#phase === 'closed'
    const { stream, begin } = await this.#source.open(timeoutMs)
    if (isStale()) return
    const from = begin()
    const bound = { deliver_subject: createInbox(this.#link.inboxPrefix), idle_heartbeat: nanos(HEARTBEAT_MS) }
    const consumer = await this.#link.js.consumers.getBoundPushConsumer(bound)
    const messages = await consumer.consume({
      callback: (message) => {
        if (!isStale()) this.#take(message)
      },
    })
    if (isStale()) {
      void messages.close()
      return
    }
    this.#messages = messages
    void this.#follow(messages, isStale)
    await this.#link.jsm.consumers.add(stream, {
      ...bound,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      flow_control: true,
      inactive_threshold: nanos(ABANDONED_MS),
      mem_storage: true,
      num_replicas: 1,
      ...from,
    })
    if (!isStale()) this.#source.opened?.()
  }

  #take(message: JsMsg): void {
    if (message.info.deliverySequence !== this.#delivered + 1) {
      this.#restart()
      return
    }
    this.#delivered++
    this.#source.message(message)
  }

  async #follow(messages: ConsumerMessages, isStale: () => boolean): Promise<void> {
    for await (const status of messages.status()) {
      if (isStale()) return
      // The last deliveries before a pause may have got lost too: nothing comes after them to show it, but the heartbeat does.
      const lostSome = status.type === 'heartbeat' && status.lastConsumerSequence > this.#delivered
      if (lostSome || status.type === 'heartbeats_missed' || status.type === 'consumer_deleted') this.#restart()
      else if (status.type === 'heartbeat') this.#source.idle?.()
    }
  }

  #detach(): void {
    this.#current++
    this.#delivered = 0
    // `close` unsubscribes. The server drops a consumer without interest by itself: no request that could fail.
    void this.#messages?.close()
    this.#messages = undefined
  }
}
