// A field's number, names and options. https://protobuf.dev/programming-guides/proto3/#assigning

import protobuf from 'protobufjs'
import { editionOf, fault, nameOf, shown } from './fault.ts'
import { validateDefault } from './validate-default.ts'

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

/** @throws {Error} as `validateField`, and of a number that its message does not give to extensions */
export function validateExtension(field: protobuf.Field): void {
  validateField(field)
  const target = field.extensionField?.parent
  if (!(target instanceof protobuf.Type)) return
  const ranges = (target.extensions ?? []) as [number, number][]
  if (target.fullName.startsWith('.google.protobuf.')) return // protobufjs's own copies have lost theirs.
  if (!ranges.some(([from, to]) => from <= field.id && field.id <= to))
    fault(
      field,
      nameOf(field),
      `the extension ${nameOf(field)} has the number ${field.id}, which is none of the extensions of ${target.fullName.slice(1)}`,
    )
  if (field.options?.json_name !== undefined)
    fault(field, nameOf(field), `the extension ${nameOf(field)} has a json_name, which extensions have not`)
  if (field.required) fault(field, nameOf(field), `the extension ${nameOf(field)} is required`)
}
