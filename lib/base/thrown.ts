import { shown } from './shown.ts'

// Users' code may throw anything: undefined, a symbol, an object without a prototype, a proxy that is revoked, an error whose
// getters throw. Whatever looks at such a value may throw itself.

/** What `thrower` threw, as an Error that anybody can look at: itself where it is one, else one that says what it was, its cause. */
export function errorOf(thrown: unknown, thrower: string): Error {
  if (isError(thrown)) return thrown
  const found = typeof thrown === 'object' || typeof thrown === 'function' ? shown(thrown) : String(thrown)
  return new Error(`${thrower} threw ${found}.`, { cause: thrown })
}

/** `instanceof`, of what was thrown: false for what must not be looked at. */
export function isA<T>(thrown: unknown, kind: abstract new (...values: never[]) => T): thrown is T {
  try {
    return thrown instanceof kind
  } catch {
    return false
  }
}

/** Whether a value is an Error, the usual properties of which can be read: Node reads `stack` of what a stream is destroyed with. */
export function isError(value: unknown): value is Error {
  try {
    if (!(value instanceof Error)) return false
    const { name, message, stack, code } = value as Error & { code?: unknown }
    return [name, message, stack ?? '', code ?? ''].every(
      (each) => typeof each !== 'object' && typeof each !== 'symbol',
    )
  } catch {
    return false
  }
}
