// A field's default, held against its kind. https://protobuf.dev/programming-guides/proto2/#optional

import protobuf from 'protobufjs'
import { KIND_VALUES, type Kind } from '../../codec/kind-values.ts'
import { fault, nameOf, shown } from './fault.ts'

/** @throws {Error} of a default that is no value of its field. */
export function validateDefault(field: protobuf.Field, value: unknown, edition: string): void {
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
