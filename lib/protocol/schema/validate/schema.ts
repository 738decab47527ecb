// What protoc refuses of a schema and protobufjs takes: numbers and names that do not fit. A field number of 2**29 + 1, for
// one, would be written as field 1. https://protobuf.dev/programming-guides/proto3

import protobuf from 'protobufjs'
import { editionOf, fault, nameOf, shown } from '../place.ts'
import { validateEnum } from './enum.ts'
import { MOST, validateExtension, validateField } from './field.ts'
import { type Range, reservedOf, validateRanges } from './ranges.ts'

/** @throws {Error} for the first fault, with its file and line as far as they are known. */
export function validate(scope: protobuf.NamespaceBase): void {
  const hasEnum = scope.nestedArray.some((object) => object instanceof protobuf.Enum)
  const siblings = hasEnum ? siblingsOf(scope) : new Map<string, string>()
  for (const object of scope.nestedArray) {
    if (object instanceof protobuf.Type) validateMessage(object)
    else if (object instanceof protobuf.Enum) validateEnum(object, siblings)
    else if (object instanceof protobuf.Field) validateExtension(object)
    if (object instanceof protobuf.Namespace && object.fullName !== '.google.protobuf') validate(object)
  }
}

/** What stands in a scope, by its name. */
function siblingsOf(scope: protobuf.NamespaceBase): Map<string, string> {
  const siblings = new Map<string, string>()
  for (const { name, fullName } of scope.nestedArray) siblings.set(name, fullName.slice(1))
  if (!(scope instanceof protobuf.Type)) return siblings
  for (const field of scope.fieldsArray) if (!field.declaringField) siblings.set(nameOf(field), shown(field))
  return siblings
}

function validateMessage(type: protobuf.Type): void {
  const edition = editionOf(type)
  const extensions = (type.extensions ?? []) as [number, number][]
  if (edition === 'proto3' && extensions.length > 0)
    fault(type, 'extensions', `${type.name} has extensions, which proto3 has not`)
  if (edition === 'proto3' && (type as { group?: boolean }).group)
    fault(type, type.name, `${type.fullName.slice(1)} is a group, which proto3 has not`)
  const [reserved, names] = reservedOf(type.reserved)
  const ranges = [...extensions.map(([from, to]): Range => [from, to, 'extensions']), ...reserved]
  for (const [from, to, what] of ranges)
    if (from < 1 || (to > MOST && what === 'extensions'))
      fault(type, what, `${what} ${from} to ${to} of ${type.fullName.slice(1)} is outside of 1 to ${MOST}`)
  validateRanges(type, ranges, names)
  if (type.options?.message_set_wire_format === true && edition === 'proto3')
    fault(type, type.name, `${type.fullName.slice(1)} is a message set, which proto3 has not`)
  if (type.options?.message_set_wire_format === true && type.fieldsArray.some((field) => !field.declaringField))
    fault(type, type.name, `${type.fullName.slice(1)} is a message set, which has extensions alone`)
  const jsonNames = new Map<string, protobuf.FieldBase>()
  for (const field of type.fieldsArray) {
    if (field.declaringField) continue // An extension, which is checked where it is declared.
    validateField(field)
    if (field instanceof protobuf.MapField) validateMap(type, field)
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

/** A map's entry is a message of its own, named after the field, and its value's default must be 0. */
function validateMap(type: protobuf.Type, field: protobuf.MapField): void {
  const entry = `${nameOf(field)
    .replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
    .replaceAll('_', '')}Entry`
  const twin = type.nested?.[entry]
  if (twin !== undefined && twin.name === entry)
    fault(field, entry, `${shown(field)} is a map, whose entries are messages ${entry}, and there is another ${entry}`)
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Enum && Object.values(resolvedType.values)[0] !== 0)
    fault(
      field,
      nameOf(field),
      `${shown(field)} is a map of ${resolvedType.fullName.slice(1)}, whose first value is not 0`,
    )
}
