// What differs between two messages, field by field.

/** One place where they differ; undefined on the side that lacks it. */
export interface Difference {
  /** `message.members[2].name`. */
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** The places where two values of JSON differ, in the order of the first. What one of them lacks whole is one place. */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (Object.is(before, after)) return []
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length)
    return Array.from({ length }, (_, i) => differences(before[i], after[i], `${path}[${i}]`)).flat()
  }
  if (isObject(before) && isObject(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap((key) => differences(before[key], after[key], path === '' ? key : `${path}.${key}`))
  }
  return [{ path, before, after }]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
