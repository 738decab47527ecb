// protobufjs's reflection of a schema, as a description of our own.

import protobuf from 'protobufjs'
import { QbpError } from '../../base/errors.ts'
import { shown } from '../../base/shown.ts'
import { type LongClass, provideLong, signedKey, split, unsignedKey } from '../../codec/int64.ts'
import { KIND_VALUES } from '../../codec/kind-values.ts'
import { type Kind, wireTypeOf } from '../../codec/kinds.ts'
import { at } from '../../codec/wire.ts'
import type {
  Description,
  EnumDescription,
  FieldDescription,
  MessageDescription,
  MethodDescription,
  ServiceDescription,
} from '../description.ts'
import { fullNameOf } from './place.ts'
import { SchemaRoot } from './schema-root.ts'

// protobufjs's reflection, for the command: it makes modules, checks and dissectors of what `loadSchema` returns.
export { protobuf as reflection }

provideLong(protobuf.util.Long as unknown as LongClass)

/** What of a schema is described: all of it, unless these leave something out. */
export interface Described {
  has(object: protobuf.ReflectionObject): boolean
}
const ALL: Described = { has: () => true }

/** Describes a resolved schema. */
export function describe(root: protobuf.Root, described: Described = ALL): Description {
  const messages: Record<string, MessageDescription> = {}
  const enums: Record<string, EnumDescription> = {}
  const services: Record<string, ServiceDescription> = {}
  const packages = new Set<string>()
  const optionEnums = new Map<string, protobuf.Enum>()
  visit(root, (object) => {
    if (object instanceof protobuf.Field && object.extend !== undefined) {
      const target = object.resolve().resolvedType
      if (target instanceof protobuf.Enum) optionEnums.set(extensionName(object), target)
    }
  })
  visit(root, (object) => {
    if (!described.has(object)) return
    const fullName = object.fullName.slice(1)
    if (object instanceof protobuf.Type) messages[fullName] = describeMessage(object, optionEnums)
    else if (object instanceof protobuf.Enum) enums[fullName] = describeEnum(object)
    else if (object instanceof protobuf.Service) services[fullName] = describeService(object)
    else return
    packages.add(packageOf(object))
  })
  return { packages: [...packages], messages, enums, services }
}

/**
 * Describes the schema that a namespace of protobufjs's stands in: a copy of it, resolved as protoc would.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA for what is no namespace, or does not resolve.
 */
export function describeNamespace(namespace: protobuf.NamespaceBase): { description: Description; package: string } {
  if (typeof (namespace as Partial<protobuf.Root> | null | undefined)?.root?.toJSON !== 'function') {
    const text = `This is ${shown(namespace)}, no schema: give .proto files or descriptor sets by their names, or a namespace of protobufjs.`
    throw new QbpError('ERR_QBP_BAD_SCHEMA', text)
  }
  try {
    const root = protobuf.Root.fromJSON(namespace.root.toJSON(), new SchemaRoot())
    return { description: describe(root), package: namespace.fullName.slice(1) }
  } catch (cause) {
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `This is no schema: ${(cause as Error).message}. Give .proto files, or a namespace of protobufjs.`,
      { cause },
    )
  }
}

function visit(namespace: protobuf.NamespaceBase, see: (object: protobuf.ReflectionObject) => void): void {
  for (const object of namespace.nestedArray) {
    see(object)
    if (object instanceof protobuf.Namespace) visit(object, see)
  }
}

function packageOf(object: protobuf.ReflectionObject): string {
  let scope = object.parent
  while (scope instanceof protobuf.Type) scope = scope.parent
  return scope === null ? '' : scope.fullName.slice(1)
}

/** An option's name as the options of a message spell it: in brackets and in full, not in camelCase. */
function extensionName(extension: protobuf.Field): string {
  return `(${fullNameOf(extension)})`
}

function describeMessage(type: protobuf.Type, optionEnums: ReadonlyMap<string, protobuf.Enum>): MessageDescription {
  const options = Object.entries(type.options ?? {}).filter(([name]) => name.startsWith('('))
  const scope = packageOf(type)
  const numbered = options.map(([name, value]) => {
    const values = optionEnums.get(name) ?? optionEnums.get(`(${scope === '' ? '' : `${scope}.`}${name.slice(1)}`)
    return [name, (typeof value === 'string' ? values?.values[value] : undefined) ?? value]
  })
  return {
    fields: apart(type.fieldsArray.map(describeField)),
    ...(numbered.length > 0 && { options: Object.fromEntries(numbered) }),
  }
}

function describeEnum(values: protobuf.Enum): EnumDescription {
  return { values: { ...values.values }, ...(features(values).enum_type === 'CLOSED' && { closed: true }) }
}

