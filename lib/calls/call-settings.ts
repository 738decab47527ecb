import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { MethodType } from '../protocol/method.ts'
import type { Metadata } from './call-error.ts'
import type { CallLimits } from './limits.ts'

/** For one call. */
export interface CallSettings {
  /** How long to wait for its end, in milliseconds. Default: `callTimeoutMs` for one request and one answer, else for ever. */
  timeoutMs?: number | undefined
  /** Gives it up: it fails with CANCELLED, and the callee's signal aborts. */
  signal?: AbortSignal | undefined
  /** Travels with the request, for the callee's `context.metadata`. */
  metadata?: Metadata | undefined
  /** Called with what came with the end of the answer, before the answer is there. */
  onMetadata?: ((metadata: Metadata) => void) | undefined
}

const CALL_SETTINGS: OptionNames<CallSettings> = { timeoutMs: true, signal: true, metadata: true, onMetadata: true }

/** What a client gives to each of its calls, and what one call says itself. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function mergedSettings(settings: CallSettings, own: CallSettings | undefined): CallSettings {
  if (own === undefined) return settings
  knownOptions('A call', own, CALL_SETTINGS)
  milliseconds('timeoutMs', own.timeoutMs, 1)
  const metadata = settings.metadata && own.metadata ? { ...settings.metadata, ...own.metadata } : undefined
  return { ...settings, ...own, ...(metadata && { metadata }) }
}

/** How long a call may take. Only one request and one answer have a deadline where nobody says so: a stream may have no end. */
export function timeoutOf({ timeoutMs }: CallSettings, type: MethodType, limits: CallLimits): number {
  const isPlain = !type.requestStream && !type.responseStream
  return timeoutMs ?? (isPlain ? limits.timeoutMs : Number.POSITIVE_INFINITY)
}
