import { QbpError } from '../../base/errors.ts'
import type { BusBase } from '../bus-base.ts'
import { downError } from '../bus-errors.ts'
import type { LiveListener, SubscribeOptions, Subscription } from '../contract.ts'
import { encodeFileName } from '../name.ts'
import { refusedError } from './engine-errors.ts'
import type { NatsLink } from './link.ts'

/** What is held back until the end of the tick, at most, in bytes of frames. */
const BATCH_BYTES = 65_536

/** So many channels' subjects are remembered. */
const MOST_SUBJECTS = 1_000

/** What a bus publishes live: plain subjects of NATS. */
export class NatsLive {
  readonly #bus: BusBase
  readonly #link: NatsLink
  readonly #prefix: string
  readonly #subscriptions = new Set<Subscription>()
  /** By channel: putting one together, and making one piece of it to be checked, takes a sixth of a publication. */
  readonly #subjects = new Map<string, string>()
  #batch: { readonly subject: string; readonly frame: Uint8Array }[] = []
  #batchBytes = 0

  constructor(bus: BusBase, link: NatsLink, prefix: string) {
    this.#bus = bus
    this.#link = link
    this.#prefix = `${prefix}.live`
    link.refused.listeners.add((refusal, subject) => {
      if (subject.startsWith(`${this.#prefix}.`)) bus.reportEnd(refusal, undefined)
    })
  }

  /**
   * nats.js writes to its socket in a microtask of its own, so that a loop that awaits each publication pays for a write each: 88 k/s
   * against 570 k/s. Held back to the end of the tick, they leave in one.
   */
  publish(channel: string, frame: Uint8Array): void {
    const subject = this.#subjectOf(channel)
    const refusal = this.#link.refused.of(subject)
    if (refusal !== undefined) throw refusal
    this.#batchBytes += frame.length
    if (this.#batch.push({ subject, frame }) === 1) process.nextTick(() => this.flush())
    if (this.#batchBytes >= BATCH_BYTES) this.flush()
  }

  /** Hands on what was held back. While the server is away that is dropped, as everything on its way is. */
  flush(): void {
    const batch = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    try {
      if (this.#link.isUp) for (const { subject, frame } of batch) this.#link.nc.publish(subject, frame)
    } catch {
      // The connection has ended this instant: at most once.
    }
  }

  async subscribe(channel: string, listener: LiveListener, options: SubscribeOptions): Promise<Subscription> {
    const { nc } = this.#link
    let refused: unknown
    const heard = nc.subscribe(this.#subjectOf(channel), {
      callback: (error, message) => {
        if (error) {
          refused = refusedError(`a subscription to ${JSON.stringify(channel)}`, error)
          if (isMade && this.#subscriptions.delete(subscription)) this.#bus.reportEnd(refused, options.onEnd)
        } else if (this.#subscriptions.has(subscription)) this.#bus.guard(() => listener(message.data))
      },
    })
    let isMade = false
    const subscription = {
      channel,
      position: undefined,
      close: () => {
        if (this.#subscriptions.delete(subscription)) heard.unsubscribe()
      },
    }
    this.#subscriptions.add(subscription)
    try {
      // The server has read all that was sent before it answers this, and refused what it refuses.
      await this.#link.race(nc.flush(), options.signal)
    } catch (error) {
      subscription.close()
      if (error instanceof QbpError || options.signal?.aborted) throw error
      throw downError(error)
    }
    if (refused !== undefined) {
      subscription.close()
      throw refused
    }
    isMade = true
    return subscription
  }

  #subjectOf(channel: string): string {
    let subject = this.#subjects.get(channel)
    if (subject === undefined) {
      if (this.#subjects.size === MOST_SUBJECTS) this.#subjects.clear()
      subject = `${this.#prefix}.${encodeFileName(channel)}`
      this.#subjects.set(channel, subject)
    }
    return subject
  }

  close(): void {
    this.flush()
    for (const subscription of this.#subscriptions) subscription.close()
  }
}
