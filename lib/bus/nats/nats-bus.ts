import { randomUUID } from 'node:crypto'
import { errors, type NatsConnection } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { inRootContext } from '../../event-loop/root-context.ts'
import { immediate } from '../../event-loop/timers.ts'
import { BusBase } from '../bus-base.ts'
import { downError, noNodeError } from '../bus-errors.ts'
import { ofKind } from '../bus-options.ts'
import type {
  Bus,
  LiveListener,
  LogListener,
  LogOptions,
  Position,
  PublishOptions,
  SubscribeOptions,
  Subscription,
} from '../contract.ts'
import { encodeFileName } from '../name.ts'
import { dial } from './dial.ts'
import { NatsLink } from './link.ts'
import { NatsLive } from './live.ts'
import { NatsLogs } from './logs.ts'
import { type NatsBusOptions, type NatsSettings, natsSettings } from './nats-options.ts'
import { NatsStore } from './store.ts'

export type * from '../contract.ts'
export { decodePosition, encodePosition, formatPosition, parsePosition } from '../position.ts'
export type { NatsBusOptions } from './nats-options.ts'

/** Room for a message's headers within the server's `max_payload`. */
const HEADROOM = 1024
/** A node that is on the bus answers in a round trip; one that crashed a moment ago never will. */
const LONGEST_SEND_MS = 5_000

/**
 * A node on a bus of NATS. The server needs JetStream (`nats-server -js`) for logs and for the store; live frames and `send` do
 * without. Once connected, it reconnects for ever.
 *
 * @throws {QbpError} ERR_QBP_BUS_DOWN if no server takes the connection (`cause` says why), ERR_QBP_BAD_OPTION, ERR_QBP_BAD_NAME; the signal's
 * reason.
 */
export async function natsBus(options: NatsBusOptions = {}): Promise<Bus> {
  const settings = natsSettings(options)
  const bus = new NatsBus(settings.bus)
  options.signal?.throwIfAborted()
  await inRootContext(async () => {
    const nc = await dial(
      {
        name: bus.node,
        pingInterval: 5_000,
        timeout: 5_000,
        reconnectTimeWait: 100,
        ignoreAuthErrorAbort: true,
        noAsyncTraces: true, // Two stack traces for each request, a fifth of what a publication costs.
        ...settings.connection,
        noEcho: true,
        reconnect: true,
        maxReconnectAttempts: -1,
      },
      options.signal,
    )
    await bus.start(nc, settings)
  })
  return bus
}

class NatsBus extends BusBase {
  /** Unlike the node's name, never used twice. */
  readonly #instance = randomUUID()
  #link!: NatsLink
  #live!: NatsLive
  /** By kind. */
  readonly #logs = new Map<string | undefined, NatsLogs>()
  #store!: NatsStore
  #inboxed: { unsubscribe(): void } | undefined
  #prefix = ''
  maxFrameBytes = 0

  get store(): NatsStore {
    return this.#store
  }

  async start(nc: NatsConnection, settings: NatsSettings): Promise<void> {
    const { prefix, keeping, compression, retention, domain } = settings
    const { inboxPrefix } = settings.connection
    this.#prefix = prefix
    this.maxFrameBytes = (nc.info?.max_payload ?? 1_048_576) - HEADROOM
    this.#link = await NatsLink.over(nc, { timeoutMs: this.timeoutMs, inboxPrefix, domain }, (up) => {
      if (nc.info) this.maxFrameBytes = nc.info.max_payload - HEADROOM
      this.setUp(up)
    })
    this.#live = new NatsLive(this, this.#link, prefix)
    for (const [kind, limits] of retention.kinds) {
      this.#logs.set(kind, new NatsLogs(this, this.#link, { ...keeping, ...limits, prefix, kind, compression }))
    }
    this.#store = new NatsStore(this, this.#link, this.#instance, prefix, retention.maxTtlMs, keeping)
    this.#inboxed = nc.subscribe(this.#messages(this.node), {
      callback: (error, message) => {
        this.guard(() => {
          if (error) throw error
          this.emit('frame', message.data)
        })
        if (error) return
        if (!this.isClosed) this.guard(() => message.respond())
      },
    })
    await this.#link.race(nc.flush()).catch(() => {})
  }

  protected publishLive(channel: string, frame: Uint8Array): void {
    this.#live.publish(channel, frame)
  }

  protected async publishLog(channel: string, frame: Uint8Array, options: PublishOptions): Promise<Position> {
    return ofKind(this.#logs, options.logKind).publish(channel, frame, options.signal)
  }

  protected subscribeLive(channel: string, listener: LiveListener, options: SubscribeOptions): Promise<Subscription> {
    return this.#live.subscribe(channel, listener, options)
  }

  protected async subscribeLog(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription> {
    return ofKind(this.#logs, options.logKind).subscribe(channel, listener, options)
  }

  protected async sendFrame(node: string, frame: Uint8Array): Promise<void> {
    if (node === this.node) {
      // The server would not echo it.
      await new Promise<void>((resolve) =>
        inRootContext(() =>
          immediate(() => {
            if (!this.isClosed) this.guard(() => this.emit('frame', frame))
            resolve()
          }),
        ),
      )
      return
    }
    const timeoutMs = Math.min(this.timeoutMs, LONGEST_SEND_MS)
    try {
      await this.#link.race(this.#link.nc.request(this.#messages(node), frame, { timeout: timeoutMs }))
    } catch (error) {
      if (error instanceof QbpError) throw error
      if (error instanceof errors.RequestError && error.isNoResponders()) throw noNodeError(node)
      if (error instanceof errors.TimeoutError) {
        const message = `The node ${JSON.stringify(node)} has not answered within ${timeoutMs} ms; it may have the frame or not.`
        throw new QbpError('ERR_QBP_BUS_TIMEOUT', message, { node, cause: error })
      }
      throw downError(error)
    }
  }

  protected async leave(): Promise<void> {
    for (const logs of this.#logs.values()) logs.close()
    this.#live.close()
    this.#store.close()
    // Flushed before the connection ends: from here on a sender is refused at once: this node is not there.
    this.#inboxed?.unsubscribe()
    await this.#link.close()
  }

  #messages(node: string): string {
    return `${this.#prefix}.node.${encodeFileName(node)}`
  }
}
