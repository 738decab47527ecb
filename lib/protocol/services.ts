import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { shown } from '../base/shown.ts'
import type { CodecSupport, Type } from '../codec/type.ts'
import { CallMessage } from './call-message.ts'
import type { ServiceDescription } from './description.ts'
import { MethodType, methodKey, type ServiceType } from './method.ts'
import { typesOf } from './module-types.ts'
import type { Service } from './service.ts'
import type { Types } from './types.ts'

/** The services that were asked for, by their schema and their name: one of each. */
const made = new WeakMap<Types, Map<string, ServiceType>>()

/**
 * A service, by its name, relative to the package or in full, or as a generated module has it; also one of another module.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA for one that is none.
 */
export function findService(types: Types, service: string | Service, support: CodecSupport): ServiceType {
  const name = typeof service === 'string' ? service : service?.name
  if (typeof name !== 'string')
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `A service is its name, or what 'qbp generate' has made of it, not ${shown(service)}.`,
    )
  const own = serviceIn(types, name) ?? serviceIn(types, `${types.package}.${name}`)
  if (own !== undefined) return own
  const foreign = typeof service === 'string' ? undefined : typesOf(service.schema, service.schema.package, support)
  const found = foreign && serviceIn(foreign, name)
  if (found !== undefined) return found
  throw new QbpError(
    'ERR_QBP_BAD_SCHEMA',
    `The schema has no service '${name}'; it has ${listed(Object.keys(types.services)) || 'none'}.`,
  )
}

/** A service of a schema, by its name in full; undefined for one that is none. */
function serviceIn(types: Types, name: string): ServiceType | undefined {
  const known = made.get(types) ?? new Map<string, ServiceType>()
  made.set(types, known)
  const description = Object.hasOwn(types.services, name) ? types.services[name] : undefined
  if (!known.has(name) && description !== undefined) known.set(name, serviceOf(name, description, types))
  return known.get(name)
}

function serviceOf(fullName: string, { methods: described }: ServiceDescription, { types, form }: Types): ServiceType {
  const methods = new Map<string, MethodType>()
  for (const [name, method] of Object.entries(described)) {
    const { requestStream = false, responseStream = false, idempotent = false } = method
    const [request, response] = [method.request, method.response].map(
      (type) => new CallMessage(types.get(type) as Type, form(type)),
    ) as [CallMessage, CallMessage]
    const type = new MethodType(fullName, name, request, response, { requestStream, responseStream, idempotent })
    methods.set(methodKey(name, methods), type)
  }
  return { fullName, methods }
}
