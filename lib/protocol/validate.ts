// What protoc refuses of a schema and protobufjs takes: numbers and names that do not fit. A field number of 2**29 + 1, for
// one, would be written as field 1. https://protobuf.dev/programming-guides/proto3

import protobuf from 'protobufjs'
import { placeOf } from './place.ts'

const MOST = 2 ** 29 - 1
const [RESERVED_FROM, RESERVED_TO] = [19_000, 19_999]

type Range = [number, number]
interface Features {
  enum_type?: string
  field_presence?: string
}
const featuresOf = (object: protobuf.ReflectionObject): Features =>
  (object as unknown as { _features: Features })._features ?? {}

/** The syntax or edition of the file that an object is of. */
function editionOf(object: protobuf.ReflectionObject): string {
  for (let each: protobuf.ReflectionObject | null = object; each !== null; each = each.parent) {
    const { _edition: edition } = each as unknown as { _edition?: string | null }
    if (edition) return edition
  }
  return 'proto2'
}

/** @throws {Error} for the first fault, with its file and line as far as they are known. */
export function validate(scope: protobuf.NamespaceBase): void {
  const values = new Map<string, string>()
  for (const object of scope.nestedArray) {
    if (object instanceof protobuf.Type) validateMessage(object)
    else if (object instanceof protobuf.Enum) validateEnum(object, values)
    else if (object instanceof protobuf.Field) validateExtension(object)
    if (object instanceof protobuf.Namespace && object.fullName !== '.google.protobuf') validate(object)
  }
}

function fault(object: protobuf.ReflectionObject, word: string, problem: string): never {
  let file: string | null = null
  for (let each: protobuf.ReflectionObject | null = object; each !== null && !file; each = each.parent)
    file = each.filename
  throw new Error(`${placeOf(file, word)}${problem}`)
}

const nameOf = (field: protobuf.FieldBase): string => (field as { protoName?: string }).protoName ?? field.name
const shown = (field: protobuf.FieldBase): string => `the field ${nameOf(field)} of ${field.parent?.fullName.slice(1)}`

function validateMessage(type: protobuf.Type): void {
  const edition = editionOf(type)
  const extensions = (type.extensions ?? []) as Range[]
  if (edition === 'proto3' && extensions.length > 0)
    fault(type, 'extensions', `${type.name} has extensions, which proto3 has not`)
  const ranges: [Range, string][] = [
    ...extensions.map((range): [Range, string] => [range, 'extensions']),
    ...(type.reserved ?? []).flatMap((range): [Range, string][] =>
      typeof range === 'string' ? [] : [[range as Range, 'reserved']],
    ),
  ]
  ranges.forEach(([[from, to], what], i) => {
    const text = `${what} ${from}${to === from ? '' : ` to ${to}`} of ${type.fullName.slice(1)}`
    if (from < 1 || to > MOST) fault(type, what, `${text} is outside of 1 to ${MOST}`)
    if (to < from) fault(type, what, `${text} ends before it begins`)
    const other = ranges.slice(0, i).find(([[a, b]]) => a <= to && from <= b)
    if (other !== undefined) fault(type, what, `${text} overlaps ${other[1]} ${other[0].join(' to ')}`)
  })
  const jsonNames = new Map<string, protobuf.FieldBase>()
  for (const field of type.fieldsArray) {
    if (field.declaringField) continue // An extension, which is checked where it is declared.
    validateField(field)
    const range = extensions.find(([from, to]) => from <= field.id && field.id <= to)
    if (range !== undefined)
      fault(
        field,
        nameOf(field),
        `${shown(field)} has the number ${field.id}, which is one of its extensions ${range.join(' to ')}`,
      )
    const json = (field as { jsonName?: string }).jsonName ?? field.name
    const twin = jsonNames.get(json)
    const own = (each: protobuf.FieldBase) => each.options?.json_name !== undefined
    if (twin !== undefined && (edition !== 'proto2' || (own(twin) && own(field))))
      fault(field, nameOf(field), `${shown(field)} has the JSON name '${json}', which is ${nameOf(twin)}'s`)
    jsonNames.set(json, field)
  }
  for (const oneof of type.oneofsArray) {
    if (oneof.fieldsArray.length === 0)
      fault(oneof, oneof.name, `the oneof ${oneof.name} of ${type.fullName.slice(1)} has no field`)
    for (const field of oneof.fieldsArray)
      if (field.repeated || field.map) fault(field, nameOf(field), `${shown(field)} is repeated, in a oneof`)
  }
}

function validateExtension(field: protobuf.Field): void {
  validateField(field)
  const target = field.extensionField?.parent
  if (!(target instanceof protobuf.Type)) return
  const ranges = (target.extensions ?? []) as Range[]
  if (target.fullName.startsWith('.google.protobuf.')) return // protobufjs's own copies have lost theirs.
  if (!ranges.some(([from, to]) => from <= field.id && field.id <= to))
    fault(
      field,
      nameOf(field),
      `the extension ${nameOf(field)} has the number ${field.id}, which is none of the extensions of ${target.fullName.slice(1)}`,
    )
  if (field.required) fault(field, nameOf(field), `the extension ${nameOf(field)} is required`)
}

