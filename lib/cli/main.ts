#!/usr/bin/env node
import { isAbsolute } from 'node:path'
import { INTERRUPTED, type Io, USAGE } from './command.ts'

/** A verb of the command: `run` takes what stands behind it and resolves to the exit code. */
interface Verb {
  readonly summary: string
  run(args: string[], io: Io): Promise<number>
}

// Only the verb that runs is loaded.
const verbs: Record<string, () => Promise<Verb>> = {
  bench: () => import('./bench.ts'),
  check: () => import('./check.ts'),
  decode: () => import('./decode.ts'),
  encode: () => import('./encode.ts'),
  generate: () => import('./generate.ts'),
  listen: () => import('./listen.ts'),
  replay: () => import('./replay.ts'),
  send: () => import('./send.ts'),
  tap: () => import('./tap.ts'),
}

async function help(): Promise<string> {
  const lines = Object.entries(verbs).map(async ([name, load]) => `  ${name.padEnd(10)} ${(await load()).summary}\n`)
  return `Usage: qbp VERB [options]\n\n${(await Promise.all(lines)).join('')}\nqbp VERB --help says more.\n`
}

/** Runs the command and resolves to its exit code. */
async function main([name = '--help', ...args]: string[], io: Io): Promise<number> {
  if (Object.hasOwn(verbs, name)) return (await (verbs[name] as () => Promise<Verb>)()).run(args, io)
  if (['help', '--help', '-h'].includes(name)) {
    io.stdout.write(await help())
    return 0
  }
  io.stderr.write(`qbp: there is no verb '${name}'.\n${await help()}`)
  return USAGE
}

/** Ctrl-C asks a verb to end, and a second one ends the process. A reader that has gone (`qbp decode | head`) ends it, too. */
function runProcess(): void {
  const interrupt = new AbortController()
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED)
    interrupt.abort()
  })
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
  const { stdin, stdout, stderr, env } = process
  // A script's own path comes before its arguments; `node --eval`, which runs this from source, has none.
  const args = process.argv.slice(isAbsolute(process.argv[1] ?? '') ? 2 : 1)
  main(args, { stdin, stdout, stderr, env, signal: interrupt.signal }).then((code) => {
    process.exitCode = code
    // Standard input may still be open, and what is left to write may not be cut off.
    stdin.destroy()
    stdin.unref?.()
  })
}

runProcess()
