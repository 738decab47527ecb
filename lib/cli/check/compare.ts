// What changed between two versions of a schema, and whether a peer that has the old one still understands.
// The rules: https://protobuf.dev/programming-guides/proto3/#updating.

import {
  Enum,
  type Field,
  MapField,
  type Namespace,
  type ReflectionObject,
  Namespace as Scope,
  Type,
} from '../generate/reflection.ts'

/** One thing that is wrong, or was changed. */
export interface Finding {
  /** `fault`: the schema cannot be used so. `break`: a peer with the old schema would misread. `note`: worth a look. */
  level: 'fault' | 'break' | 'note'
  /** What it is about: `chat.Say.text`. */
  place: string
  text: string
}

/** What changed for the messages and enums of `before` that are declared in its own files. */
export function compare(before: Namespace, after: Namespace): Finding[] {
  const findings: Finding[] = []
  const now = declared(after)
  for (const [name, old] of declared(before)) {
    const current = now.get(name)
    if (old instanceof Type) {
      if (current instanceof Type) findings.push(...compareFields(name, old, current))
      else findings.push({ level: 'note', place: name, text: 'the message is gone' })
    } else if (old instanceof Enum && current instanceof Enum) findings.push(...compareValues(name, old, current))
  }
  return findings
}

/** All messages and enums by full name, without those of google.protobuf. */
export function declared(scope: Namespace, found = new Map<string, ReflectionObject>()): Map<string, ReflectionObject> {
  for (const object of scope.nestedArray) {
    const name = object.fullName.slice(1)
    if (name === 'google.protobuf') continue
    if (object instanceof Type || object instanceof Enum) found.set(name, object)
    if (object instanceof Scope) declared(object, found)
  }
  return found
}

function compareFields(name: string, old: Type, current: Type): Finding[] {
  const findings: Finding[] = []
  const report = (level: Finding['level'], field: string, text: string) =>
    findings.push({ level, place: `${name}.${field}`, text })
  for (const field of old.fieldsArray) {
    const { id } = field
    const own = nameOf(field)
    const heir = current.fieldsById[id]
    if (heir === undefined) {
      const moved = current.fieldsArray.find((each) => nameOf(each) === own)
      if (moved !== undefined) report('break', own, `its number was ${id} and is ${moved.id}`)
      else if (!current.isReservedId(id))
        report('break', own, `was removed, and its number ${id} is not reserved: a new field may take it again`)
      else if (!current.isReservedName(own))
        report('note', own, `was removed, and its name is not reserved: JSON may meet it again`)
      if (field.required) report('break', own, 'was required: an old peer refuses messages without it')
      continue
    }
    if (nameOf(heir) !== own)
      report(sameKind(field, heir) ? 'note' : 'break', own, `its number ${id} is ${nameOf(heir)}'s now`)
    const [was, is] = [kindOf(field), kindOf(heir)]
    if (!sameKind(field, heir)) report('break', own, `was ${was} and is ${is}`)
    else if (was !== is) report('note', own, `was ${was} and is ${is}: the same on the wire, but values may be cut`)
    if (labelOf(field) !== labelOf(heir)) report('break', own, `was ${labelOf(field)} and is ${labelOf(heir)}`)
    const [from, to] = [oneofOf(field), oneofOf(heir)]
    if (from !== to && to !== undefined && oneofSize(heir) > 1) {
      report('break', own, `moved into the oneof ${to}: what an old peer sets beside it is lost`)
    }
  }
  for (const field of current.fieldsArray) {
    const { id } = field
    if (old.fieldsById[id] !== undefined) continue
    if (old.isReservedId(id)) report('break', nameOf(field), `its number ${id} was reserved`)
    if (field.required) report('break', nameOf(field), 'is new and required: messages of an old peer are refused')
  }
  return findings
}

function compareValues(name: string, old: Enum, current: Enum): Finding[] {
  const findings: Finding[] = []
  const report = (level: Finding['level'], value: string, text: string) =>
    findings.push({ level, place: `${name}.${value}`, text })
  for (const [value, number] of Object.entries(old.values)) {
    const now = current.values[value]
    if (now === number) continue
    if (now !== undefined) report('break', value, `was ${number} and is ${now}`)
    else if (current.valuesById[number] !== undefined)
      report('note', value, `its number ${number} is ${current.valuesById[number]}'s now`)
    else if (!current.isReservedId(number))
      report('break', value, `was removed, and its number ${number} is not reserved`)
  }
  return findings
}

const nameOf = (field: Field): string => (field as Field & { protoName?: string }).protoName ?? field.name
const kindOf = (field: Field): string => {
  const { resolvedType } = field.resolve()
  const kind = resolvedType === null ? field.type : resolvedType.fullName.slice(1)
  return field instanceof MapField ? `map<${field.keyType}, ${kind}>` : kind
}
const labelOf = (field: Field): string =>
  field instanceof MapField ? 'a map' : field.repeated ? 'repeated' : field.required ? 'required' : 'single'
const oneofOf = (field: Field): string | undefined => field.partOf?.name
const oneofSize = (field: Field): number => field.partOf?.fieldsArray.length ?? 0

/** Kinds that are read from the same bytes, with the same meaning where the value fits. */
const ALIKE = [
  ['int32', 'uint32', 'int64', 'uint64', 'bool', 'enum'],
  ['sint32', 'sint64'],
  ['fixed32', 'sfixed32'],
  ['fixed64', 'sfixed64'],
  ['string', 'bytes'],
]

function sameKind(a: Field, b: Field): boolean {
  const [was, is] = [kindOf(a), kindOf(b)]
  if (was === is) return true
  if (a instanceof MapField || b instanceof MapField) return false
  const family = (field: Field) => {
    const { resolvedType, type } = field.resolve()
    const kind = resolvedType instanceof Enum ? 'enum' : type
    return resolvedType instanceof Type ? -1 : ALIKE.findIndex((kinds) => kinds.includes(kind))
  }
  return family(a) >= 0 && family(a) === family(b)
}
