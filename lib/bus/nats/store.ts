import { setTimeout as pause } from 'node:timers/promises'
import {
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  type JsMsg,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
} from '@nats-io/jetstream'
import { headers, millis, nanos } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { knownOptions } from '../../base/options.ts'
import type { BusBase } from '../bus-base.ts'
import { staleError } from '../bus-errors.ts'
import { PUT_OPTIONS, SUBSCRIBE_OPTIONS } from '../bus-options.ts'
import type { Change, Entry, Key, Position, PutOptions, Store, SubscribeOptions } from '../contract.ts'
import { checkTtl, decodeKey, encodeKey, encodePrefix } from '../key.ts'
import { checkPosition, samePosition } from '../position.ts'
import { Watch } from '../watch.ts'
import type { NatsLink, Patience } from './link.ts'
import type { NatsLogOptions } from './log-stream.ts'
import { NatsReader } from './reader.ts'
import { DEDUPLICATION_MS, epochOf, isApiError, openStream } from './stream.ts'

/** An entry's life from when the server took it, in ms; 0 marks a deletion. */
const TTL_HEADER = 'Qbp-Ttl'

interface Opened {
  readonly generation: number
  readonly epoch: string
}

/**
 * The store: a stream of one message per key, as NATS's own key-value buckets are. What they lack with a 2.9 server is a time to live
 * per key. Here it stands in a header and runs on the server's clock, from the server's time stamp, so that no two nodes need
 * to agree on the time: each measures the server's clock when it connects, to half a round trip. What nobody asks for any more, and the
 * marks of deletions, the server removes after `maxTtlMs`: which is why every entry ends.
 */
export class NatsStore implements Store {
  readonly maxTtlMs: number
  readonly #bus: BusBase
  readonly #link: NatsLink
  readonly #instance: string
  readonly #stream: string
  readonly #subjects: string
  readonly #clockSubject: string
  readonly #replicas: number
  readonly #watches = new Set<{ close(): void }>()
  #opening: { readonly generation: number; readonly opened: Promise<Opened> } | undefined
  #opened: Opened | undefined
  /** What to add to `performance.now()` for the server's clock, in ms. */
  #clock = 0
  #writes = 0

  constructor(bus: BusBase, link: NatsLink, instance: string, options: NatsLogOptions) {
    this.#bus = bus
    this.#link = link
    this.#instance = instance
    this.maxTtlMs = options.maxTtlMs
    this.#replicas = options.replicas
    this.#stream = `${options.prefix}-store`
    this.#subjects = `${options.prefix}.store`
    this.#clockSubject = `${options.prefix}.clock`
  }

