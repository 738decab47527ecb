import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { LONGEST_TIMER_MS } from '../base/longest-timer.ts'
import { knownOptions, type OptionNames } from '../base/options.ts'
import { shown } from '../base/shown.ts'
import type { LogOptions, PublishOptions, PutOptions, SubscribeOptions } from './contract.ts'
import { encodeName } from './name.ts'

/** What both engines take. */
export interface BusOptions {
  /** This node's name. Default: a random one. Two nodes of one name both get what is sent to it. */
  readonly node?: string | undefined
  /**
   * How long, in ms, a durable publication, a call of the store or a subscription to a log is tried again before it is given up, absences
   * of the engine included. 1 to 60 000: NATS knows a repeated publication for two minutes. Default: 30 000.
   */
  readonly timeoutMs?: number | undefined
  /**
   * How many bytes of durable publications may wait for the engine. One more is refused with ERR_QBP_QUEUE_FULL. Default: 64 MiB.
   * Infinity: no limit.
   */
  readonly maxQueuedBytes?: number | undefined
}

/** What is kept of logs. */
export interface LogLimits {
  /** How long frames are kept in a log, in ms. Default: 24 hours. Infinity: no limit. */
  readonly logMaxAgeMs?: number | undefined
  /** How many frames are kept per log, at least. On NATS, frames that were published at once are dropped at once. Default: 100 000. Infinity: no limit. */
  readonly logMaxFrames?: number | undefined
  /** How many bytes all these logs keep together; the oldest frames are dropped first. Default: Infinity, no limit but the engine's. */
  readonly logMaxBytes?: number | undefined
}

/** All limits of a log, given or not. */
export type AllLimits = { readonly [K in keyof LogLimits]-?: number }

/** What becomes of logs and of the store. Whoever first uses a kind of log, or the store, decides for all nodes. */
export interface RetentionOptions extends LogLimits {
  /**
   * Limits of other kinds of logs, by name. A channel's log is of the kind that its publishers and readers name as `logKind`; without a name, of
   * that which the limits beside this are for. What a kind leaves out has its default.
   */
  readonly logKinds?: { readonly [name: string]: LogLimits } | undefined
  /** The longest life of an entry in the store, in ms, up to 2**31 - 1 (24 days). Default: 24 hours. */
  readonly maxTtlMs?: number | undefined
}

/** The limits of all kinds of logs, and of the store. */
export interface Retention {
  readonly maxTtlMs: number
  /** By name; undefined is the kind without one. */
  readonly kinds: ReadonlyMap<string | undefined, AllLimits>
}

export const BUS_OPTIONS: OptionNames<BusOptions> = { node: true, timeoutMs: true, maxQueuedBytes: true }
const LOG_LIMITS: OptionNames<LogLimits> = { logMaxAgeMs: true, logMaxFrames: true, logMaxBytes: true }
export const RETENTION_OPTIONS: OptionNames<RetentionOptions> = { ...LOG_LIMITS, logKinds: true, maxTtlMs: true }
export const PUBLISH_OPTIONS: OptionNames<PublishOptions> = { durable: true, logKind: true, signal: true }
export const PUT_OPTIONS: OptionNames<PutOptions> = { revision: true, ttlMs: true }
export const SUBSCRIBE_OPTIONS: OptionNames<SubscribeOptions> = { signal: true, onEnd: true }
export const LOG_OPTIONS: OptionNames<LogOptions> = {
  ...SUBSCRIBE_OPTIONS,
  since: true,
  logKind: true,
  echo: true,
  onCaughtUp: true,
  onGap: true,
}

/** The greatest n of `since: { last: n }`. */
export const MOST_LAST = 10_000
const DAY_MS = 86_400_000

/** @throws {QbpError} ERR_QBP_BAD_OPTION, ERR_QBP_BAD_NAME of a kind */
export function retention(options: RetentionOptions): Retention {
  const { maxTtlMs = DAY_MS, logKinds = {} } = options
  checkInteger('maxTtlMs', maxTtlMs, 1, LONGEST_TIMER_MS)
  const kinds = new Map<string | undefined, AllLimits>([[undefined, logLimits(options, '')]])
  for (const [name, limits] of Object.entries(logKinds)) {
    encodeName(name)
    knownOptions(`logKinds.${name}`, limits, LOG_LIMITS)
    kinds.set(name, logLimits(limits, `logKinds.${name}.`))
  }
  return { maxTtlMs, kinds }
}

function logLimits(limits: LogLimits, of: string): AllLimits {
  const { logMaxAgeMs = DAY_MS, logMaxFrames = 100_000, logMaxBytes = Infinity } = limits
  checkLimit(`${of}logMaxAgeMs`, logMaxAgeMs, Math.floor(Number.MAX_SAFE_INTEGER / 1_000_000)) // NATS counts nanoseconds.
  checkLimit(`${of}logMaxFrames`, logMaxFrames)
  checkLimit(`${of}logMaxBytes`, logMaxBytes)
  return { logMaxAgeMs, logMaxFrames, logMaxBytes }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION unless it is an integer from 1 on, or Infinity. */
export function checkLimit(option: string, value: number, max = Number.MAX_SAFE_INTEGER): void {
  if (value !== Infinity) checkInteger(option, value, 1, max)
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

/** What a bus has for a kind of log. @throws {QbpError} ERR_QBP_BAD_OPTION for a kind that it does not know. */
export function ofKind<T>(kinds: ReadonlyMap<string | undefined, T>, kind: string | undefined): T {
  const found = kinds.get(kind)
  if (found !== undefined) return found
  const names = [...kinds.keys()].filter((name) => name !== undefined)
  const known = names.length === 0 ? 'none has a name here' : `there are ${listed(names.map((name) => `'${name}'`))}`
  throw new QbpError('ERR_QBP_BAD_OPTION', `logKind is ${shown(kind)}: ${known}. See the option logKinds of the bus.`, {
    option: 'logKind',
  })
}
