import { PassThrough, Readable, Writable } from 'node:stream'
import type { Io } from '../../lib/cli/command/verb.ts'

/** What a verb printed and how it ended. */
export interface CliResult {
  code: number
  stdout: string
  stderr: string
  /** What was printed to stdout, as bytes. */
  bytes: Buffer
}

/** A verb that runs in this process. */
export interface CliRun {
  readonly ended: Promise<CliResult>
  readonly stdin: PassThrough
  /** What it has printed so far. */
  stdout(): string
  stderr(): string
  /** Resolves once stdout matches, colours and cursor movements left out. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** Ctrl-C, or another reason to end. */
  interrupt(reason?: Error): void
}

/** Text without what moves a terminal's cursor or paints. */
export const withoutEscapes = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  text.replaceAll(/\x1b\[[\d;]*[A-Za-z]|\r/g, '')

type Verb = (args: string[], io: Io) => Promise<number>

/** Begins to run a verb in this process, over streams of its own. `tty` makes them a terminal's. */
export function begin(
  verb: Verb,
  args: readonly string[],
  { tty = false, env = {} as NodeJS.ProcessEnv } = {},
): CliRun {
  const out = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
  const waiting = new Set<() => void>()
  const sink = (name: 'stdout' | 'stderr') =>
    Object.assign(
      new Writable({
        write(chunk: Buffer, _encoding, callback) {
          out[name].push(chunk)
          for (const look of waiting) look()
          callback()
        },
      }),
      { isTTY: tty, columns: 100 },
    )
  const stdin = Object.assign(new PassThrough(), { isTTY: tty })
  const interrupt = new AbortController()
  const io = { stdin, stdout: sink('stdout'), stderr: sink('stderr'), env, signal: interrupt.signal } as unknown as Io
  const stdout = () => Buffer.concat(out.stdout).toString()
  const stderr = () => Buffer.concat(out.stderr).toString()
  const ended = verb([...args], io).then((code) => ({
    code,
    stdout: stdout(),
    stderr: stderr(),
    bytes: Buffer.concat(out.stdout),
  }))
  const printed = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(withoutEscapes(stdout()))
        if (found === null) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      ended.then(
        ({ code }) => reject(new Error(`It ended with ${code} before it printed ${pattern}: ${stderr()}`)),
        reject,
      )
    })
  return { ended, stdin, stdout, stderr, printed, interrupt: (reason) => interrupt.abort(reason) }
}

/** Runs a verb in this process to its end, with `input` on its standard input. */
export async function cli(
  verb: Verb,
  args: readonly string[],
  input: string | Uint8Array | Readable = '',
): Promise<CliResult> {
  const run = begin(verb, args)
  if (input instanceof Readable) input.pipe(run.stdin)
  else run.stdin.end(input)
  return run.ended
}
