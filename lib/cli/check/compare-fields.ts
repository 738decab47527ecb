// The fields of a message, before and after.

import { nameOf } from '../../protocol/schema/place.ts'
import { Enum, type Field, featuresOf, MapField, Type } from '../generate/reflection.ts'
import type { Report } from './finding.ts'

/** Turns a full name of the old schema into the one that it has in the new. */
export type Rename = (fullName: string) => string

export function compareFields(old: Type, current: Type, renamed: Rename, report: Report): void {
  for (const field of old.fieldsArray) {
    const heir = current.fieldsById[field.id]
    if (heir === undefined) compareGone(field, current, report)
    else compareField(field, heir, renamed, report)
  }
  for (const field of current.fieldsArray) {
    if (old.fieldsById[field.id] !== undefined) continue
    if (old.isReservedId(field.id)) report('break', nameOf(field), `its number ${field.id} was reserved`)
    if (field.required) report('break', nameOf(field), 'is new and required: messages of an old peer are refused')
  }
  for (const each of old.reserved ?? []) {
    if (typeof each === 'string' || isStillKept(each, current)) continue
    const [first, last] = each as [number, number]
    report('note', first === last ? String(first) : `${first} to ${last}`, 'was reserved, and is not any more')
  }
}

/** Whether every number of a reserved range is reserved still, or a field's, which is reported by itself. */
function isStillKept(range: number[], current: Type): boolean {
  const [first = 0, last = 0] = range
  const holds = (id: number) => current.isReservedId(id) || current.fieldsById[id] !== undefined
  // A range may reach to 2**29: its edges, and the edges of what is reserved now, decide.
  const edges = (current.reserved ?? []).flatMap((each) => (typeof each === 'string' ? [] : [(each[1] ?? 0) + 1]))
  return [first, last, ...edges.filter((id) => id >= first && id <= last)].every(holds)
}

function compareGone(field: Field, current: Type, report: Report): void {
  const own = nameOf(field)
  const { id } = field
  const moved = current.fieldsArray.find((each) => nameOf(each) === own)
  if (moved !== undefined) report('break', own, `its number was ${id} and is ${moved.id}`)
  else if (!current.isReservedId(id))
    report('break', own, `was removed, and its number ${id} is not reserved: a new field may take it again`)
  else if (!current.isReservedName(own))
    report('note', own, `was removed, and its name is not reserved: JSON may meet it again`)
  if (field.required) report('break', own, 'was required: an old peer refuses messages without it')
}

function compareField(field: Field, heir: Field, renamed: Rename, report: Report): void {
  const own = nameOf(field)
  const alike = isAlike(field, heir, renamed)
  if (nameOf(heir) !== own) report(alike ? 'note' : 'break', own, `its number ${field.id} is ${nameOf(heir)}'s now`)
  else if (jsonNameOf(field) !== jsonNameOf(heir))
    report('note', own, `its name in JSON was ${jsonNameOf(field)} and is ${jsonNameOf(heir)}`)
  const [was, is] = [kindOf(field, renamed), kindOf(heir)]
  if (!alike) report('break', own, `was ${kindOf(field)} and is ${is}`)
  else if (was !== is) {
    const isText = heir.type === 'string' && field.type === 'bytes'
    const problem = isText ? 'bytes that are no UTF-8 are no text' : 'values may be cut'
    report('note', own, `was ${kindOf(field)} and is ${is}: the same on the wire, but ${problem}`)
  }
  if (labelOf(field) !== labelOf(heir)) report('break', own, `was ${labelOf(field)} and is ${labelOf(heir)}`)
  else if (presenceOf(field) !== presenceOf(heir) && oneofOf(field) === oneofOf(heir))
    report(
      'note',
      own,
      `was ${presenceOf(field)} and is ${presenceOf(heir)}: whether a default was sent is known, or not`,
    )
  if (alike) compareForm(field, heir, report)
  compareOneof(field, heir, report)
}

