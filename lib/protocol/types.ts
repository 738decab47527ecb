import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { codecLibrary } from '../codec/codec-library.ts'
import { type Int64Kind, int64Kind, split } from '../codec/int64.ts'
import { KINDS } from '../codec/kinds.ts'
import { type Codec, type EnumType, type Field, Type } from '../codec/type.ts'
import { at, copy } from '../codec/wire.ts'
import type { Description, FieldDescription, GeneratedCodec, ServiceDescription } from './description.ts'
import { MethodType, methodKey, type ServiceType } from './method.ts'

/** The message types, enums and services of a schema, by full name. */
export interface Types {
  readonly package: string
  readonly types: ReadonlyMap<string, Type>
  readonly enums: ReadonlyMap<string, EnumType>
  readonly services: ReadonlyMap<string, ServiceType>
  /** The options of a message, such as `(qbp.type)`. */
  options(type: Type): Readonly<Record<string, unknown>>
}

/**
 * Makes Types of a schema.
 *
 * @param compiled makes the codec of a Type when it is first used, where the module has none.
 * @param codec the functions of a module, where it has some.
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA for a package that is not there.
 */
export function makeTypes(
  schema: Description,
  packageName: string,
  int64: Int64Kind,
  compiled: (type: Type) => Codec,
  codec?: GeneratedCodec,
): Types {
  int64Kind(int64)
  if (packageName !== '' && !schema.packages.includes(packageName)) {
    const names = listed(schema.packages.filter((name) => name !== '')) || 'none'
    throw new QbpError('ERR_QBP_BAD_SCHEMA', `The schema has no package '${packageName}'; it has ${names}.`)
  }
  const prefix = packageName === '' ? '' : `${packageName}.`
  const makeCodec = codec === undefined ? compiled : generated(codec, int64, compiled)
  const types = new Map<string, Type>()
  for (const fullName of Object.keys(schema.messages)) {
    const name = fullName.startsWith(prefix) ? fullName.slice(prefix.length) : fullName
    types.set(fullName, new Type(fullName, name, int64, makeCodec))
  }
  const enums = new Map(
    Object.entries(schema.enums).map(([name, { values, closed }]) => [name, enumOf(name, values, closed)]),
  )
  for (const [fullName, { fields }] of Object.entries(schema.messages))
    types.get(fullName)?.define(fields.map((field) => fieldOf(field, types, enums, int64)))
  return {
    package: packageName,
    types,
    enums,
    services: new Map(
      Object.entries(schema.services).map(([name, service]) => [name, serviceOf(name, service, types)]),
    ),
    options: ({ fullName }) => schema.messages[fullName]?.options ?? {},
  }
}

/** Codecs that a module brings along. A message that it lacks is none of its schema's. */
function generated(codec: GeneratedCodec, int64: Int64Kind, compiled: (type: Type) => Codec): (type: Type) => Codec {
  const codecs = codec(codecLibrary(int64))
  return (type) => codecs[type.fullName]?.(type) ?? compiled(type)
}

function enumOf(name: string, values: Readonly<Record<string, number>>, closed = false): EnumType {
  const names = new Map<number, string>()
  for (const [text, number] of Object.entries(values)) if (!names.has(number)) names.set(number, text) // Of aliases the first.
  return { name, closed, numbers: new Map(Object.entries(values)), names }
}

function fieldOf(
  description: FieldDescription,
  types: ReadonlyMap<string, Type>,
  enums: ReadonlyMap<string, EnumType>,
  int64: Int64Kind,
): Field {
  const { name, id, kind, type = '', protoName = name, jsonName = name, key = null, oneof = null } = description
  const { repeated = false, presence = false, required = false, packed = false, group = false, loose } = description
  return {
    ...{ name, protoName, jsonName, id, kind, key, repeated, presence, required, packed, group, oneof },
    utf8: loose !== true,
    initial: initialOf(description, int64),
    enum: enums.get(type) ?? null,
    message: types.get(type) ?? null,
  }
}

const EMPTY_LIST = Object.freeze([])
const EMPTY_MAP = Object.freeze({})

/** What a field reads as where nothing was sent. */
function initialOf({ kind, key, repeated, initial }: FieldDescription, int64: Int64Kind): unknown {
  if (key !== undefined) return EMPTY_MAP
  if (repeated) return EMPTY_LIST
  const { family, unsigned } = KINDS[kind]
  switch (family) {
    case 'message':
      return null
    case 'bytes':
      return bytesOf(initial)
    case 'string':
      return initial ?? ''
    case 'bool':
      return initial ?? false
    case 'int64':
      split(BigInt(initial ?? 0), unsigned)
      return int64Kind(int64)[unsigned ? 'unsigned' : 'signed'](at.lo, at.hi)
    default:
      return Number(initial ?? 0) // As text where JSON has no such number.
  }
}

function bytesOf(base64: FieldDescription['initial']): Uint8Array {
  const bytes = base64 === undefined ? [] : Array.from(atob(String(base64)), (char) => char.charCodeAt(0))
  return copy(Uint8Array.from(bytes), 0, bytes.length)
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
