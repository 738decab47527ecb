import type { Readable, Writable } from 'node:stream'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { QbpError } from '../index.ts'
import { Fault } from './fault.ts'

/** What a verb reads from and writes to: the process's, or a spec's. */
export interface Io {
  readonly stdin: Readable & { isTTY?: boolean }
  readonly stdout: Writable & { isTTY?: boolean; columns?: number }
  readonly stderr: Writable & { isTTY?: boolean; columns?: number }
  readonly env: NodeJS.ProcessEnv
  /** Ctrl-C. A verb that was told so ends as soon as it can. */
  readonly signal: AbortSignal
}

/** Exit codes. */
export const DONE = 0
export const FAULT = 1
export const USAGE = 2
export const INTERRUPTED = 130

/** The command was called in a way that it does not know. */
export class UsageError extends Error {}

export { Fault }

type Options = NonNullable<ParseArgsConfig['options']>
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true; strict: true }>
>

/**
 * Makes a verb: it reads its arguments, answers `--help`, and turns what is thrown into exit codes.
 *
 * @param act resolves to the exit code.
 */
export function verb<const O extends Options>(
  name: string,
  help: string,
  options: O,
  act: (values: Parsed<O>['values'], positionals: string[], io: Io) => Promise<number>,
): (args: string[], io: Io) => Promise<number> {
  return async (args, io) => {
    try {
      const { values, positionals } = parse(args, { ...options, help: { type: 'boolean', short: 'h' } })
      if ('help' in values && values.help === true) {
        io.stdout.write(help)
        return DONE
      }
      const code = await act(values as Parsed<O>['values'], positionals, io)
      return io.signal.aborted ? INTERRUPTED : code
    } catch (error) {
      if (io.signal.aborted) return INTERRUPTED
      if (error instanceof UsageError) {
        io.stderr.write(`qbp ${name}: ${error.message}\nSee qbp ${name} --help.\n`)
        return USAGE
      }
      const { code } = error as NodeJS.ErrnoException
      if (!(error instanceof Fault || error instanceof QbpError || typeof code === 'string')) throw error
      io.stderr.write(`qbp ${name}: ${told(error as Error)}\n`)
      return FAULT
    }
  }
}

function parse<O extends Options>(args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The message of an error; several attempts to connect come as one error without any. */
export function told(error: Error): string {
  const { message, errors } = error as Error & { errors?: Error[] }
  return message || errors?.map((each) => each.message).join('; ') || String(error)
}

/** The value of an option that is a whole number. @throws {UsageError} */
export function wholeNumber(name: string, text: string, least = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`--${name} is '${text}'; it may be a whole number of ${least} or more.`)
}

/** The value of an option that is one of some words. @throws {UsageError} */
export function oneOf<const W extends string>(name: string, text: string, words: readonly W[]): W {
  if ((words as readonly string[]).includes(text)) return text as W
  throw new UsageError(`--${name} is '${text}'; it may be ${words.join(', ').replace(/, ([^,]*)$/, ' or $1')}.`)
}