/** What the kind does not say: how it stands on the wire, and what an absent or a strange value is. */
function compareForm(field: Field, heir: Field, report: Report): void {
  const own = nameOf(field)
  if (encodingOf(field) !== encodingOf(heir))
    report('break', own, `was ${encodingOf(field)} and is ${encodingOf(heir)}: an old peer does not find it`)
  if (field.type === 'string' && heir.type === 'string' && isUtf8(field) !== isUtf8(heir)) {
    const side = isUtf8(heir)
      ? 'a new peer refuses what an old one may send'
      : 'an old peer refuses what a new one may send'
    report('break', own, `its text ${isUtf8(heir) ? 'must be UTF-8 now' : 'need not be UTF-8 any more'}: ${side}`)
  }
  const [was, is] = [defaultOf(field), defaultOf(heir)]
  if (isSingle(field) && isSingle(heir) && !isSameDefault(field, heir))
    report('break', own, `its default was ${was} and is ${is}: what is absent reads otherwise`)
}

function compareOneof(field: Field, heir: Field, report: Report): void {
  const [from, to] = [oneofOf(field), oneofOf(heir)]
  if (from === to) return
  const own = nameOf(field)
  if (to !== undefined && sizeOfOneof(heir) > 1)
    report('break', own, `moved into the oneof ${to}: what an old peer sets beside it is lost`)
  else if (from !== undefined && sizeOfOneof(field) > 1)
    report('break', own, `left the oneof ${from}: of what is set beside it an old peer keeps one`)
}

const jsonNameOf = (field: Field): string => (field as Field & { jsonName?: string }).jsonName ?? field.name

function kindOf(field: Field, renamed: Rename = (name) => name): string {
  const { resolvedType } = field.resolve()
  const kind = resolvedType === null ? field.type : renamed(resolvedType.fullName.slice(1))
  return field instanceof MapField ? `map<${field.keyType}, ${kind}>` : kind
}

const labelOf = (field: Field): string =>
  field instanceof MapField ? 'a map' : field.repeated ? 'repeated' : field.required ? 'required' : 'single'

const presenceOf = (field: Field): string =>
  field.repeated || (field.resolve() as Field & { hasPresence?: boolean }).hasPresence
    ? 'with presence'
    : 'without presence'

function encodingOf(field: Field): string {
  if (!(field.resolve().resolvedType instanceof Type) || field instanceof MapField) return 'a value'
  return (field as Field & { delimited?: boolean }).delimited ? 'a group (delimited)' : 'length-prefixed'
}

const isUtf8 = (field: Field): boolean => featuresOf(field).utf8_validation !== 'NONE'

/** Whether a field has a value of its own to read where nothing was sent. */
const isSingle = (field: Field): boolean =>
  !field.repeated && !(field instanceof MapField) && !(field.resolve().resolvedType instanceof Type)

/** The default as protobufjs has it: a number, a Long, true or false, text, bytes; 0 where it has none. */
const rawDefault = (field: Field): unknown => field.typeDefault ?? field.options?.default ?? 0

function isSameDefault(field: Field, heir: Field): boolean {
  const [was, is] = [rawDefault(field), rawDefault(heir)].map(
    (value) => (typeof value === 'object' ? String(value) : value || ''), // No bytes, no text, false and 0 are one: nothing.
  )
  return String(was === '0' ? '' : was) === String(is === '0' ? '' : is)
}

function defaultOf(field: Field): string {
  const { resolvedType } = field.resolve()
  const value = rawDefault(field)
  if (resolvedType instanceof Enum) return String(resolvedType.valuesById[Number(value)] ?? value)
  return typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value)
}

const oneofOf = (field: Field): string | undefined => (field.partOf?.isProto3Optional ? undefined : field.partOf?.name)
const sizeOfOneof = (field: Field): number => field.partOf?.fieldsArray.length ?? 0

/** Kinds that are read from the same bytes, with the same meaning where the value fits. */
const ALIKE = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
  ['string', 'bytes'],
]

function isAlike(field: Field, heir: Field, renamed: Rename): boolean {
  if (kindOf(field, renamed) === kindOf(heir)) return true
  if (field instanceof MapField || heir instanceof MapField) return false
  const family = (each: Field) => {
    const { resolvedType, type } = each.resolve()
    const kind = resolvedType instanceof Enum ? 'enum' : type
    return resolvedType instanceof Type ? -1 : ALIKE.findIndex((kinds) => kinds.includes(kind))
  }
  return family(field) >= 0 && family(field) === family(heir)
}
