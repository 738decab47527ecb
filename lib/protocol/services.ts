import type { Type } from '../codec/type.ts'
import type { ServiceDescription } from './description.ts'
import { MethodType, methodKey, type ServiceType } from './method.ts'
import type { Types } from './types.ts'

/** The services that were asked for, by their schema and their name: one of each. */
const made = new WeakMap<Types, Map<string, ServiceType>>()

/** A service of a schema, by its name in full; undefined for one that is none. */
export function serviceIn(types: Types, name: string): ServiceType | undefined {
  const known = made.get(types) ?? new Map<string, ServiceType>()
  made.set(types, known)
  const description = Object.hasOwn(types.services, name) ? types.services[name] : undefined
  if (!known.has(name) && description !== undefined) known.set(name, serviceOf(name, description, types.types))
  return known.get(name)
}

function serviceOf(
  fullName: string,
  { methods: described }: ServiceDescription,
  types: ReadonlyMap<string, Type>,
): ServiceType {
  const methods = new Map<string, MethodType>()
  for (const [name, method] of Object.entries(described)) {
    const { requestStream = false, responseStream = false, idempotent = false } = method
    const [request, response] = [method.request, method.response].map((type) => types.get(type) as Type) as [Type, Type]
    const type = new MethodType(fullName, name, request, response, { requestStream, responseStream, idempotent })
    methods.set(methodKey(name, methods), type)
  }
  return { fullName, methods }
}
