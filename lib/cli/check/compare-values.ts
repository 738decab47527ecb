// The values of an enum, before and after.

import { type Enum, featuresOf } from '../generate/reflection.ts'
import type { Report } from './finding.ts'

export function compareValues(old: Enum, current: Enum, report: Report): void {
  const [was, is] = [isClosed(old), isClosed(current)]
  if (was !== is) {
    const problem = is
      ? 'was open and is closed: numbers that it lacks are dropped now'
      : 'was closed and is open: an old peer drops numbers that it lacks'
    report('break', '', problem)
  }
  for (const [value, number] of Object.entries(old.values)) {
    const now = current.values[value]
    if (now === number) continue
    if (now !== undefined) report('break', value, `was ${number} and is ${now}`)
    else if (current.valuesById[number] !== undefined)
      report('note', value, `its number ${number} is ${current.valuesById[number]}'s now`)
    else if (!current.isReservedId(number))
      report('break', value, `was removed, and its number ${number} is not reserved`)
  }
  for (const [value, number] of Object.entries(current.values)) {
    if (old.valuesById[number] !== undefined) continue
    if (old.isReservedId(number)) report('break', value, `its number ${number} was reserved`)
    else if (was && is)
      report('note', value, `is new: an old peer, for which the enum is closed, drops its number ${number}`)
  }
}

const isClosed = (values: Enum): boolean => featuresOf(values).enum_type === 'CLOSED'