function describeService(service: protobuf.Service): ServiceDescription {
  const methods = service.methodsArray.map((each): [string, MethodDescription] => {
    const { name, requestStream, responseStream, options = {} } = each.resolve() as protobuf.Method
    const idempotent = ['IDEMPOTENT', 'NO_SIDE_EFFECTS'].includes(options.idempotency_level)
    return [
      name,
      {
        request: each.resolvedRequestType?.fullName.slice(1) ?? '',
        response: each.resolvedResponseType?.fullName.slice(1) ?? '',
        ...(requestStream && { requestStream }),
        ...(responseStream && { responseStream }),
        ...(idempotent && { idempotent }),
      },
    ]
  })
  return { methods: Object.fromEntries(methods) }
}

// The resolved features of an edition decide on presence, packing, UTF-8 and closed enums; protobufjs resolves them for
// proto2 and proto3 too, but its types keep them to itself.
const features = (object: protobuf.ReflectionObject): { enum_type?: string; utf8_validation?: string } =>
  (object as unknown as { _features: object })._features

/** What protobufjs knows of a field and its types do not say. */
type ResolvedField = protobuf.Field & {
  delimited: boolean
  hasPresence: boolean
  jsonName: string
  protoName: string
}

function describeField(original: protobuf.FieldBase): FieldDescription {
  const field = original.resolve() as ResolvedField
  const isEnum = field.resolvedType instanceof protobuf.Enum
  const kind: Kind = isEnum ? 'enum' : field.resolvedType ? 'message' : (field.type as Kind)
  const { name, id, protoName, partOf: oneof } = field
  const jsonName = jsonNameOf(field)
  const initial = initialOf(field, kind)
  return {
    ...{ name, id, kind },
    ...(field.resolvedType && { type: field.resolvedType.fullName.slice(1) }),
    ...(protoName !== name && { protoName }),
    ...(jsonName !== name && { jsonName }),
    ...(field.map && { key: (field as unknown as protobuf.MapField).keyType as Kind }),
    ...(field.repeated && { repeated: true }),
    ...(field.hasPresence && { presence: true }),
    ...(field.required && { required: true }),
    ...(field.packed && field.repeated && wireTypeOf(kind) !== 2 && { packed: true }),
    ...(field.delimited && !field.map && { group: true }), // The values of a map never are.
    ...(features(field).utf8_validation !== 'VERIFY' && (kind === 'string' || field.map) && { loose: true }),
    ...(oneof !== null && !isSynthetic(oneof) && { oneof: oneof.name }),
    ...(initial !== undefined && { initial }),
  }
}

/** Where fields of proto2 have one JSON name, which they may, each goes by its name in the .proto: JSON holds both. */
function apart(fields: FieldDescription[]): FieldDescription[] {
  const count = new Map<string, number>()
  for (const { name, jsonName = name } of fields) count.set(jsonName, (count.get(jsonName) ?? 0) + 1)
  return fields.map((field) => {
    const { name, protoName = name, jsonName = name, ...rest } = field
    if ((count.get(jsonName) ?? 0) < 2 || protoName === jsonName) return field
    return { name, ...(protoName !== name && { protoName, jsonName: protoName }), ...rest }
  })
}

/** An extension goes by its full name, in brackets. */
function jsonNameOf(field: ResolvedField): string {
  const { declaringField: extension } = field
  return extension ? `[${fullNameOf(extension)}]` : field.jsonName
}

/** A oneof that protoc makes for a proto3 `optional`. */
const isSynthetic = (oneof: protobuf.OneOf): boolean =>
  oneof.fieldsArray.length === 1 && oneof.fieldsArray[0]?.getOption('proto3_optional') === true

/** A default of its own, or undefined. */
function initialOf(field: protobuf.Field, kind: Kind): number | boolean | string | undefined {
  if (field.map || field.repeated) return undefined
  const value: unknown = field.typeDefault
  const { family, unsigned } = KIND_VALUES[kind]
  switch (family) {
    case 'message':
      return undefined
    case 'bytes':
      return typeof field.options?.default === 'string' && field.options.default !== ''
        ? bytesDefault(field.options.default)
        : undefined
    case 'int64': {
      split(value ?? 0, unsigned) // A safe integer or a Long, as protobufjs has it.
      return (at.lo | at.hi) === 0 ? undefined : (unsigned ? unsignedKey : signedKey)(at.lo, at.hi)
    }
    case 'float':
      if (typeof value !== 'number' || Object.is(value, 0)) return undefined
      return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
    default:
      return value === null || value === undefined || value === 0 || value === false || value === ''
        ? undefined
        : (value as number | boolean | string)
  }
}

/** The default of a `bytes` field is text whose escapes mean bytes; protobufjs takes it for base64 where it looks like that. */
function bytesDefault(text: string): string {
  const codes = Array.from(text, (char) => char.charCodeAt(0))
  const bytes = codes.every((code) => code < 256) ? Uint8Array.from(codes) : new TextEncoder().encode(text)
  return btoa(String.fromCharCode(...bytes))
}
