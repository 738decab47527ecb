import { QbpError } from '../base/errors.ts'
import { namesInstead } from '../base/nearest.ts'
import { knownOptions, type OptionNames } from '../base/options.ts'
import { shown } from '../base/shown.ts'
import type { ServiceType } from '../protocol/method.ts'
import { checkInterceptors } from './call-settings.ts'
import type { Calls } from './calls.ts'
import type { Interceptor } from './interceptor.ts'
import type { AnyHandler } from './served-method.ts'

/** For a service. */
export interface ServeOptions {
  /** Functions around each call, the first outermost. */
  interceptors?: readonly Interceptor[] | undefined
}

const SERVE_OPTIONS: OptionNames<ServeOptions> = { interceptors: true }

/**
 * Serves the methods that `handlers` has; the others are UNIMPLEMENTED.
 *
 * @throws {QbpError} ERR_QBP_BAD_OPTION for a handler of no method, or a service that is served already.
 */
export function serve(calls: Calls, service: ServiceType, handlers: object, options: ServeOptions = {}): void {
  knownOptions('serve()', options, SERVE_OPTIONS)
  if (typeof handlers !== 'object' || handlers === null)
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `The handlers of ${service.fullName} are ${shown(handlers)}, not an object.`,
    )
  const keys = [...service.methods.keys()]
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(handlers))
  const strange = isPlain ? Object.keys(handlers).find((key) => !service.methods.has(key)) : undefined
  if (strange !== undefined)
    throw new QbpError(
      'ERR_QBP_BAD_OPTION',
      `${service.fullName} has no method ${strange}: ${namesInstead(strange, keys)}`,
      { option: strange },
    )
  const { interceptors = [] } = options
  checkInterceptors(interceptors)
  for (const [key, type] of service.methods) {
    const handler = (handlers as Record<string, unknown>)[key]
    if (handler === undefined || handler === (Object.prototype as Record<string, unknown>)[key]) continue
    if (typeof handler !== 'function')
      throw new QbpError(
        'ERR_QBP_BAD_OPTION',
        `The handler ${key} of ${service.fullName} is ${shown(handler)}, not a function.`,
      )
    calls.serve({ type, service: service.fullName, handler: handler.bind(handlers) as AnyHandler, interceptors })
  }
}
