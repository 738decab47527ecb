import { listed } from './listed.ts'

/** The name that `name` was probably meant to be, if one of `names` is near enough: for the "did you mean" of an error. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  const wanted = bare(name)
  if (wanted === '') return undefined
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of names) {
    const other = bare(candidate)
    // Part of a name is near, too: idleTimeout for idleTimeoutMs.
    const isPart = wanted.length > 3 && other.length > 3 && (other.startsWith(wanted) || wanted.startsWith(other))
    const edits = isPart ? 1 : distance(wanted, other)
    if (edits < least && edits <= Math.floor(Math.min(wanted.length, other.length) / 3)) {
      best = candidate
      least = edits
    }
  }
  return best
}

/** What to say of a name that is none: `did you mean b?`, or `it has a, b.` */
export function namesInstead(name: string, names: readonly string[], has = 'it has', most?: number): string {
  const meant = nearest(name, names)
  return meant === undefined ? `${has} ${listed(names, most) || 'none'}.` : `did you mean ${meant}?`
}

/** Letters and digits alone: max_body_bytes, max-body-bytes and maxBodyBytes are one. */
const bare = (name: string): string =>
  name
    .slice(0, 100)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')

/** How many characters are to be added, left out, replaced or swapped with the next to make one text of the other. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, (before[j - 2] as number) + 1)
      row.push(edits)
    }
    before = last
    last = row
  }
  return last[b.length] as number
}
