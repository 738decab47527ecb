import { randomUUID } from 'node:crypto'
import { StorageType, type StoreCompression } from '@nats-io/jetstream'
import { connect, errors, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { knownOptions, type OptionNames, oneOf } from '../../base/options.ts'
import { BusBase } from '../bus-base.ts'
import { downError, noNodeError } from '../bus-errors.ts'
import {
  BUS_OPTIONS,
  type BusOptions,
  checkInteger,
  RETENTION_OPTIONS,
  type RetentionOptions,
  retention,
} from '../bus-options.ts'
import type {
  Bus,
  LiveListener,
  LogListener,
  LogOptions,
  Position,
  SubscribeOptions,
  Subscription,
} from '../contract.ts'
import { encodeFileName, encodeName } from '../name.ts'
import { NatsLink, type NatsLinkOptions } from './link.ts'
import { NatsLive } from './live.ts'
import type { NatsLogOptions } from './log-stream.ts'
import { NatsLogs } from './logs.ts'
import { NatsStore } from './store.ts'

export type * from '../contract.ts'
export { formatPosition, parsePosition } from '../position.ts'

/** What the bus decides by itself: its promises rest on these. */
type Reserved =
  | 'debug'
  | 'maxReconnectAttempts'
  | 'noEcho'
  | 'pedantic'
  | 'reconnect'
  | 'verbose'
  | 'waitOnFirstConnect'

/**
 * All options of nats.js's `connect` pass through, credentials (`user`, `pass`, `token`, `authenticator`) and `tls` among them, but for
 * those on which the bus's promises rest. Defaults that differ: `reconnectTimeWait` 100 ms, `pingInterval` 5 s (a connection
 * that went dead without a word is noticed after 15 s), `timeout` 5 s, `ignoreAuthErrorAbort` true.
 */
export interface NatsBusOptions extends BusOptions, RetentionOptions, Omit<NodeConnectionOptions, Reserved> {
  /** Begins every subject and stream of this bus; buses of different prefixes do not meet. Default: 'qbp'. */
  readonly prefix?: string
  /** How many servers of a cluster keep each log and the store, 1 to 5. Default: 1. */
  readonly replicas?: number
  /** Where JetStream keeps logs and the store. 'memory' does not outlive the server. Default: 'file'. */
  readonly storage?: 'file' | 'memory'
  /** Which servers of a cluster keep them. Default: the server's choice. */
  readonly placement?: { readonly cluster?: string; readonly tags?: readonly string[] }
  /** How logs are kept on disk, with nats-server 2.10 or newer. Default: 'none'. */
  readonly compression?: 'none' | 's2'
  /** JetStream's domain, where it is a leaf node's or a hub's. */
  readonly domain?: string
  /** Gives up on connecting. */
  readonly signal?: AbortSignal
}

const NATS_BUS_OPTIONS: OptionNames<NatsBusOptions> = {
  ...BUS_OPTIONS,
  ...RETENTION_OPTIONS,
  compression: true,
  domain: true,
  placement: true,
  prefix: true,
  replicas: true,
  signal: true,
  storage: true,
  // nats.js's
  authenticator: true,
  ignoreAuthErrorAbort: true,
  ignoreClusterUpdates: true,
  inboxPrefix: true,
  maxPingOut: true,
  name: true,
  noAsyncTraces: true,
  noRandomize: true,
  pass: true,
  pingInterval: true,
  port: true,
  reconnectDelayHandler: true,
  reconnectJitter: true,
  reconnectJitterTLS: true,
  reconnectTimeWait: true,
  reconnectToServer: true,
  servers: true,
  timeout: true,
  tls: true,
  token: true,
  user: true,
  resolve: true,
}

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
  knownOptions('natsBus()', options, NATS_BUS_OPTIONS)
  const {
    node,
    timeoutMs,
    logMaxAgeMs,
    logMaxFrames,
    logMaxBytes,
    maxTtlMs,
    maxQueuedBytes = 64 * 2 ** 20,
    prefix = 'qbp',
    replicas = 1,
    storage = 'file',
    placement,
    compression,
    domain,
    signal,
    ...rest
  } = options
  const kept = retention(withoutUndefined({ logMaxAgeMs, logMaxFrames, logMaxBytes, maxTtlMs }))
  checkInteger('replicas', replicas, 1, 5)
  if (maxQueuedBytes !== Infinity) checkInteger('maxQueuedBytes', maxQueuedBytes, 1, Number.MAX_SAFE_INTEGER)
  oneOf('storage', storage, 'file', ['file', 'memory'])
  const bus = new NatsBus(withoutUndefined({ node, timeoutMs }))
  if (kept.logMaxAgeMs < 2 * bus.timeoutMs) {
    const message = `logMaxAgeMs is ${kept.logMaxAgeMs}: allowed is twice timeoutMs (${bus.timeoutMs}) or more.`
    throw new QbpError('ERR_QBP_BAD_OPTION', message, { option: 'logMaxAgeMs' })
  }
  const token = encodeName(prefix)
  signal?.throwIfAborted()
  const nc = await dial(
    {
      name: bus.node,
      pingInterval: 5_000,
      timeout: 5_000,
      reconnectTimeWait: 100,
      ignoreAuthErrorAbort: true,
      ...rest,
      noEcho: true,
      reconnect: true,
      maxReconnectAttempts: -1,
    },
    signal,
  )
  await bus.start(nc, {
    ...kept,
    prefix: token,
    replicas,
    maxQueuedBytes,
    domain,
    inboxPrefix: rest.inboxPrefix,
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    placement: placement && { cluster: placement.cluster ?? '', tags: [...(placement.tags ?? [])] },
    compression: compression && (compression as StoreCompression),
  })
  return bus
}

