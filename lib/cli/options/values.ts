import { UsageError } from '../command/fault.ts'

/** The value of an option that is a whole number. @throws {UsageError} */
export function wholeNumber(name: string, text: string, least = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`--${name} is '${text}'; it may be a whole number of ${least} or more.`)
}

/** The value of an option that is a port; 0 is any, where that may be. @throws {UsageError} */
export function portNumber(name: string, text: string, least = 0): number {
  const port = wholeNumber(name, text, least)
  if (port < 65_536) return port
  throw new UsageError(`--${name} is '${text}'; a port is at most 65535.`)
}

/** The value of an option that is one of some words. @throws {UsageError} */
export function oneOf<const W extends string>(name: string, text: string, words: readonly W[]): W {
  if ((words as readonly string[]).includes(text)) return text as W
  throw new UsageError(`--${name} is '${text}'; it may be ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')}.`)
}

/** A text as one word of a shell. */
export const shellWord = (text: string): string =>
  /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
