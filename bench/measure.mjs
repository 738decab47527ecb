// Rounds and rows.

/** `--quick`: does every peer work, and does no message get lost? One short turn each, and no figure means anything. */
export const QUICK = process.argv.includes('--quick')

/** How many of something: as many as a figure needs, or with `--quick` a few. */
export const few = (count, quick) => (QUICK ? quick : count)

/** So often each contestant has its turn, one after the other, so that a busy moment of the machine meets them all. */
export const ROUNDS = 5

/** The middle one. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

/**
 * Lets contestants take turns.
 *
 * @param contestants name → a function that resolves to its figure of one round.
 * @returns name → the median of its figures, or the Error of one that failed, which has no further turns.
 */
export async function alternate(contestants, { rounds = ROUNDS, progress = () => {} } = {}) {
  const figures = new Map(Object.keys(contestants).map((name) => [name, []]))
  if (QUICK) rounds = 1
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(contestants)) {
      const list = figures.get(name)
      if (list instanceof Error) continue
      progress(`${name}, round ${round} of ${rounds}`)
      try {
        list.push(await run())
      } catch (error) {
        figures.set(name, error)
      }
    }
  }
  return new Map([...figures].map(([name, list]) => [name, list instanceof Error ? list : median(list)]))
}

/**
 * One line of the table.
 *
 * @param goal `{ most }` or `{ least }` for the ratio of ours to theirs, or nothing where there is none.
 */
export function row(measure, unit, ours, theirs, goal = {}) {
  const fault = ours instanceof Error ? ours : theirs instanceof Error ? theirs : null
  if (fault !== null)
    return { measure, unit, ours: null, theirs: null, ratio: null, ...goal, met: null, fault: fault.message }
  const ratio = ours / theirs
  let met = null
  if (goal.most !== undefined) met = ratio <= goal.most
  if (goal.least !== undefined) met = ratio >= goal.least
  return { measure, unit, ours, theirs, ratio, ...goal, met, fault: null }
}

/** Processor time since `process.cpuUsage()` was `began`: in one process, what others do meanwhile does not count. */
export function nanosecondsSince(began) {
  const { user, system } = process.cpuUsage(began)
  return (user + system) * 1000
}
