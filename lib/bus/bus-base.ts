import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { QbpError } from '../base/errors.ts'
import { isGone } from '../base/gone.ts'
import { knownOptions } from '../base/options.ts'
import { shown } from '../base/shown.ts'
import { errorOf } from '../base/thrown.ts'
import { Breather } from './breather.ts'
import { diagnose } from './bus-channels.ts'
import { closedError, downError } from './bus-errors.ts'
import {
  type BusOptions,
  checkInteger,
  checkLimit,
  LOG_OPTIONS,
  PUBLISH_OPTIONS,
  SUBSCRIBE_OPTIONS,
} from './bus-options.ts'
import type {
  Bus,
  BusEvents,
  Gap,
  LiveListener,
  LogListener,
  LogOptions,
  Position,
  PublishOptions,
  Store,
  SubscribeOptions,
  Subscription,
} from './contract.ts'
import { encodeName } from './name.ts'
import { checkSince } from './position.ts'
import { PublishQueue } from './publish-queue.ts'

const NO_LOG = 'What is published live goes into no log: logKind is for durable: true.'

/** What the engines have in common: the checks of arguments, the state, and calling listeners without being hurt by them. */
export abstract class BusBase extends EventEmitter<BusEvents> implements Bus {
  readonly node: string
  readonly timeoutMs: number
  abstract readonly maxFrameBytes: number
  abstract readonly store: Store

  readonly #breather = new Breather()
  readonly #queue: PublishQueue
  #up = true
  #closed: Promise<void> | undefined

  constructor(options: BusOptions) {
    super()
    this.setMaxListeners(0) // One for each group: many are no leak.
    const { node = randomUUID(), timeoutMs = 30_000, maxQueuedBytes = 64 * 2 ** 20 } = options
    encodeName(node)
    checkInteger('timeoutMs', timeoutMs, 1, 60_000)
    checkLimit('maxQueuedBytes', maxQueuedBytes)
    this.#queue = new PublishQueue(this, maxQueuedBytes)
    this.node = node
    this.timeoutMs = timeoutMs
  }

  get isUp(): boolean {
    return this.#up && this.#closed === undefined
  }

  /** Whether it was closed on this side. */
  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  /** See {@link Bus.publish}. */
  publish(
    channel: string,
    frame: Uint8Array,
    options?: PublishOptions & { readonly durable?: false },
  ): Promise<undefined>
  /** See {@link Bus.publish}. */
  publish(channel: string, frame: Uint8Array, options: PublishOptions & { readonly durable: true }): Promise<Position>
  /** See {@link Bus.publish}. */
  publish(channel: string, frame: Uint8Array, options?: PublishOptions): Promise<Position | undefined>
  async publish(channel: string, frame: Uint8Array, options: PublishOptions = {}): Promise<Position | undefined> {
    knownOptions('publish()', options, PUBLISH_OPTIONS)
    encodeName(channel)
    this.checkFrame(frame)
    options.signal?.throwIfAborted()
    if (options.durable) {
      this.checkOpen()
      const position = await this.#publishLog(channel, frame, options)
      await this.#breather.next()
      return position
    }
    if (options.logKind !== undefined) throw new QbpError('ERR_QBP_BAD_OPTION', NO_LOG, { option: 'logKind' })
    this.checkUp()
    this.publishLive(channel, frame)
    const breath = this.#breather.next()
    if (breath !== undefined) await breath
    return undefined
  }