async function dial(options: NodeConnectionOptions, signal: AbortSignal | undefined): Promise<NatsConnection> {
  const connecting = connect(options)
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
    signal?.addEventListener('abort', abort)
  })
  aborted.catch(() => {})
  try {
    return await Promise.race([connecting, aborted])
  } catch (error) {
    // nats.js has no way to stop dialing: should it get through after all, that connection is closed.
    connecting.then((nc) => nc.close()).catch(() => {})
    if (signal?.aborted) throw error
    if (error instanceof errors.InvalidArgumentError) {
      throw new QbpError('ERR_QBP_BAD_OPTION', `nats.js refuses its options: ${error.message}`, { cause: error })
    }
    const said = error instanceof Error ? error.message : String(error)
    const servers = JSON.stringify(options.servers ?? '127.0.0.1:4222')
    throw new QbpError(
      'ERR_QBP_BUS_DOWN',
      `No server at ${servers}: ${said}. Start nats-server there, or see "servers".`,
      {
        cause: error,
      },
    )
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

class NatsBus extends BusBase {
  /** Unlike the node's name, never used twice. */
  readonly #instance = randomUUID()
  #link!: NatsLink
  #live!: NatsLive
  #logs!: NatsLogs
  #store!: NatsStore
  #inboxed: { unsubscribe(): void } | undefined
  #prefix = ''
  maxFrameBytes = 0

  get store(): NatsStore {
    return this.#store
  }

  async start(
    nc: NatsConnection,
    options: NatsLogOptions & Omit<NatsLinkOptions, 'timeoutMs'> & { readonly maxQueuedBytes: number },
  ): Promise<void> {
    this.#prefix = options.prefix
    this.maxFrameBytes = (nc.info?.max_payload ?? 1_048_576) - HEADROOM
    this.#link = await NatsLink.over(nc, { ...options, timeoutMs: this.timeoutMs }, (up) => {
      if (nc.info) this.maxFrameBytes = nc.info.max_payload - HEADROOM
      this.setUp(up)
    })
    this.#live = new NatsLive(this, this.#link, options.prefix)
    this.#logs = new NatsLogs(this, this.#link, options)
    this.#store = new NatsStore(this, this.#link, this.#instance, options)
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

  protected publishLog(channel: string, frame: Uint8Array, signal: AbortSignal | undefined): Promise<Position> {
    return this.#logs.publish(channel, frame, signal)
  }

  protected subscribeLive(channel: string, listener: LiveListener, options: SubscribeOptions): Promise<Subscription> {
    return this.#live.subscribe(channel, listener, options)
  }

  protected subscribeLog(channel: string, listener: LogListener, options: LogOptions): Promise<Subscription> {
    return this.#logs.subscribe(channel, listener, options)
  }

  protected async sendFrame(node: string, frame: Uint8Array): Promise<void> {
    if (node === this.node) {
      // The server would not echo it.
      await new Promise((resolve) => setImmediate(resolve))
      if (!this.isClosed) this.guard(() => this.emit('frame', frame))
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
    this.#logs.close()
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

/** Under exactOptionalPropertyTypes, an option that was not given is not there. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
