import { QbpError } from '../base/errors.ts'
import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import { shown } from '../base/shown.ts'
import { isPlainObject } from '../codec/plain-object.ts'
import type { MethodType } from '../protocol/method.ts'
import type { Metadata } from './call-error.ts'
import type { CallLimits } from './limits.ts'

/** For one call. */
export interface CallSettings {
  /** How long to wait for its end, in milliseconds; where nothing is left of it, it is late at once. Default: `callTimeoutMs` for one request and one answer, else for ever. */
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
  const { timeoutMs, signal, onMetadata } = own
  // What is left of a deadline may be nothing: the call is late then, and no option bad.
  if (typeof timeoutMs !== 'number' || !(timeoutMs <= 0)) milliseconds('timeoutMs', timeoutMs, 1)
  if (signal !== undefined && typeof signal?.addEventListener !== 'function')
    throw refused('signal', signal, 'an AbortSignal')
  if (onMetadata !== undefined && typeof onMetadata !== 'function')
    throw refused('onMetadata', onMetadata, 'a function')
  givenMetadata(own.metadata)
  const metadata = settings.metadata && own.metadata ? { ...settings.metadata, ...own.metadata } : undefined
  return { ...settings, ...own, ...(metadata && { metadata }) }
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION for what hides its entries, as a Map does. */
export function givenMetadata(metadata: unknown): void {
  if (metadata !== undefined && !isPlainObject(metadata)) throw refused('metadata', metadata, 'an object')
}

/** @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a list of functions. */
export function checkInterceptors(interceptors: unknown): void {
  if (!Array.isArray(interceptors) || interceptors.some((each) => typeof each !== 'function'))
    throw refused('interceptors', interceptors, 'a list of functions')
}

function refused(option: string, value: unknown, allowed: string): QbpError {
  return new QbpError('ERR_QBP_BAD_OPTION', `${option} is ${shown(value)}; it may be ${allowed}.`, { option })
}

/** How long a call may take. Only one request and one answer have a deadline where nobody says so: a stream may have no end. */
export function timeoutOf({ timeoutMs }: CallSettings, type: MethodType, limits: CallLimits): number {
  const isPlain = !type.requestStream && !type.responseStream
  return timeoutMs ?? (isPlain ? limits.timeoutMs : Number.POSITIVE_INFINITY)
}
