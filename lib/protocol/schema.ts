import protobuf from 'protobufjs'
import { QbpError } from '../base/errors.ts'
import { decoder } from '../codec/decode.ts'
import { encoder } from '../codec/encode.ts'
import { type Int64Kind, int64Kind, split } from '../codec/int64.ts'
import { KINDS, type Kind } from '../codec/kinds.ts'
import { type EnumType, type Field, Type } from '../codec/type.ts'
import { at, copy } from '../codec/wire.ts'
import { MethodType, methodKey, type ServiceType } from './method.ts'
import { SchemaRoot } from './schema-root.ts'

// protobufjs's reflection, for the command: it makes modules, checks and dissectors of what `loadSchema` returns.
export { protobuf as reflection }

/** What a module made by `qbp generate` holds: a schema as data, and in `M` the types of its messages. */
export interface Schema<M extends MessageMap = MessageMap> {
  /** The package that message names are relative to; empty for none. */
  readonly package: string
  /** How the module's types have 64-bit integers. */
  readonly int64: Int64Kind
  /** The schema as protobufjs has it in JSON. */
  readonly root: object
  /** Never there: it carries `M`. */
  readonly messages?: M
}

/** The messages of a schema, by name: relative to its package (`Connection.Close`), or in full outside it. */
export type MessageMap = Record<
  string,
  {
    /** As it is received, with its `$name`. */
    read: object
    /** As it may be written. */
    write: object
    /** The options of its own that the .proto gives it, such as `'(qbp.type)'`. */
    options?: string
  }
>

function packageOf(object: protobuf.ReflectionObject): string {
  let scope = object.parent
  while (scope instanceof protobuf.Type) scope = scope.parent
  return scope === null ? '' : scope.fullName.slice(1)
}

function visit(namespace: protobuf.NamespaceBase, see: (object: protobuf.ReflectionObject) => void): void {
  for (const object of namespace.nestedArray) {
    see(object)
    if (object instanceof protobuf.Namespace) visit(object, see)
  }
}

/** The message types and enums of one Protocol, by full name; the protocol's own, so that two Protocols never meet. */
export interface Types {
  readonly package: string
  readonly types: ReadonlyMap<string, Type>
  readonly enums: ReadonlyMap<string, EnumType>
  readonly services: ReadonlyMap<string, ServiceType>
  /** The options of a message, such as `(qbp.type)`, enum names as the text that they are in the schema. */
  options(type: Type): Record<string, unknown>
  /** The numbers of the enum that an option is of, for options whose value is an enum's. */
  optionEnum(option: string): EnumType | undefined
}

/** What `schema` may be: a generated module's, or protobufjs's own reflection (a namespace of a `pbjs` module, or a Root). */
export type SchemaSource = Schema | protobuf.NamespaceBase

/**
 * Makes a Protocol's own Types of a schema.
 *
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA for a package or type that is not there.
 */
export function makeTypes(source: SchemaSource, packageName: string | undefined, int64: Int64Kind): Types {
  int64Kind(int64)
  const { root, scope } = ownRoot(source)
  const name = packageName ?? scope
  if (name !== '' && !isPackage(root.lookup(name), name)) {
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `The schema has no package '${name}'; it has ${packages(root).join(', ') || 'none'}.`,
    )
  }
  const prefix = name === '' ? '' : `${name}.`
  const types = new Map<string, Type>()
  const enums = new Map<string, EnumType>()
  const originals = new Map<Type, protobuf.Type>()
  const extensions = new Map<string, protobuf.Field>()
  const services: protobuf.Service[] = []
  visit(root, (object) => {
    const fullName = object.fullName.slice(1)
    if (object instanceof protobuf.Service) services.push(object)
    if (object instanceof protobuf.Type) {
      const relative = fullName.startsWith(prefix) ? fullName.slice(prefix.length) : fullName
      const type = new Type(fullName, relative, int64, (of) => ({ ...decoder(of), encode: encoder(of) }))
      types.set(fullName, type)
      originals.set(type, object)
    } else if (object instanceof protobuf.Enum) enums.set(fullName, makeEnum(object))
    else if (object instanceof protobuf.Field && object.extend !== undefined) {
      const { name: own, protoName = own } = object as protobuf.Field & { protoName?: string }
      extensions.set(`(${fullName.slice(0, -own.length)}${protoName})`, object) // As options are spelt: not in camelCase.
    }
  })
  for (const [type, original] of originals)
    type.define(original.fieldsArray.map((field) => makeField(field, types, enums, int64)))
  return {
    package: name,
    types,
    enums,
    services: new Map(services.map((service) => [service.fullName.slice(1), makeService(service, types)])),
    options: (type) => originals.get(type)?.options ?? {},
    optionEnum: (option) => {
      const extension = extensions.get(option) ?? extensions.get(`(${prefix}${option.slice(1)}`)
      const target = extension?.resolve().resolvedType
      return target instanceof protobuf.Enum ? enums.get(target.fullName.slice(1)) : undefined
    },
  }
}

/** protobufjs would take a name from further inside, too. */
const isPackage = (found: protobuf.ReflectionObject | null, name: string): boolean =>
  found !== null && !(found instanceof protobuf.Type) && 'nested' in found && found.fullName === `.${name}`

