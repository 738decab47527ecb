/**
 * Whether a value is an object of nothing but its own properties: `{}`, of whichever realm (Jest's, a vm's), or one without
 * a prototype. Anything else may hide enumerable keys further up.
 */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
