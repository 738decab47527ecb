// A client over connections that come one after another.
//
//   waiting ── a connection stands ──► calling ── answered, or failed ──► over
//      ▲                                  │
//      └── it was lost before the answer ─┘   if nothing was sent, or the method is idempotent

import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { MethodType, ServiceType } from '../protocol/method.ts'
import type { Service } from '../protocol/service.ts'
import { CallError } from './call-error.ts'
import { type CallSettings, mergedSettings } from './call-settings.ts'
import type { ClientOptions } from './client.ts'
import type { Standing } from './standing.ts'
import type { AnyClient } from './typed.ts'

/** For a client over connections that come one after another. */
export interface LastingClientOptions extends ClientOptions {
  /** How long a call waits that says nothing itself, all of its tries together, in milliseconds. Default: 30 s; a stream for ever. */
  timeoutMs?: number
}

const OPTIONS: OptionNames<LastingClientOptions> = { timeoutMs: true, metadata: true, interceptors: true }
const TIMEOUT_MS = 30_000

/**
 * An object of functions, one for each method.
 *
 * @param service as each connection takes it, and `methods` are its.
 * @throws {QbpError} ERR_QBP_BAD_OPTION
 */
export function lastingClient(
  standing: Standing,
  service: string | Service,
  { methods }: ServiceType,
  options: LastingClientOptions = {},
): AnyClient {
  knownOptions('client()', options, OPTIONS)
  milliseconds('timeoutMs', options.timeoutMs, 1)
  const clients = new WeakMap<object, AnyClient>()
  const client = Object.create(null) as Record<string, unknown>
  for (const [key, type] of methods) {
    const attempt: Attempt = async (previous, settings, request) => {
      const connection = await standing.next(previous, settings)
      const onIt = clients.get(connection) ?? connection.client(service as string, options)
      clients.set(connection, onIt)
      return { connection, answer: onIt[key](request, settings) }
    }
    client[key] = (request: object, own?: CallSettings) => {
      const settings = mergedSettings({ ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }) }, own)
      return type.responseStream
        ? streamed(attempt, type, settings, request)
        : repeated(attempt, standing.clock.now, type, settings, request)
    }
  }
  return client
}

/** Waits for a connection other than the last one that was tried, and calls there. */
type Attempt = (
  previous: object | null,
  settings: CallSettings,
  request: object,
) => Promise<{ connection: object; answer: unknown }>

async function repeated(
  attempt: Attempt,
  now: () => number,
  type: MethodType,
  settings: CallSettings,
  request: object,
): Promise<unknown> {
  const due = now() + (settings.timeoutMs ?? (type.requestStream ? Number.POSITIVE_INFINITY : TIMEOUT_MS))
  let previous: object | null = null
  for (;;) {
    const { connection, answer } = await attempt(previous, within(settings, due, now()), request)
    try {
      return await answer
    } catch (error) {
      if (!(error instanceof CallError) || !mayRepeat(error, type) || due <= now()) throw error
      previous = connection
    }
  }
}

/** An iterable of requests is gone once some of them were taken. */
function mayRepeat({ lost, sent }: CallError, { idempotent, requestStream }: MethodType): boolean {
  return lost && !requestStream && (!sent || idempotent)
}

function within(settings: CallSettings, due: number, now: number): CallSettings {
  return due === Number.POSITIVE_INFINITY ? settings : { ...settings, timeoutMs: Math.max(1, Math.ceil(due - now)) }
}

/** A stream of answers is of one connection, the first that its request can be sent on: its reader knows best where to go on. */
async function* streamed(
  attempt: Attempt,
  type: MethodType,
  settings: CallSettings,
  request: object,
): AsyncGenerator<unknown> {
  let previous: object | null = null
  for (;;) {
    const { connection, answer } = await attempt(previous, settings, request)
    try {
      yield* answer as AsyncIterable<unknown>
      return
    } catch (error) {
      if (!(error instanceof CallError) || error.sent || !mayRepeat(error, type)) throw error
      previous = connection
    }
  }
}