  subscribe(channel: string, listener: LiveListener, options?: SubscribeOptions): Promise<Subscription>
  subscribe(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription>
  async subscribe(
    channel: string,
    listener: LiveListener | LogListener,
    options: SubscribeOptions | LogOptions = {},
  ): Promise<Subscription> {
    knownOptions('subscribe()', options, 'since' in options ? LOG_OPTIONS : SUBSCRIBE_OPTIONS)
    encodeName(channel)
    this.checkUp()
    options.signal?.throwIfAborted()
    if (!('since' in options)) return this.subscribeLive(channel, listener as LiveListener, options)
    const { since } = options
    if (since !== 'now' && since !== 'first') checkSince(since)
    return this.subscribeLog(channel, listener, options)
  }

  async send(node: string, frame: Uint8Array): Promise<void> {
    encodeName(node)
    this.checkFrame(frame)
    this.checkUp()
    await this.sendFrame(node, frame)
  }

  close(): Promise<void> {
    this.#closed ??= Promise.resolve().then(() => this.leave())
    return this.#closed
  }

  /** As `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #publishLog(channel: string, frame: Uint8Array, options: PublishOptions): Promise<Position> {
    const { length } = frame
    this.#queue.enter(length)
    try {
      return await this.publishLog(channel, frame, options)
    } finally {
      this.#queue.leave(length)
    }
  }

  /** @throws {QbpError} ERR_QBP_BUS_CLOSED */
  checkOpen(): void {
    if (this.#closed) throw closedError()
  }

  /** @throws {QbpError} ERR_QBP_BUS_CLOSED, ERR_QBP_BUS_DOWN */
  checkUp(): void {
    this.checkOpen()
    if (!this.#up) throw downError()
  }

  /** @throws {QbpError} ERR_QBP_BAD_OPTION for what is no Uint8Array, ERR_QBP_TOO_LONG */
  checkFrame(frame: Uint8Array): void {
    if (!(frame instanceof Uint8Array) || (frame.length === 0 && isGone(frame))) {
      throw new QbpError('ERR_QBP_BAD_OPTION', `a frame or value is ${shown(frame)}: allowed is a Uint8Array.`)
    }
    if (frame.length <= this.maxFrameBytes) return
    const facts = { size: frame.length, limit: this.maxFrameBytes }
    const message = `${facts.size} bytes, the bus takes ${facts.limit}. Send it in parts, or raise the engine's limit.`
    throw new QbpError('ERR_QBP_TOO_LONG', message, facts)
  }

  /** Calls a listener. What it throws is reported, never passed on: the caller is an engine's receive loop. */
  guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      // In a turn of its own: what an `error` listener throws is the program's to see, and no engine's to trip over.
      process.nextTick(() => {
        if (this.listenerCount('error') > 0) this.emit('error', error)
        else process.emitWarning(errorOf(error, 'A listener'))
      })
    }
  }

  /** @internal */
  reportGap(gap: Gap, onGap: ((gap: Gap) => void) | undefined): void {
    diagnose('qbp:bus:gap', { bus: this, gap })
    if (onGap) this.guard(() => onGap(gap))
    this.guard(() => this.emit('gap', gap))
  }

  /** @internal */
  reportLag(channel: string): void {
    diagnose('qbp:bus:lag', { bus: this, channel })
  }

  /** @internal */
  reportEnd(cause: unknown, onEnd: ((cause: unknown) => void) | undefined): void {
    if (onEnd) this.guard(() => onEnd(cause))
    this.guard(() => {
      throw cause
    })
  }

  protected setUp(up: boolean): void {
    if (up === this.#up || this.#closed) return
    this.#up = up
    diagnose(up ? 'qbp:bus:up' : 'qbp:bus:down', { bus: this })
    this.guard(() => this.emit(up ? 'up' : 'down'))
  }

  protected abstract publishLive(channel: string, frame: Uint8Array): void
  protected abstract publishLog(channel: string, frame: Uint8Array, options: PublishOptions): Promise<Position>
  protected abstract subscribeLive(
    channel: string,
    listener: LiveListener,
    options: SubscribeOptions,
  ): Promise<Subscription>
  protected abstract subscribeLog(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription>
  protected abstract sendFrame(node: string, frame: Uint8Array): Promise<void>
  protected abstract leave(): Promise<void>

  /** For the store: see `Breather`. */
  breathe(): Promise<void> | undefined {
    return this.#breather.next()
  }
}