  async get(key: Key): Promise<Entry | undefined> {
    const subject = `${this.#subjects}.${encodeKey(key)}`
    this.#bus.checkUp()
    const { epoch, message } = await this.#read(subject, this.#link.patience())
    if (!message || this.#leftMs(message.header.get(TTL_HEADER), message.time.getTime()) <= 0) return undefined
    return { key: [...key], value: message.data, revision: { epoch, offset: BigInt(message.seq) } }
  }

  async put(key: Key, value: Uint8Array, options: PutOptions = {}): Promise<Position> {
    knownOptions('put()', options, PUT_OPTIONS)
    const subject = `${this.#subjects}.${encodeKey(key)}`
    this.#bus.checkFrame(value)
    if (options.revision) checkPosition(options.revision)
    const ttlMs = checkTtl(options.ttlMs, this.maxTtlMs)
    this.#bus.checkUp()
    return this.#write(key, subject, value, ttlMs, options.revision)
  }

  async delete(key: Key, options: { readonly revision?: Position } = {}): Promise<void> {
    knownOptions('delete()', options, { revision: true })
    const subject = `${this.#subjects}.${encodeKey(key)}`
    if (options.revision) checkPosition(options.revision)
    this.#bus.checkUp()
    await this.#write(key, subject, new Uint8Array(0), 0, options.revision)
  }

  async watch(
    prefix: Key,
    listener: (change: Change) => void,
    options: SubscribeOptions = {},
  ): Promise<{ close(): void }> {
    knownOptions('watch()', options, SUBSCRIBE_OPTIONS)
    const below = encodePrefix(prefix)
    this.#bus.checkUp()
    options.signal?.throwIfAborted()
    const watch = new Watch((change) => this.#bus.guard(() => listener(change)))
    let reported = () => {}
    let failed: (error: unknown) => void = () => {}
    const snapshot = new Promise<void>((resolve, reject) => {
      reported = resolve
      failed = reject
    })
    snapshot.catch(() => {})
    const filter = below === '' ? `${this.#subjects}.>` : `${this.#subjects}.${below}.>`
    let epoch = ''
    /** Of what was there, the subjects not reported yet. Not the server's count of what is pending: that one goes wrong under writes. */
    let missing = new Set<string>()
    const look = () => {
      if (missing.size > 0) return
      watch.endSnapshot()
      reported()
    }
    const reader = new NatsReader(this.#link, {
      what: `a watch on ${JSON.stringify(prefix)}`,
      open: async () => {
        this.#opening = undefined
        this.#opened = undefined // look at the stream itself: it may be gone, which is why we are here
        const opened = await this.#open()
        const there = await this.#list(filter)
        const begin = () => {
          epoch = opened.epoch
          missing = there
          watch.startSnapshot()
          return { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: filter }
        }
        return { stream: this.#stream, begin }
      },
      opened: look,
      message: (message) => {
        this.#see(watch, message, epoch)
        if (missing.delete(message.subject)) look()
      },
      // What is missing yet has run out before its turn came.
      idle: () => {
        if (missing.size === 0) return
        const asked = missing
        this.#list(filter).then(
          (there) => {
            for (const subject of asked) if (!there.has(subject)) asked.delete(subject)
            if (asked === missing) look()
          },
          () => {}, // The next heartbeat asks again.
        )
      },
      failed: (error) => {
        failed(error)
        subscription.close()
        this.#bus.reportEnd(error, options.onEnd)
      },
    })
    const subscription = {
      close: () => {
        reader.close()
        watch.close()
        this.#watches.delete(subscription)
      },
    }
    this.#watches.add(subscription)
    try {
      await reader.start(this.#link.patience(options.signal))
      await this.#link.race(snapshot, options.signal, { survivesDown: true })
    } catch (error) {
      subscription.close()
      throw error
    }
    return subscription
  }

  close(): void {
    for (const watch of this.#watches) watch.close()
  }

  #see(watch: Watch, message: JsMsg, epoch: string): void {
    const key = decodeKey(message.subject.slice(this.#subjects.length + 1))
    const leftMs = this.#leftMs(message.headers?.get(TTL_HEADER), millis(message.info.timestampNanos))
    const revision = { epoch, offset: BigInt(message.seq) }
    // A copy: nats.js hands out views of the socket's chunk, which entries that are kept would pin.
    if (leftMs > 0) watch.set({ key, value: message.data.slice(), revision }, leftMs)
    else watch.delete(key)
  }

  /** The subjects of all that is kept. */
  async #list(filter: string): Promise<Set<string>> {
    const info = await this.#link.jsm.streams.info(this.#stream, { subjects_filter: filter })
    return new Set(Object.keys(info.state.subjects ?? {}))
  }

  async #write(
    key: Key,
    subject: string,
    value: Uint8Array,
    ttlMs: number,
    expected: Position | null | undefined,
  ): Promise<Position> {
    const patience = this.#link.patience()
    const id = `${this.#instance}-s${++this.#writes}`
    const header = headers()
    header.set(TTL_HEADER, String(ttlMs))
    for (;;) {
      const expect: { lastSubjectSequence?: number } = {}
      if (expected !== undefined) {
        const { epoch, message } = await this.#read(subject, patience)
        const holds = message && this.#leftMs(message.header.get(TTL_HEADER), message.time.getTime()) > 0
        const found = holds ? { epoch, offset: BigInt(message.seq) } : undefined
        if (expected === null ? found : !found || !samePosition(found, expected)) throw staleError(key, expected)
        expect.lastSubjectSequence = message?.seq ?? 0
      }
      const what = `a write of ${JSON.stringify(key)}`
      const attempt = async (timeout: number) => {
        const { epoch } = await this.#open()
        try {
          const options = { msgID: id, timeout, headers: header, expect: { streamName: this.#stream, ...expect } }
          const ack = await this.#link.refusable(subject, () => this.#link.js.publish(subject, value, options))
          return { epoch, offset: BigInt(ack.seq) }
        } catch (error) {
          if (isApiError(error, JetStreamApiCodes.StreamWrongLastSequence)) return undefined
          this.#opened = undefined
          throw error
        }
      }
      const revision = await this.#link.retry(what, attempt, patience)
      if (revision) return revision
      // Somebody was faster. A revision is stale then; "nothing" may still hold, if it was a deletion: look again.
      if (expected) throw staleError(key, expected)
    }
  }

  #read(subject: string, patience: Patience): Promise<{ epoch: string; message: StoredMsg | null }> {
    return this.#link.retry(
      'a read of the store',
      async () => {
        const { epoch } = await this.#open()
        try {
          // From the stream's leader, not from any replica: what was acknowledged is seen.
          return { epoch, message: await this.#link.jsm.streams.getMessage(this.#stream, { last_by_subj: subject }) }
        } catch (error) {
          this.#opened = undefined
          throw error
        }
      },
      patience,
    )
  }

  /** Of an entry's life, by the server's clock. */
  #leftMs(ttl: string | undefined, takenAt: number): number {
    const ttlMs = Number(ttl ?? 0)
    // Not by the clock: what was deleted just now may seem to be of the future, by half a round trip.
    return ttlMs === 0 ? 0 : takenAt + ttlMs - (performance.now() + this.#clock)
  }

  /** Calls that come at once open it together: each would read the clock, and each reading spoils the one before. */
  #open(): Promise<Opened> {
    const generation = this.#link.generation
    if (this.#opened?.generation === generation) return Promise.resolve(this.#opened)
    if (this.#opening?.generation === generation) return this.#opening.opened
    const opening = {
      generation,
      opened: this.#openOnce(generation).finally(() => {
        if (this.#opening === opening) this.#opening = undefined
      }),
    }
    this.#opening = opening
    return opening.opened
  }

  async #openOnce(generation: number): Promise<Opened> {
    // Longer than a publication may be repeated, even where entries live shorter than that.
    const maxAgeMs = Math.max(this.maxTtlMs, DEDUPLICATION_MS)
    const info = await openStream(this.#link.jsm, {
      name: this.#stream,
      subjects: [`${this.#subjects}.>`, this.#clockSubject],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      max_age: nanos(maxAgeMs),
      duplicate_window: nanos(DEDUPLICATION_MS),
      num_replicas: this.#replicas,
    })
    this.#clock = await this.#readClock()
    this.#opened = { generation, epoch: epochOf(info) }
    return this.#opened
  }

  /** A message's time stamp is the only clock that a 2.9 server shows. */
  async #readClock(): Promise<number> {
    for (let n = 0; n < 10; n++) {
      const before = performance.now()
      const { seq } = await this.#link.js.publish(this.#clockSubject)
      const after = performance.now()
      const message = await this.#link.jsm.streams.getMessage(this.#stream, { seq })
      if (message?.subject === this.#clockSubject) return message.time.getTime() - (before + after) / 2
      // Another node was reading the clock as well, and its message has replaced ours. They get out of each other's way.
      await pause(Math.random() * 2 ** Math.min(n, 6))
    }
    throw new QbpError('ERR_QBP_BUS_REFUSED', 'Too many nodes are connecting at once to read the clock. Try again.')
  }
}
