import { knownOptions, milliseconds, type OptionNames } from '../base/options.ts'
import type { MethodType, ServiceType } from '../protocol/method.ts'
import { CallError, requestError } from './call-error.ts'
import { type CallSettings, checkInterceptors, givenMetadata, mergedSettings } from './call-settings.ts'
import { type Interceptor, within } from './interceptor.ts'
import { type CallerHost, OutgoingCall } from './outgoing-call.ts'
import type { AnyClient } from './typed.ts'

/** For a client: what all of its calls have. */
export interface ClientOptions extends Pick<CallSettings, 'timeoutMs' | 'metadata'> {
  /** Functions around each call, the first outermost. */
  interceptors?: readonly Interceptor[] | undefined
}

const CLIENT_OPTIONS: OptionNames<ClientOptions> = { timeoutMs: true, metadata: true, interceptors: true }

/** An object of functions, one for each method. @throws {QbpError} ERR_QBP_BAD_OPTION */
export function makeClient(host: CallerHost, service: ServiceType, options: ClientOptions = {}): AnyClient {
  knownOptions('client()', options, CLIENT_OPTIONS)
  const { interceptors = [], timeoutMs, metadata } = options
  milliseconds('timeoutMs', timeoutMs, 1)
  checkInterceptors(interceptors)
  givenMetadata(metadata)
  const settings: CallSettings = { ...(timeoutMs !== undefined && { timeoutMs }), ...(metadata && { metadata }) }
  const client = Object.create(null) as Record<string, unknown>
  for (const [key, type] of service.methods)
    client[key] = (request: unknown, own?: CallSettings) =>
      call(host, service.fullName, type, request, mergedSettings(settings, own), interceptors)
  return client
}

/** Begins a call: a promise of its one answer, or an iterator over its answers. */
export function call(
  host: CallerHost,
  service: string,
  type: MethodType,
  request: unknown,
  settings: CallSettings,
  interceptors: readonly Interceptor[],
): unknown {
  const outgoing = new OutgoingCall(host, service, type, request, settings)
  const ended = interceptors.length === 0 ? outgoing.start() : startWithin(outgoing, interceptors)
  if (outgoing.inbox === null) return ended
  ended.catch(() => {}) // The inbox has it.
  return outgoing.inbox
}

async function startWithin(outgoing: OutgoingCall, interceptors: readonly Interceptor[]): Promise<unknown> {
  const ended = outgoing.wait()
  let isBegun = false
  const work = async () => {
    isBegun = true
    outgoing.begin()
    await ended
  }
  const { path } = outgoing
  const skipped = () => new CallError('CANCELLED', `An interceptor of ${path} returned without next()`, { sent: false })
  try {
    // Until they let it go on, its deadline, its signal and its connection decide as well.
    const fails = ended.then(
      () => NEVER,
      (fault) => (isBegun ? NEVER : Promise.reject(fault)),
    )
    await Promise.race([within(interceptors, outgoing, work, skipped), fails])
    return await ended
  } catch (error) {
    const fault = requestError(error, isBegun, 'INTERNAL')
    outgoing.cancel(fault)
    throw fault
  }
}

const NEVER = new Promise<never>(() => {})
