// Where a length or a type stands in a section: the path that a layout has, `RpcMeta.attachment_size`, to the fields of the
// schema, which may be named otherwise in messages.

import type { QbpError } from '../base/errors.ts'
import { listed } from '../base/listed.ts'
import { nearest } from '../base/nearest.ts'
import type { Field as MessageField, Type } from '../codec/type.ts'
import { bareName, type Place } from './layout/layout.ts'

/**
 * The names that messages have along the path, and the field at its end.
 *
 * @throws what `fail` makes of the problem.
 */
export function placesIn(
  type: Type,
  { path, field: { role }, text }: Place,
  fail: (problem: string) => QbpError,
): { path: string[]; field: MessageField } {
  const names: string[] = []
  let within = type
  for (const [i, name] of path.entries()) {
    const field =
      within.fields.find((each) => each.name === name) ??
      within.fields.find((each) => bareName(each.name) === bareName(name)) ??
      within.fields.find(({ id }) => String(id) === name)
    if (field === undefined) {
      const all = within.fields.map((each) => each.name)
      const meant = nearest(name, all)
      throw fail(
        `${within.name} has no field ${name}: ${meant === undefined ? `it has ${listed(all) || 'none'}` : `did you mean ${meant}?`}`,
      )
    }
    names.push(field.name)
    const isLast = i === path.length - 1
    if (field.repeated || field.key !== null) throw fail(`${text}: ${name} is a list`)
    if (!isLast) {
      if (field.message === null) throw fail(`${text}: ${name} is no message`)
      within = field.message
      continue
    }
    const isInteger = /^[us]?(int|fixed)\d+$|^sfixed\d+$/.test(field.kind)
    if (isInteger || (role === 'type' && (field.kind === 'string' || field.kind === 'enum')))
      return { path: names, field }
    throw fail(`${text} is a ${field.kind}; a ${role} is an integer${role === 'type' ? ', an enum or a string' : ''}`)
  }
  throw fail(`${text} names no field`)
}
