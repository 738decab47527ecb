// What changed between two versions of a schema, and whether a peer that has the old one still understands.
// The rules: https://protobuf.dev/programming-guides/proto3/#updating.

import {
  Enum,
  type Namespace,
  type ReflectionObject,
  Namespace as Scope,
  Service,
  Type,
} from '../generate/reflection.ts'
import { compareFields, type Rename } from './compare-fields.ts'
import { compareMethods } from './compare-methods.ts'
import { compareValues } from './compare-values.ts'
import type { Finding, Report } from './finding.ts'

/** One version of a schema. */
export interface Version {
  readonly root: Namespace
  /** The package that its messages are named relative to: where it was renamed, they are still the same messages. */
  readonly package: string
}

/** What changed for the messages, enums and services of `before`. */
export function compare(before: Version, after: Version): Finding[] {
  const findings: Finding[] = []
  const now = declared(after.root)
  const renamed: Rename = (name) => (now.has(name) ? name : moved(name, before.package, after.package))
  if (before.package !== after.package) {
    const text = `the package is ${after.package || 'none'} now: an Any, or a call, names its messages in full`
    findings.push({ level: 'note', place: before.package || '(no package)', text })
  }
  for (const [name, old] of declared(before.root)) {
    const report: Report = (level, part, text) =>
      findings.push({ level, place: part === '' ? name : `${name}.${part}`, text })
    const current = now.get(renamed(name))
    if (old instanceof Type && current instanceof Type) compareFields(old, current, renamed, report)
    else if (old instanceof Enum && current instanceof Enum) compareValues(old, current, report)
    else if (old instanceof Service && current instanceof Service) compareMethods(old, current, renamed, report)
    else report(current === undefined && !(old instanceof Service) ? 'note' : 'break', '', gone(old, current))
  }
  return findings
}

function gone(old: ReflectionObject, current: ReflectionObject | undefined): string {
  return current === undefined
    ? `${wordFor(old)} is gone`.replace(/^an? /, 'the ')
    : `was ${wordFor(old)} and is ${wordFor(current)}`
}

const wordFor = (object: ReflectionObject): string =>
  object instanceof Type ? 'a message' : object instanceof Enum ? 'an enum' : 'a service'

function moved(name: string, from: string, to: string): string {
  const isInside = from === '' || name.startsWith(`${from}.`)
  if (from === to || !isInside) return name
  const relative = from === '' ? name : name.slice(from.length + 1)
  return to === '' ? relative : `${to}.${relative}`
}

/** All messages, enums and services by full name, without those of google.protobuf. */
export function declared(scope: Namespace, found = new Map<string, ReflectionObject>()): Map<string, ReflectionObject> {
  for (const object of scope.nestedArray) {
    const name = object.fullName.slice(1)
    if (name === 'google.protobuf') continue
    if (object instanceof Type || object instanceof Enum || object instanceof Service) found.set(name, object)
    if (object instanceof Scope) declared(object, found)
  }
  return found
}
