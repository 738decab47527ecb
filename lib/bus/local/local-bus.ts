import { AsyncLocalStorage } from 'node:async_hooks'
import { QbpError } from '../../base/errors.ts'
import { knownOptions } from '../../base/options.ts'
import { BusBase } from '../bus-base.ts'
import { closedError, noNodeError } from '../bus-errors.ts'
import {
  BUS_OPTIONS,
  type BusOptions,
  checkInteger,
  RETENTION_OPTIONS,
  type RetentionOptions,
  retention,
} from '../bus-options.ts'
import type { LiveListener, LogListener, LogOptions, Position, Subscription } from '../contract.ts'
import { LocalLog } from './log.ts'
import { LocalReader } from './reader.ts'
import { LocalStore, LocalTable } from './store.ts'

/** The context in which the library was loaded. */
const inRootContext = AsyncLocalStorage.snapshot()

export interface LocalHubOptions extends RetentionOptions {
  /** The longest frame and value, in bytes. Default: 1 MiB less 1 KiB, as on NATS. */
  readonly maxFrameBytes?: number
}

export interface LocalBusOptions extends BusOptions {
  /** What this node shares with others of the process. Default: a hub of its own. */
  readonly hub?: LocalHub
}

interface LiveSubscriber {
  readonly bus: LocalBus
  readonly listener: LiveListener
}

/**
 * The bus of one process: nothing to install, nothing kept on disk. Logs and the store live as long as the hub does.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION, ERR_QBP_BAD_NAME (of the node)
 */
export function localBus(options: LocalBusOptions = {}): LocalBus {
  knownOptions('localBus()', options, { ...BUS_OPTIONS, hub: true })
  return new LocalBus(options.hub ?? new LocalHub(), options)
}

/** The engine in process: several nodes in one process share it. `down` and `up` let a program's tests take it away. */
export class LocalHub {
  readonly maxFrameBytes: number
  /** @internal */
  readonly table: LocalTable
  /** @internal */
  readonly live = new Map<string, Set<LiveSubscriber>>()
  /** The nodes. */
  readonly buses = new Set<LocalBus>()
  /** @internal */
  readonly readers = new Set<LocalReader>()
  readonly #retention: Required<RetentionOptions>
  #logs = new Map<string, LocalLog>()
  #calls: (() => void)[] = []
  #isUp = true

  /** @throws {QbpError} ERR_QBP_BAD_OPTION */
  constructor(options: LocalHubOptions = {}) {
    knownOptions('LocalHub', options, { ...RETENTION_OPTIONS, maxFrameBytes: true })
    const { maxFrameBytes = 1_047_552 } = options
    checkInteger('maxFrameBytes', maxFrameBytes, 1, Number.MAX_SAFE_INTEGER)
    this.maxFrameBytes = maxFrameBytes
    this.#retention = retention(options)
    this.table = new LocalTable(this.#retention.maxTtlMs, (call) => this.later(call))
  }

  /** Whether the engine is there. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** One more node. */
  bus(options: BusOptions = {}): LocalBus {
    knownOptions('bus()', options, BUS_OPTIONS)
    return new LocalBus(this, options)
  }

  /** @internal */
  log(channel: string): LocalLog {
    let log = this.#logs.get(channel)
    if (!log) {
      log = new LocalLog(this.#retention.logMaxAgeMs, this.#retention.logMaxFrames)
      this.#logs.set(channel, log)
    }
    return log
  }

  /** The engine is away, for all nodes. */
  down(): void {
    this.#isUp = false
    for (const bus of this.buses) bus.engineIs(false)
  }

  /** The engine is back; with `lost`, without any log and with an empty store. */
  up(options: { readonly lost?: boolean } = {}): void {
    if (options.lost) {
      this.#logs = new Map()
      this.table.lose()
    }
    this.#isUp = true
    for (const bus of this.buses) bus.engineIs(true)
    for (const reader of this.readers) reader.wake()
  }

  /**
   * Listeners are called in turns of their own: never within the publisher's call, and never so long that input and output starve.
   *
   * @internal
   */
  later(call: () => void): void {
    if (this.#calls.push(call) > 1) return
    // In no publisher's AsyncLocalStorage context: it would be that of the first one, for all.
    inRootContext(() =>
      setImmediate(() => {
        const calls = this.#calls
        this.#calls = []
        for (const each of calls) each()
      }),
    )
  }
}

/** A node of a {@link LocalHub}. */
export class LocalBus extends BusBase {
  readonly store: LocalStore
  readonly #hub: LocalHub
  readonly #subscriptions = new Set<Subscription>()
  /** Durable publications that wait for the engine, in their order. */
  readonly #waiting = new Set<() => void>()
  readonly #closing = new Set<() => void>()

  constructor(hub: LocalHub, options: BusOptions) {
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

  protected async publishLog(channel: string, frame: Uint8Array, signal: AbortSignal | undefined): Promise<Position> {
    const append = () => {
      const position = this.#hub.log(channel).append(frame, this)
      for (const reader of this.#hub.readers) if (reader.channel === channel) reader.wake()
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
        signal?.removeEventListener('abort', abort)
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
      signal?.addEventListener('abort', abort)
    })
  }
}
