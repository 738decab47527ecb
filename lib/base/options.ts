import { QbpError } from './errors.ts'
import { namesInstead } from './nearest.ts'
import { shown } from './shown.ts'

/**
 * The names of an options interface, each of them: the type checker asks for a name that was added to the interface, and
 * refuses one that was taken out. A larger interface spreads those of the ones that it extends.
 *
 *     const OPTIONS: OptionNames<CloseOptions> = { graceMs: true }
 */
export type OptionNames<O> = { readonly [K in keyof O]-?: true }

/**
 * Checks that options have no other names than they may have: of one that is misspelt nothing would be heard, and what it
 * was to limit would be unlimited. A name whose value is undefined says nothing, whatever it is.
 *
 * @param what takes the options, for the error: `listen()`, `A Group`.
 * @throws {QbpError} ERR_QBP_BAD_OPTION with `option`, the unknown name; or for options that are no object.
 */
export function knownOptions<O>(what: string, options: O | undefined, names: OptionNames<NoInfer<O>>): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new QbpError('ERR_QBP_BAD_OPTION', `The options of ${what} are ${shown(options)}, not an object.`)
  for (const name in options) {
    if (Object.hasOwn(names, name) || options[name] === undefined || name in Object.prototype) continue
    const advice = namesInstead(name, Object.keys(names), 'it may have', 40)
    const given = shown(options)
    const instead = /^an? (plain |null-prototype )?object$/.test(given) ? '' : ` It was given ${given}.`
    throw new QbpError('ERR_QBP_BAD_OPTION', `${what} has no option ${name}: ${advice}${instead}`, { option: name })
  }
}

/** Checks a limit in bytes. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive integer or Infinity. */
export function byteLimit(name: string, value: number | undefined, initial: number): number {
  return integer(name, value, initial, ' of bytes')
}

/** Checks a limit on a number of things. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive integer or Infinity. */
export function countLimit(name: string, value: number | undefined, initial: number): number {
  return integer(name, value, initial, '')
}

function integer(name: string, value: number | undefined, initial: number, unit: string): number {
  if (value === undefined) return initial
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value > 0)) return value
  throw refusal(name, value, `a positive integer${unit}, or Infinity for no limit`)
}

/** Checks a time. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is a positive number or Infinity. */
export function milliseconds(name: string, value: number | undefined, initial: number): number {
  if (value === undefined) return initial
  if (typeof value === 'number' && value > 0) return value
  throw refusal(name, value, 'a positive number of milliseconds, or Infinity for no limit')
}

/** Checks a word. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is one of `words`. */
export function oneOf<W extends string>(name: string, value: W | undefined, initial: W, words: readonly W[]): W {
  if (value === undefined) return initial
  if (words.includes(value)) return value
  const quoted = words.map((word) => `'${word}'`)
  throw refusal(name, value, `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`)
}

/** Checks a switch. @throws {QbpError} ERR_QBP_BAD_OPTION unless it is true or false. */
export function flag(name: string, value: boolean | undefined, initial: boolean): boolean {
  if (value === undefined) return initial
  if (typeof value === 'boolean') return value
  throw refusal(name, value, 'true or false')
}

function refusal(option: string, value: unknown, allowed: string): QbpError {
  const found = typeof value === 'string' && value.length <= 40 ? `'${value}'` : shown(value)
  return new QbpError('ERR_QBP_BAD_OPTION', `${option} is ${found}; it may be ${allowed}.`, { option })
}
