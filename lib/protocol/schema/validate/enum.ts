// An enum's numbers and names. https://protobuf.dev/programming-guides/proto3/#enum

import type protobuf from 'protobufjs'
import { editionOf, fault } from '../place.ts'
import { reservedOf, validateRanges } from './ranges.ts'

const isOpen = (object: protobuf.Enum): boolean =>
  (object as unknown as { _features?: { enum_type?: string } })._features?.enum_type === 'OPEN'

/**
 * @param siblings what stands in the enum's scope, by its name: an enum's values stand beside the enum itself.
 * @throws {Error} of values that are none, or that are named like another thing
 */
export function validateEnum(object: protobuf.Enum, siblings: Map<string, string>): void {
  const name = object.fullName.slice(1)
  const entries = Object.entries(object.values)
  if (entries.length === 0) fault(object, object.name, `the enum ${name} has no value`)
  const [first] = entries
  if (isOpen(object) && first !== undefined && first[1] !== 0)
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
        `the value ${value} of the enum ${name} is named like ${other}: an enum's values stand beside the enum`,
      )
    siblings.set(value, `a value of the enum ${name}`)
  }
  validateRanges(object, ...reservedOf(object.reserved))
  if (object.options?.allow_alias === true && !aliases)
    fault(object, object.name, `the enum ${name} has allow_alias, and no two values of one number`)
  if (editionOf(object) !== 'proto2' && object.options?.deprecated_legacy_json_field_conflicts !== true)
    validateNames(object, entries)
}

/** In JSON of other languages a value is its name without the enum's, in another case: such names must differ, too. */
function validateNames(object: protobuf.Enum, entries: readonly [string, number][]): void {
  const names = new Map<string, [string, number]>()
  for (const [value, number] of entries) {
    const bare = withoutPrefix(object.name, value).replaceAll('_', '').toLowerCase()
    const [twin, other] = names.get(bare) ?? []
    if (twin !== undefined && other !== number)
      fault(
        object,
        value,
        `the values ${twin} and ${value} of the enum ${object.fullName.slice(1)} are one without the enum's name and in one case`,
      )
    names.set(bare, [value, number])
  }
}

/** A value's name without the enum's in front, whatever the case and the underscores of both, if anything is left. */
function withoutPrefix(enumName: string, value: string): string {
  const prefix = enumName.replaceAll('_', '').toLowerCase()
  let at = 0
  for (let i = 0; i < value.length; i++) {
    if (at === prefix.length) return value.slice(i).replace(/^_+/, '') || value
    if (value[i] === '_') continue
    if (value[i]?.toLowerCase() !== prefix[at++]) return value
  }
  return value
}
