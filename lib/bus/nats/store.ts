import { DiscardPolicy, JetStreamApiCodes, type JsMsg, RetentionPolicy, type StoredMsg } from '@nats-io/jetstream'
import { headers, millis, nanos } from '@nats-io/transport-node'
import type { BusBase } from '../bus-base.ts'
import { staleError } from '../bus-errors.ts'
import type { Entry, Key, Position, SubscribeOptions } from '../contract.ts'
import { decodeKey } from '../key.ts'
import { samePosition } from '../position.ts'
import { StoreBase } from '../store-base.ts'
import type { Watch } from '../watch.ts'
import type { NatsLink, Patience } from './link.ts'
import type { Keeping } from './nats-options.ts'
import { ServerClock } from './server-clock.ts'
import { StoreWatch } from './store-watch.ts'
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
export class NatsStore extends StoreBase {
  readonly maxTtlMs: number
  readonly #link: NatsLink
  readonly #instance: string
  readonly #stream: string
  readonly #subjects: string
  readonly #clockSubject: string
  readonly #clock: ServerClock
  readonly #keeping: Keeping
  readonly #watches = new Set<StoreWatch>()
  #opening: { readonly generation: number; readonly opened: Promise<Opened> } | undefined
  #opened: Opened | undefined
  #writes = 0

  constructor(bus: BusBase, link: NatsLink, instance: string, prefix: string, maxTtlMs: number, keeping: Keeping) {
    super(bus)
    this.#link = link
    this.#instance = instance
    this.maxTtlMs = maxTtlMs
    this.#keeping = keeping
    this.#stream = `${prefix}-store`
    this.#subjects = `${prefix}.store`
    this.#clockSubject = `${prefix}.clock`
    this.#clock = new ServerClock(link, this.#stream, this.#clockSubject)
  }

  protected async read(key: Key, id: string): Promise<Entry | undefined> {
    const subject = `${this.#subjects}.${id}`
    const { epoch, message } = await this.#read(subject, this.#link.patience())
    if (!message || this.#leftMs(message.header.get(TTL_HEADER), message.time.getTime()) <= 0) return undefined
    return { key: [...key], value: message.data, revision: { epoch, offset: BigInt(message.seq) } }
  }

  protected async remove(key: Key, id: string, expected: Position | undefined): Promise<void> {
    await this.write(key, id, new Uint8Array(0), 0, expected)
  }

  protected async open(
    watch: Watch,
    prefix: Key,
    below: string,
    options: SubscribeOptions,
  ): Promise<{ close(): void }> {
    const stored = new StoreWatch({
      link: this.#link,
      stream: this.#stream,
      what: `a watch on ${JSON.stringify(prefix)}`,
      filter: below === '' ? `${this.#subjects}.>` : `${this.#subjects}.${below}.>`,
      watch,
      reopen: () => {
        this.#opening = undefined
        this.#opened = undefined
        return this.#open()
      },
      see: (message, epoch) => this.#see(watch, message, epoch),
      failed: (error) => {
        this.#watches.delete(stored)
        this.bus.reportEnd(error, options.onEnd)
      },
    })
    this.#watches.add(stored)
    const close = () => {
      this.#watches.delete(stored)
      stored.close()
    }
    try {
      await stored.start(options)
    } catch (error) {
      close()
      throw error
    }
    return { close }
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

  protected async write(
    key: Key,
    id: string,
    value: Uint8Array,
    ttlMs: number,
    expected: Position | null | undefined,
  ): Promise<Position> {
    const subject = `${this.#subjects}.${id}`
    const patience = this.#link.patience()
    const msgID = `${this.#instance}-s${++this.#writes}`
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
          const options = { msgID, timeout, headers: header, expect: { streamName: this.#stream, ...expect } }
          const ack = await this.#link.refused.orRefusal(subject, () => this.#link.js.publish(subject, value, options))
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
    return ttlMs === 0 ? 0 : takenAt + ttlMs - this.#clock.now
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
    const { replicas, storage, placement } = this.#keeping
    const maxAgeMs = Math.max(this.maxTtlMs, DEDUPLICATION_MS)
    const info = await openStream(this.#link.jsm, {
      name: this.#stream,
      subjects: [`${this.#subjects}.>`, this.#clockSubject],
      storage,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      max_age: nanos(maxAgeMs),
      duplicate_window: nanos(DEDUPLICATION_MS),
      num_replicas: replicas,
      ...(placement === undefined ? {} : { placement }),
    })
    await this.#clock.read()
    this.#opened = { generation, epoch: epochOf(info) }
    return this.#opened
  }
}
