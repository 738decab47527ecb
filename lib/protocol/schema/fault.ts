// A fault of a schema, said where it stands.

import type protobuf from 'protobufjs'
import { placeOf } from './place.ts'

/** @throws {Error} with the file and the line of the first `word` in it, as far as they are known. */
export function fault(object: protobuf.ReflectionObject, word: string, problem: string): never {
  let file: string | null = null
  for (let each: protobuf.ReflectionObject | null = object; each !== null && !file; each = each.parent)
    file = each.filename
  throw new Error(`${placeOf(file, word)}${problem}`)
}

/** The syntax or edition of the file that an object is of. */
export function editionOf(object: protobuf.ReflectionObject): string {
  for (let each: protobuf.ReflectionObject | null = object; each !== null; each = each.parent) {
    const { _edition: edition } = each as unknown as { _edition?: string | null }
    if (edition) return edition
  }
  return 'proto2'
}

/** A field's name as the .proto has it. */
export const nameOf = (field: protobuf.FieldBase): string => (field as { protoName?: string }).protoName ?? field.name

export const shown = (field: protobuf.FieldBase): string =>
  `the field ${nameOf(field)} of ${field.parent?.fullName.slice(1)}`
