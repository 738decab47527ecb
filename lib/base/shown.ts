import { isGone } from './gone.ts'

/**
 * A value that the caller gave, for an error's text: short, and never itself a reason to throw, as String() of an object
 * without a prototype is.
 */
export function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value)
  if (typeof value === 'bigint') {
    const text = String(value)
    return text.length > 40 ? `a bigint of ${text.length} digits` : `${text}n`
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  const name = classOf(value)
  return `${AN.test(name) ? 'an' : 'a'} ${name}`
}

/** Begins with a vowel that is heard: a Uint8Array, a URL. */
const AN = /^(?:[aeio]|u(?!int|r[il]|ni|se))/i

function classOf(value: object): string {
  try {
    if (Array.isArray(value)) return 'array'
    if (value instanceof Date)
      return Number.isNaN(value.getTime()) ? 'Date that is invalid' : `Date of ${value.toISOString()}`
    const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null
    if (prototype === null) return 'null-prototype object'
    const name = prototype.constructor?.name
    if (ArrayBuffer.isView(value) && !(value instanceof DataView) && isGone(value))
      return `${name} whose buffer was transferred, or has shrunk`
    return name === 'Object' ? 'plain object' : typeof name === 'string' && name !== '' ? name : 'object'
  } catch {
    return 'revoked Proxy' // Of one that throws, too, no more can be said.
  }
}

/** A fact of what was thrown; undefined for what must not be looked at. */
export function factOf(thrown: unknown, fact: 'name' | 'code' | 'message'): unknown {
  try {
    return (thrown as { [fact]?: unknown })[fact]
  } catch {} // Undefined and null have none, either.
  return undefined
}

/** What a thrown value says, for an error's text: anything can be thrown, and even an Error's message may be anything. */
export function reasonOf(thrown: unknown): string {
  const message = factOf(thrown, 'message')
  return typeof message === 'string' && message !== '' ? message : shown(thrown)
}
