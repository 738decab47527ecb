// A field's number, names, options and default. https://protobuf.dev/programming-guides/proto3/#assigning, …/proto2/#optional

import protobuf from 'protobufjs'
import { KIND_VALUES, type Kind } from '../../../codec/kind-values.ts'
import { editionOf, fault, nameOf, shown } from '../place.ts'

/** The greatest number of a field. */
export const MOST = 2 ** 29 - 1
const [RESERVED_FROM, RESERVED_TO] = [19_000, 19_999]

/** What protobufjs forgets as it resolves a field, whose type has its full name by now. @throws {Error} as `validate`. */
export function validateUnresolved(field: protobuf.Field): void {
  if (field.options?.packed !== true) return
  const isNumber = field.type in protobuf.types.basic && !['string', 'bytes'].includes(field.type)
  if (!field.repeated || !(isNumber || field.root.lookup(field.type) instanceof protobuf.Enum))
    fault(field, nameOf(field), `${shown(field)} is packed, which only repeated numbers, bools and enums can be`)
}

/** @throws {Error} of a field's number, JSON name, default or options that do not fit */
export function validateField(field: protobuf.Field): void {
  const { id } = field
  const name = nameOf(field)
  const extended = field.extend === undefined ? null : field.parent?.lookup(field.extend)
  const inSet = extended?.options?.message_set_wire_format === true
  const advice = inSet ? ' (the greater numbers that protoc gives message sets are not supported)' : ''
  if (!(id >= 1 && id <= MOST))
    fault(field, name, `${shown(field)} has the number ${id}; it may be 1 to ${MOST}${advice}`)
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

/** @throws {Error} of a default that is no value of its field. */
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
  const range = rangeOf(type as Kind)
  if (range !== null) {
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

/** The least and the greatest integer of a kind, or null where it is of other values. */
function rangeOf(kind: Kind): [bigint, bigint] | null {
  const { family, unsigned } = KIND_VALUES[kind]
  if (family !== 'int32' && family !== 'int64') return null
  const bits = family === 'int32' ? 32n : 64n
  return unsigned ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
}

/** @throws {Error} as `validateField`, and of a number that its message does not give to extensions */
export function validateExtension(field: protobuf.Field): void {
  validateField(field)
  const target = field.extensionField?.parent
  if (!(target instanceof protobuf.Type)) return
  const ranges = (target.extensions ?? []) as [number, number][]
  const isInRange = ranges.some(([from, to]) => from <= field.id && field.id <= to)
  if (isInRange && field.options?.json_name === undefined && !field.required) return
  if (target.fullName.startsWith('.google.protobuf.')) return // protobufjs's own copies have lost theirs.
  if (!isInRange)
    fault(
      field,
      nameOf(field),
      `the extension ${nameOf(field)} has the number ${field.id}, which is none of the extensions of ${target.fullName.slice(1)}`,
    )
  if (field.options?.json_name !== undefined)
    fault(field, nameOf(field), `the extension ${nameOf(field)} has a json_name, which extensions have not`)
  if (field.required) fault(field, nameOf(field), `the extension ${nameOf(field)} is required`)
}
