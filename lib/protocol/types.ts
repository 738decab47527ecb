import { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { type Int64Kind, int64Kind, split } from '../codec/int64.ts'
import { KIND_VALUES } from '../codec/kind-values.ts'
import type { PlainForm } from '../codec/plain-forms.ts'
import { type Codec, type CodecSupport, type EnumType, type Field, Type, type ValueForms } from '../codec/type.ts'
import { at, copy } from '../codec/wire.ts'
import type { Description, FieldDescription, GeneratedCodec } from './description.ts'

/** The message types, enums and services of a schema, by full name. */
export interface Types {
  readonly package: string
  readonly types: ReadonlyMap<string, Type>
  readonly enums: ReadonlyMap<string, EnumType>
  readonly services: Description['services']
  /** What a message stands as within others, by its full name, where that is not itself. */
  form(fullName: string): PlainForm | null
  /** The options of a message, such as `(qbp.type)`. */
  options(type: Type): Readonly<Record<string, unknown>>
}

/**
 * Makes Types of a schema.
 *
 * @param codec the functions of a module, where it has some; each other Type's are made when it is first used.
 * @throws {QbpError} ERR_QBP_BAD_SCHEMA for a package that is not there.
 */
export function makeTypes(
  schema: Description,
  packageName: string,
  forms: ValueForms,
  support: CodecSupport,
  codec?: GeneratedCodec,
): Types {
  const { int64 } = forms
  int64Kind(int64)
  if (packageName !== '' && !schema.packages.includes(packageName)) {
    const names = listed(schema.packages.filter((name) => name !== '')) || 'none'
    throw new QbpError('ERR_QBP_BAD_SCHEMA', `The schema has no package '${packageName}'; it has ${names}.`)
  }
  const prefix = packageName === '' ? '' : `${packageName}.`
  const makeCodec = codec === undefined ? support.codec : generated(codec, int64, support)
  const types = new Map<string, Type>()
  const enums = new Map(
    Object.entries(schema.enums).map(([name, { values, closed }]) => [name, enumOf(name, values, closed)]),
  )
  // Made at once: a form may be one that this runtime cannot have.
  const formed = new Map(
    Object.entries(schema.messages).map(([name, { fields }]) => [name, forms.wellKnown?.(name, fields) ?? null]),
  )
  const form = (name: string) => formed.get(name) ?? null
  const parts = { types, enums, form, forms }
  for (const [fullName, { fields }] of Object.entries(schema.messages)) {
    const name = fullName.startsWith(prefix) ? fullName.slice(prefix.length) : fullName
    const made = () => fields.map((field) => fieldOf(field, parts))
    types.set(fullName, new Type(fullName, name, int64, makeCodec, made))
  }
  return {
    package: packageName,
    types,
    enums,
    services: schema.services,
    form,
    options: ({ fullName }) => schema.messages[fullName]?.options ?? {},
  }
}

/** Codecs that a module brings along. A message that it lacks is none of its schema's. */
function generated(codec: GeneratedCodec, int64: Int64Kind, support: CodecSupport): (type: Type) => Codec {
  const codecs = codec(support.library(int64))
  return (type) => codecs[type.fullName]?.(type) ?? support.codec(type)
}

function enumOf(name: string, values: Readonly<Record<string, number>>, closed = false): EnumType {
  const names = new Map<number, string>()
  for (const [text, number] of Object.entries(values)) if (!names.has(number)) names.set(number, text) // Of aliases the first.
  return { name, closed, numbers: new Map(Object.entries(values)), names }
}

/** What fields are made with. */
interface Parts extends Pick<Types, 'types' | 'enums' | 'form'> {
  readonly forms: ValueForms
}

function fieldOf(description: FieldDescription, { types, enums, form: formOf, forms }: Parts): Field {
  const { name, id, kind, type = '', protoName = name, jsonName = name, key = null, oneof = null } = description
  const { repeated = false, presence = false, required = false, packed = false, group = false, loose } = description
  const [values, form] = [enums.get(type) ?? null, formOf(type)]
  const named = values !== null && forms.enums === 'names'
  const initial = initialOf(description, forms.int64, named ? values : null, form)
  return {
    name,
    protoName,
    jsonName,
    id,
    kind,
    key,
    repeated,
    presence,
    required,
    packed,
    group,
    utf8: loose !== true,
    initial,
    oneof,
    enum: values,
    named,
    message: types.get(type) ?? null,
    form,
  }
}

const EMPTY_LIST = Object.freeze([])
const EMPTY_MAP = Object.freeze({})

/** What a field reads as where nothing was sent. */
function initialOf(
  { kind, key, repeated, initial }: FieldDescription,
  int64: Int64Kind,
  named: EnumType | null,
  form: PlainForm | null,
): unknown {
  if (key !== undefined) return EMPTY_MAP
  if (repeated) return EMPTY_LIST
  const { family, unsigned } = KIND_VALUES[kind]
  switch (family) {
    case 'message':
      return form?.nullable ? undefined : null
    case 'enum':
      return named?.names.get(Number(initial ?? 0)) ?? Number(initial ?? 0)
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
