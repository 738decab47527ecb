// What is wrong with a row as a whole.

import type { QbpError } from '../../base/errors.ts'
import type { Field, Part } from './layout.ts'
import type { Sizes } from './sizes.ts'

type Fail = (column: number, problem: string) => QbpError

/** Before a group the frame's end is known, and after it there are only groups. */
export function checkGroups(parts: readonly Part[], sizes: Sizes, text: string, fail: Fail): void {
  for (const part of parts) {
    if (part.kind !== 'group') continue
    if (!sizes.lengthsBefore(part).some(({ counted }) => counted.all !== null)) {
      throw fail(
        part.column,
        'nothing before this group says where the frame ends: that takes length(rest) or length(frame)',
      )
    }
    const next = parts[part.end]
    if (next !== undefined && next.kind !== 'group' && next.group === part.group) {
      const remedy =
        next.kind === 'body' && next.column === text.length ? ": say where the body stands, with 'body'" : ''
      throw fail(next.column, `only groups stand after a group, which takes all bytes that are left${remedy}`)
    }
    if (next !== undefined && next.group !== part.group && next.kind !== 'group') {
      throw fail(next.column, 'only groups stand after a group, which takes all bytes that are left')
    }
  }
}

/** A number of digits ends where no digit follows. */
export function checkDigits(parts: readonly Part[], fail: Fail): void {
  for (const part of parts) {
    if (part.kind !== 'integer' || part.of.order !== 'decimal') continue
    const next = parts[part.index + 1]
    const first = next?.kind === 'constant' && next.group === part.group ? (next.bytes[0] as number) : 48
    if (first < 48 || first > 57) continue
    throw fail(
      part.column,
      `a constant that does not begin with a digit ends ${part.field.name}:dec: put one after it, such as 0x0a`,
    )
  }
}

/** A length whose own size, or whose section's size, depends on itself. */
export function checkCircles(parts: readonly Part[], fail: Fail): void {
  const done = new Set<number>()
  const visit = (index: number, path: readonly number[]): void => {
    if (path.includes(index)) {
      // A varint may count itself: the least size that fits is found.
      if (path.at(-1) === index && (parts[index] as Part).kind === 'integer') return
      throw fail((parts[index] as Part).column, 'its size depends on itself, by what the lengths count')
    }
    if (done.has(index)) return
    for (const next of dependsOn(parts[index] as Part, parts)) visit(next, [...path, index])
    done.add(index)
  }
  for (const { index } of parts) visit(index, [])
}

/** The parts whose sizes must be known before the size of this one. */
function dependsOn(part: Part, parts: readonly Part[]): number[] {
  if (part.kind === 'section') {
    return parts.flatMap((each) =>
      each.kind === 'place' && each.section === part.index ? measured(each.field, each.index, parts) : [],
    )
  }
  if (part.kind !== 'integer' || part.of.width !== undefined) return []
  return measured(part.field, part.index, parts)
}

/** The parts whose sizes a length says. */
function measured({ role, counted }: Field, index: number, parts: readonly Part[]): number[] {
  if (role !== 'length') return []
  if (counted.all === null) return [...counted.parts]
  return parts.filter((each) => counted.all === 'frame' || each.index > index).map((each) => each.index)
}