/** A copy of its own of the schema, and the package that the source names. */
function ownRoot(source: SchemaSource): { root: protobuf.Root; scope: string } {
  try {
    const namespace = source instanceof protobuf.Namespace ? source : undefined
    const json = namespace ? namespace.root.toJSON() : ((source as Schema).root as protobuf.INamespace)
    const scope = namespace ? namespace.fullName.slice(1) : ((source as Schema).package ?? '')
    const root = protobuf.Root.fromJSON(json, new SchemaRoot())
    return { root, scope }
  } catch (cause) {
    throw new QbpError(
      'ERR_QBP_BAD_SCHEMA',
      `This is no schema: ${(cause as Error).message}. Give what a module of 'qbp generate' exports, or a namespace of protobufjs.`,
      { cause },
    )
  }
}

function packages(root: protobuf.Root): string[] {
  const names = new Set<string>()
  visit(root, (object) => {
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum) names.add(packageOf(object))
  })
  return [...names]
}

function makeService(service: protobuf.Service, types: ReadonlyMap<string, Type>): ServiceType {
  const fullName = service.fullName.slice(1)
  const typeOf = (type: protobuf.Type | null) => types.get(type?.fullName.slice(1) ?? '') as Type
  const methods = new Map<string, MethodType>()
  for (const each of service.methodsArray) {
    const { name, requestStream = false, responseStream = false, options = {} } = each.resolve() as protobuf.Method
    const idempotent = ['IDEMPOTENT', 'NO_SIDE_EFFECTS'].includes(options.idempotency_level)
    const [request, response] = [typeOf(each.resolvedRequestType), typeOf(each.resolvedResponseType)]
    const method = new MethodType(fullName, name, request, response, { requestStream, responseStream, idempotent })
    methods.set(methodKey(name, methods), method)
  }
  return { fullName, methods }
}

function makeEnum(original: protobuf.Enum): EnumType {
  return {
    name: original.fullName.slice(1),
    closed: features(original).enum_type === 'CLOSED',
    numbers: new Map(Object.entries(original.values)),
    names: new Map(Object.entries(original.valuesById).map(([number, text]) => [Number(number), text])),
  }
}

// The resolved features of an edition decide on presence, packing, UTF-8 and closed enums; protobufjs resolves them for
// proto2 and proto3 too, but its types keep them to itself.
const features = (object: protobuf.ReflectionObject): { enum_type?: string; utf8_validation?: string } =>
  (object as unknown as { _features: object })._features

function makeField(
  original: protobuf.FieldBase,
  types: ReadonlyMap<string, Type>,
  enums: ReadonlyMap<string, EnumType>,
  int64: Int64Kind,
): Field {
  const field = original.resolve() as protobuf.Field & {
    delimited: boolean
    hasPresence: boolean
    jsonName: string
    protoName: string
  }
  const target = field.resolvedType?.fullName.slice(1) ?? ''
  const isEnum = field.resolvedType instanceof protobuf.Enum
  const kind: Kind = isEnum ? 'enum' : field.resolvedType ? 'message' : (field.type as Kind)
  const oneof = field.partOf
  return {
    name: field.name,
    protoName: field.protoName,
    jsonName: jsonNameOf(field),
    id: field.id,
    kind,
    key: field.map ? ((field as unknown as protobuf.MapField).keyType as Kind) : null,
    repeated: field.repeated,
    presence: Boolean(field.hasPresence),
    required: field.required,
    packed: field.packed,
    group: field.delimited && !field.map, // The values of a map never are.
    utf8: features(field).utf8_validation === 'VERIFY',
    initial: initial(field, kind, int64),
    oneof: oneof === null || isSynthetic(oneof) ? null : oneof.name,
    enum: enums.get(target) ?? null,
    message: types.get(target) ?? null,
  }
}

/** An extension goes by its full name, in brackets. */
const jsonNameOf = (field: protobuf.Field & { jsonName: string; protoName: string }): string => {
  const extension = field.declaringField ?? undefined
  if (extension === undefined) return field.jsonName
  const scope = (extension.parent as protobuf.NamespaceBase).fullName.slice(1)
  const { protoName = extension.name } = extension as protobuf.Field & { protoName?: string }
  return `[${scope === '' ? '' : `${scope}.`}${protoName}]`
}

/** A oneof that protoc makes for a proto3 `optional`. */
const isSynthetic = (oneof: protobuf.OneOf): boolean =>
  oneof.fieldsArray.length === 1 && oneof.fieldsArray[0]?.getOption('proto3_optional') === true

const EMPTY_LIST = Object.freeze([])
const EMPTY_MAP = Object.freeze({})

function initial(field: protobuf.Field, kind: Kind, int64: Int64Kind): unknown {
  if (field.map) return EMPTY_MAP
  if (field.repeated) return EMPTY_LIST
  if (kind === 'message') return null
  const value = field.typeDefault ?? (protobuf.types.defaults as Record<string, unknown>)[field.type] // A proto3 optional's is null to protobufjs.
  const { family, unsigned } = KINDS[kind]
  if (family === 'bytes') return bytesDefault(field.options?.default)
  if (family !== 'int64') return value
  split(value, unsigned) // A safe integer or a Long, as protobufjs has it.
  return int64Kind(int64)[unsigned ? 'unsigned' : 'signed'](at.lo, at.hi)
}

/** The default of a `bytes` field is text whose escapes mean bytes; protobufjs takes it for base64 where it looks like that. */
function bytesDefault(text: unknown): Uint8Array {
  if (typeof text !== 'string') return copy(new Uint8Array(0), 0, 0)
  const codes = Array.from(text, (char) => char.charCodeAt(0))
  const bytes = codes.every((code) => code < 256) ? Uint8Array.from(codes) : new TextEncoder().encode(text)
  return copy(bytes, 0, bytes.length)
}
