import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { nearest } from '../../base/nearest.ts'
import { QbpError } from '../../index.ts'
import type { Options } from '../settings/file.ts'
import { completed } from '../settings/settings.ts'
import { printable } from '../terminal/printable.ts'
import { textWidth } from '../terminal/width.ts'
import { errorText, Fault, UsageError } from './fault.ts'
import { helpText, type OptionTable, type VerbForm } from './help.ts'
import { codeOfInterruption } from './interruption.ts'

/** What a verb reads from and writes to: the process's streams, or a spec's. */
export interface Io {
  readonly stdin: Readable & { isTTY?: boolean }
  readonly stdout: Writable & { isTTY?: boolean; columns?: number }
  readonly stderr: Writable & { isTTY?: boolean; columns?: number }
  readonly env: NodeJS.ProcessEnv
  /** Ctrl-C, or another reason to end: the verb ends as soon as it can. */
  readonly signal: AbortSignal
}

/** Exit codes. */
export const DONE = 0
export const FAULT = 1
export const USAGE = 2
export const INTERRUPTED = 130

type Parsed<O extends OptionTable> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true; strict: true }>
>

/** A verb of the command: it takes what follows its name and resolves to the exit code. */
export interface Verb {
  (args: string[], io: Io): Promise<number>
  readonly form: VerbForm
}

/**
 * Makes a verb of its table: it reads its arguments, answers `--help`, and turns what is thrown into exit codes.
 *
 * @param act resolves to the exit code.
 */
export function verb<const O extends OptionTable>(
  form: VerbForm<O>,
  act: (values: Parsed<O>['values'], positionals: string[], io: Io) => Promise<number>,
): Verb {
  const { name } = form
  const run = async (args: string[], io: Io): Promise<number> => {
    try {
      const { values, positionals } = parse(args, { ...form.options, help: { type: 'boolean', short: 'h', help: '' } })
      if ('help' in values && values.help === true) {
        io.stdout.write(helpText(form, textWidth(io)))
        return DONE
      }
      const whole = await completed(form, values as Options, positionals, io.env)
      const code = await act(whole.values as Parsed<O>['values'], whole.positionals, io)
      return io.signal.aborted ? codeOfInterruption(io.signal) : code
    } catch (error) {
      if (io.signal.aborted) return codeOfInterruption(io.signal)
      if (error instanceof UsageError) {
        io.stderr.write(`qbp ${name}: ${printable(error.message)}\nSee qbp ${name} --help.\n`)
        return USAGE
      }
      const { code } = error as NodeJS.ErrnoException
      if (!(error instanceof Fault || error instanceof QbpError || typeof code === 'string')) throw error
      io.stderr.write(`qbp ${name}: ${errorText(error as Error)}\n`)
      return FAULT
    }
  }
  return Object.assign(run, { form })
}

function parse<O extends OptionTable>(args: string[], options: O) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const typed = /'(-[^']*)'/.exec(message)?.[1]
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || typed === undefined) throw new UsageError(message)
    const meant = nearest(typed, Object.keys(options))
    const advice = meant === undefined ? '' : `; did you mean --${meant}?`
    throw new UsageError(`there is no option ${typed}${advice || '.'}`)
  }
}
