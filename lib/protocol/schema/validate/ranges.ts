// Numbers and names that are set apart: `reserved`, and a message's `extensions`.

import type protobuf from 'protobufjs'
import { fault } from '../place.ts'

/** From, to, and the word that they stand after. */
export type Range = [from: number, to: number, what: 'reserved' | 'extensions']

/** The ranges and the names of what is reserved. */
export const reservedOf = (reserved: readonly (number[] | string)[] = []): [ranges: Range[], names: string[]] => [
  reserved.flatMap((each): Range[] =>
    typeof each === 'string' ? [] : [[each[0] as number, each[1] as number, 'reserved']],
  ),
  reserved.filter((each) => typeof each === 'string'),
]

/** @throws {Error} of ranges that overlap or end before they begin, and of a name that is reserved twice */
export function validateRanges(
  object: protobuf.ReflectionObject,
  ranges: readonly Range[],
  names: readonly string[],
): void {
  const owner = object.fullName.slice(1)
  for (const [i, [from, to, what]] of ranges.entries()) {
    const text = `${what} ${from}${to === from ? '' : ` to ${to}`} of ${owner}`
    if (to < from) fault(object, what, `${text} ends before it begins`)
    const other = ranges.slice(0, i).find(([a, b]) => a <= to && from <= b)
    if (other !== undefined) fault(object, what, `${text} overlaps ${other[2]} ${other[0]} to ${other[1]}`)
  }
  const twice = names.find((each, i) => names.indexOf(each) < i)
  if (twice !== undefined) fault(object, twice, `the name ${twice} is reserved twice in ${owner}`)
}
