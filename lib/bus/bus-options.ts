import { QbpError } from '../base/errors.ts'
import type { OptionNames } from '../base/options.ts'
import type { LogOptions, PublishOptions, PutOptions, SubscribeOptions } from './contract.ts'

/** What both engines take. */
export interface BusOptions {
  /** This node's name. Default: a random one. Two nodes of one name both get what is sent to it. */
  readonly node?: string
  /**
   * How long, in ms, a durable publication, a call of the store or a subscription to a log is tried again before it is given up, absences
   * of the engine included. 1 to 60 000: NATS knows a repeated publication for two minutes. Default: 30 000.
   */
  readonly timeoutMs?: number
  /**
   * How many bytes of durable publications may wait for the engine. One more is refused with ERR_QBP_QUEUE_FULL. Default: 64 MiB.
   * Infinity: no limit.
   */
  readonly maxQueuedBytes?: number
}

/** What becomes of logs and of the store. Whoever first uses a channel, or the store, decides for all nodes. */
export interface RetentionOptions {
  /** How long frames are kept in a log, in ms. Default: 24 hours. Infinity: no limit. */
  readonly logMaxAgeMs?: number
  /** How many frames are kept per log, at least. On NATS, frames that were published at once are dropped at once. Default: 100 000. Infinity: no limit. */
  readonly logMaxFrames?: number
  /** How many bytes all logs keep together; the oldest frames are dropped first. Default: Infinity, no limit but the engine's. */
  readonly logMaxBytes?: number
  /** The longest life of an entry in the store, in ms, up to 2**31 - 1 (24 days). Default: 24 hours. */
  readonly maxTtlMs?: number
}

export const BUS_OPTIONS: OptionNames<BusOptions> = { node: true, timeoutMs: true, maxQueuedBytes: true }
export const RETENTION_OPTIONS: OptionNames<RetentionOptions> = {
  logMaxAgeMs: true,
  logMaxFrames: true,
  logMaxBytes: true,
  maxTtlMs: true,
}
export const PUBLISH_OPTIONS: OptionNames<PublishOptions> = { durable: true, signal: true }
export const PUT_OPTIONS: OptionNames<PutOptions> = { revision: true, ttlMs: true }
export const SUBSCRIBE_OPTIONS: OptionNames<SubscribeOptions> = { signal: true, onEnd: true }
export const LOG_OPTIONS: OptionNames<LogOptions> = {
  ...SUBSCRIBE_OPTIONS,
  since: true,
  echo: true,
  onCaughtUp: true,
  onGap: true,
}

/** The greatest n of `since: { last: n }`. */
export const MOST_LAST = 10_000
const DAY_MS = 86_400_000
/** The longest delay a Node timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

export function retention(options: RetentionOptions): Required<RetentionOptions> {
  const { logMaxAgeMs = DAY_MS, logMaxFrames = 100_000, logMaxBytes = Infinity, maxTtlMs = DAY_MS } = options
  if (logMaxAgeMs !== Infinity) checkInteger('logMaxAgeMs', logMaxAgeMs, 1, Number.MAX_SAFE_INTEGER / 1_000_000)
  if (logMaxFrames !== Infinity) checkInteger('logMaxFrames', logMaxFrames, 1, Number.MAX_SAFE_INTEGER)
  if (logMaxBytes !== Infinity) checkInteger('logMaxBytes', logMaxBytes, 1, Number.MAX_SAFE_INTEGER)
  checkInteger('maxTtlMs', maxTtlMs, 1, MAX_TIMER_MS)
  return { logMaxAgeMs, logMaxFrames, logMaxBytes, maxTtlMs }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION unless `value` is an integer between `min` and `max`. */
export function checkInteger(option: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new QbpError(
    'ERR_QBP_BAD_OPTION',
    `${option} is ${String(value)}: allowed are integers from ${min} to ${max}.`,
    { option },
  )
}