/** What protobufjs forgets as it resolves a field, whose type has its full name by now. @throws {Error} as `validate`. */
export function validateUnresolved(field: protobuf.Field): void {
  if (field.options?.packed !== true) return
  const isNumber = field.type in protobuf.types.basic && !['string', 'bytes'].includes(field.type)
  if (!field.repeated || !(isNumber || field.root.lookup(field.type) instanceof protobuf.Enum))
    fault(field, nameOf(field), `${shown(field)} is packed, which only repeated numbers, bools and enums can be`)
}

function validateField(field: protobuf.Field): void {
  const { id } = field
  const name = nameOf(field)
  if (!(id >= 1 && id <= MOST)) fault(field, name, `${shown(field)} has the number ${id}; it may be 1 to ${MOST}`)
  if (id >= RESERVED_FROM && id <= RESERVED_TO)
    fault(field, name, `${shown(field)} has the number ${id}; ${RESERVED_FROM} to ${RESERVED_TO} are protobuf's own`)
  const json: unknown = field.options?.json_name
  if (typeof json === 'string' && (/^\[.*\]$/.test(json) || json.includes('\0')))
    fault(field, name, `${shown(field)} has the JSON name '${json}', which looks like an extension's`)
  if (field.options?.jstype !== undefined && !field.type.endsWith('64'))
    fault(field, name, `${shown(field)} has a jstype, which is for 64-bit integers`)
  if (field.options?.lazy === true && !(field.resolvedType instanceof protobuf.Type))
    fault(field, name, `${shown(field)} is lazy, which only messages can be`)
  const edition = editionOf(field)
  if (
    field.resolvedType instanceof protobuf.Enum &&
    edition === 'proto3' &&
    editionOf(field.resolvedType) === 'proto2' &&
    !field.declaringField
  )
    fault(
      field,
      name,
      `${shown(field)} is of ${field.resolvedType.fullName.slice(1)}, an enum of proto2 in a message of proto3`,
    )
  if (field.options && Object.hasOwn(field.options, 'default')) validateDefault(field, field.options.default, edition)
}

const RANGES: Record<string, [bigint, bigint]> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}
const RANGE_OF: Record<string, string> = {
  sint32: 'int32',
  sfixed32: 'int32',
  fixed32: 'uint32',
  sint64: 'int64',
  sfixed64: 'int64',
  fixed64: 'uint64',
}

function validateDefault(field: protobuf.Field, value: unknown, edition: string): void {
  const refuse = (why: string) => fault(field, nameOf(field), `the default of ${shown(field)} ${why}`)
  if (edition === 'proto3') refuse('stands in proto3, which has no defaults of its own')
  if (field.repeated || field.map) refuse('is of a list or a map, which have none')
  if (field.resolvedType instanceof protobuf.Type) refuse('is of a message, which has none')
  const { resolvedType, type } = field
  if (resolvedType instanceof protobuf.Enum) {
    if (typeof value !== 'string' || !Object.hasOwn(resolvedType.values, value))
      refuse(`is ${JSON.stringify(value)}, no value of ${resolvedType.fullName.slice(1)}`)
    return
  }
  const range = RANGES[RANGE_OF[type] ?? type]
  if (range !== undefined) {
    const digits =
      typeof value === 'number'
        ? Number.isInteger(value)
          ? BigInt(value)
          : null
        : /^-?\d+$/.test(String(value))
          ? BigInt(String(value))
          : null
    if (digits === null || typeof value === 'boolean') refuse(`is ${JSON.stringify(value)}, no integer`)
    else if (digits < range[0] || digits > range[1]) refuse(`is ${digits}; it may be ${range[0]} to ${range[1]}`)
  } else if (type === 'bool' && typeof value !== 'boolean')
    refuse(`is ${JSON.stringify(value)}, neither true nor false`)
  else if ((type === 'double' || type === 'float') && typeof value !== 'number')
    refuse(`is ${JSON.stringify(value)}, no number`)
  else if ((type === 'string' || type === 'bytes') && typeof value !== 'string') refuse(`is ${String(value)}, no text`)
}

function validateEnum(object: protobuf.Enum, siblings: Map<string, string>): void {
  const name = object.fullName.slice(1)
  const entries = Object.entries(object.values)
  if (entries.length === 0) fault(object, object.name, `the enum ${name} has no value`)
  const open = featuresOf(object).enum_type === 'OPEN'
  const [first] = entries
  if (open && first !== undefined && first[1] !== 0)
    fault(
      object,
      first[0],
      `the first value of the enum ${name}, ${first[0]}, is ${first[1]}; in proto3, and where it is open, it must be 0`,
    )
  const numbers = new Map<number, string>()
  let aliases = false
  for (const [value, number] of entries) {
    if ((number | 0) !== number)
      fault(object, value, `the value ${value} of the enum ${name} is ${number}, which is no int32`)
    const twin = numbers.get(number)
    aliases ||= twin !== undefined
    if (twin !== undefined && object.options?.allow_alias !== true)
      fault(
        object,
        value,
        `the values ${twin} and ${value} of the enum ${name} are both ${number}, without allow_alias`,
      )
    numbers.set(number, value)
    const other = siblings.get(value)
    if (other !== undefined)
      fault(
        object,
        value,
        `the value ${value} of the enum ${name} is one of ${other}, too: an enum's values stand beside it`,
      )
    siblings.set(value, name)
  }
  if (object.options?.allow_alias === true && !aliases)
    fault(object, object.name, `the enum ${name} has allow_alias, and no two values of one number`)
}
