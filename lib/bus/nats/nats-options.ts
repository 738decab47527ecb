import { type Placement, StorageType, type StoreCompression } from '@nats-io/jetstream'
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { QbpError } from '../../base/errors.ts'
import { knownOptions, type OptionNames, oneOf } from '../../base/options.ts'
import {
  type AllLimits,
  BUS_OPTIONS,
  type BusOptions,
  checkInteger,
  RETENTION_OPTIONS,
  type Retention,
  type RetentionOptions,
  retention,
} from '../bus-options.ts'
import { encodeFileName } from '../name.ts'

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
 * that went dead without a word is noticed after 15 s), `timeout` 5 s, `ignoreAuthErrorAbort` and `noAsyncTraces` true.
 */
export interface NatsBusOptions extends BusOptions, RetentionOptions, Omit<NodeConnectionOptions, Reserved> {
  /** Begins every subject and stream of this bus; buses of different prefixes do not meet. Default: 'qbp'. */
  readonly prefix?: string | undefined
  /** How many servers of a cluster keep each log and the store, 1 to 5. Default: 1. */
  readonly replicas?: number | undefined
  /** Where JetStream keeps logs and the store. 'memory' does not outlive the server. Default: 'file'. */
  readonly storage?: 'file' | 'memory' | undefined
  /** Which servers of a cluster keep them. Default: the server's choice. */
  readonly placement?: { readonly cluster?: string; readonly tags?: readonly string[] } | undefined
  /** How logs are kept on disk, with nats-server 2.10 or newer. Default: 'none'. */
  readonly compression?: 'none' | 's2' | undefined
  /** JetStream's domain, where it is a leaf node's or a hub's. */
  readonly domain?: string | undefined
  /** Gives up on connecting. */
  readonly signal?: AbortSignal | undefined
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

/** How JetStream is to keep a stream. */
export interface Keeping {
  readonly replicas: number
  readonly storage: StorageType
  readonly placement: Placement | undefined
}

/** The stream of the logs of one kind. */
export interface NatsLogOptions extends Keeping, AllLimits {
  /** As a token, short enough for the name of a stream, which becomes a folder's. */
  readonly prefix: string
  readonly kind: string | undefined
  readonly compression: StoreCompression | undefined
}

/** What `natsBus` was given, looked through. */
export interface NatsSettings {
  readonly bus: BusOptions
  /** As a token. */
  readonly prefix: string
  readonly keeping: Keeping
  readonly compression: StoreCompression | undefined
  readonly retention: Retention
  readonly domain: string | undefined
  /** What goes to nats.js. */
  readonly connection: NodeConnectionOptions
}

const DEFAULT_TIMEOUT_MS = 30_000

/** @throws {QbpError} ERR_QBP_BAD_OPTION, ERR_QBP_BAD_NAME */
export function natsSettings(options: NatsBusOptions): NatsSettings {
  knownOptions('natsBus()', options, NATS_BUS_OPTIONS)
  const { node, timeoutMs = DEFAULT_TIMEOUT_MS, maxQueuedBytes, prefix = 'qbp', ...most } = options
  const { replicas = 1, storage = 'file', placement, compression, domain, signal: _, ...more } = most
  const { logMaxAgeMs, logMaxFrames, logMaxBytes, logKinds, maxTtlMs, ...connection } = more
  checkInteger('replicas', replicas, 1, 5)
  oneOf('storage', storage, 'file', ['file', 'memory'])
  if (compression !== undefined) oneOf('compression', compression, 'none', ['none', 's2'])
  const kept = retention(withoutUndefined({ logMaxAgeMs, logMaxFrames, logMaxBytes, logKinds, maxTtlMs }))
  for (const [kind, limits] of kept.kinds) {
    if (limits.logMaxAgeMs >= 2 * timeoutMs) continue
    const option = kind === undefined ? 'logMaxAgeMs' : `logKinds.${kind}.logMaxAgeMs`
    const message = `${option} is ${limits.logMaxAgeMs}: allowed is twice timeoutMs (${timeoutMs}) or more.`
    throw new QbpError('ERR_QBP_BAD_OPTION', message, { option: 'logMaxAgeMs' })
  }
  return {
    bus: withoutUndefined({ node, timeoutMs, maxQueuedBytes }),
    prefix: encodeFileName(prefix),
    keeping: {
      replicas,
      storage: storage === 'file' ? StorageType.File : StorageType.Memory,
      placement: placement && { cluster: placement.cluster ?? '', tags: [...(placement.tags ?? [])] },
    },
    compression: compression && (compression as StoreCompression),
    retention: kept,
    domain,
    connection,
  }
}

/** Under exactOptionalPropertyTypes, an option that was not given is not there. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}
