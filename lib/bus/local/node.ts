import { QbpError } from '../../base/errors.ts'
import { onAbort } from '../../base/on-abort.ts'
import { BusBase } from '../bus-base.ts'
import { closedError, noNodeError } from '../bus-errors.ts'
import type { BusOptions } from '../bus-options.ts'
import type { LiveListener, LogListener, LogOptions, Position, PublishOptions, Subscription } from '../contract.ts'
import { LocalReader, type ReaderShare } from './reader.ts'
import { LocalStore } from './store.ts'
import type { LocalTable } from './table.ts'

/** A subscription to what is published live. */
export interface LiveSubscriber {
  readonly bus: LocalBus
  readonly listener: LiveListener
}

/** What a node has to know of its hub. */
export interface LocalEngine extends ReaderShare {
  readonly maxFrameBytes: number
  readonly isUp: boolean
  readonly table: LocalTable
  readonly live: Map<string, Set<LiveSubscriber>>
  readonly buses: Set<LocalBus>
}

/** A node of a `LocalHub`. */
export class LocalBus extends BusBase {
  readonly store: LocalStore
  readonly #hub: LocalEngine
  readonly #subscriptions = new Set<Subscription>()
  /** Durable publications that wait for the engine, in their order. */
  readonly #waiting = new Set<() => void>()
  readonly #closing = new Set<() => void>()

  constructor(hub: LocalEngine, options: BusOptions) {
    super(options)
    this.#hub = hub
    this.store = new LocalStore(this, hub.table)
    hub.buses.add(this)
    if (!hub.isUp) this.setUp(false)
  }

  /** The longest frame that is taken, in bytes. */
  get maxFrameBytes(): number {
    return this.#hub.maxFrameBytes
  }

  /**
   * Called by the hub.
   *
   * @internal
   */
  engineIs(up: boolean): void {
    if (up) for (const retry of [...this.#waiting]) retry()
    this.setUp(up)
  }

  protected publishLive(channel: string, frame: Uint8Array): void {
    for (const subscriber of this.#hub.live.get(channel) ?? []) {
      if (subscriber.bus === this) continue
      this.#hub.later(() => {
        // It may have left since.
        if (this.#hub.live.get(channel)?.has(subscriber)) subscriber.bus.guard(() => subscriber.listener(frame))
      })
    }
  }

  protected async publishLog(
    channel: string,
    frame: Uint8Array,
    { logKind, signal }: PublishOptions,
  ): Promise<Position> {
    const logs = this.#hub.logsOf(logKind)
    const append = () => {
      const position = logs.append(channel, frame, this)
      for (const reader of this.#hub.readers.get(channel) ?? []) reader.wake()
      return position
    }
    return this.#hub.isUp ? append() : this.#whenUp(append, signal)
  }

  protected async subscribeLive(channel: string, listener: LiveListener): Promise<Subscription> {
    const subscriber = { bus: this, listener }
    const subscribers = this.#hub.live.get(channel) ?? new Set()
    this.#hub.live.set(channel, subscribers.add(subscriber))
    const subscription = {
      channel,
      position: undefined,
      close: () => {
        this.#subscriptions.delete(subscription)
        subscribers.delete(subscriber)
        if (subscribers.size === 0 && this.#hub.live.get(channel) === subscribers) this.#hub.live.delete(channel)
      },
    }
    this.#subscriptions.add(subscription)
    return subscription
  }

  protected async subscribeLog(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription> {
    const reader = new LocalReader(this.#hub, this, channel, listener, options, () =>
      this.#subscriptions.delete(reader),
    )
    this.#subscriptions.add(reader)
    // Its first look comes before: a gap after "since" has been reported when this resolves, as on NATS.
    await new Promise<void>((resolve) => this.#hub.later(resolve))
    return reader
  }

  protected sendFrame(node: string, frame: Uint8Array): Promise<void> {
    const to = [...this.#hub.buses].filter((bus) => bus.node === node)
    if (to.length === 0) throw noNodeError(node)
    return new Promise((resolve) =>
      this.#hub.later(() => {
        for (const bus of to) if (!bus.isClosed) bus.guard(() => bus.emit('frame', frame))
        resolve()
      }),
    )
  }

  protected async leave(): Promise<void> {
    this.#hub.buses.delete(this)
    for (const subscription of this.#subscriptions) subscription.close()
    this.store.close()
    for (const close of this.#closing) close()
  }

  #whenUp<T>(act: () => T, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (call: () => void) => () => {
        clearTimeout(timer)
        unwatch?.()
        this.#waiting.delete(retry)
        this.#closing.delete(close)
        call()
      }
      // At once, not in a later turn: nothing that is published on "up" may come before it.
      const retry = settle(() => resolve(act()))
      const close = settle(() => reject(closedError()))
      const abort = settle(() => reject(signal?.reason))
      const giveUp = settle(() => {
        const message = `The engine was away for ${this.timeoutMs} ms: the frame was not published. Try again after "up".`
        reject(new QbpError('ERR_QBP_BUS_TIMEOUT', message))
      })
      const timer = setTimeout(giveUp, this.timeoutMs)
      this.#waiting.add(retry)
      this.#closing.add(close)
      const unwatch = signal && onAbort(signal, abort)
    })
  }
}
