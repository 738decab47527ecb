#!/usr/bin/env node
import { isAbsolute } from 'node:path'
import { dispatch } from './dispatch.ts'
import { FAULT, INTERRUPTED } from './verb.ts'

/** Ctrl-C asks a verb to end, and a second one ends the process. A reader that has gone (`qbp decode | head`) ends it, too. */
function runProcess(): void {
  const interrupt = new AbortController()
  process.on('SIGINT', () => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED)
    interrupt.abort()
  })
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.stderr.write(`qbp: standard output cannot be written: ${error.message}\n`)
    process.exit(error.code === 'EPIPE' ? undefined : FAULT)
  })
  process.stderr.on('error', () => {}) // Nobody is left to report it to.
  const { stdin, stdout, stderr, env } = process
  // A script's own path comes before its arguments; `node --eval`, which runs this from source, has none.
  const args = process.argv.slice(isAbsolute(process.argv[1] ?? '') ? 2 : 1)
  dispatch(args, { stdin, stdout, stderr, env, signal: interrupt.signal }).then((code) => {
    process.exitCode = code
    // Standard input may still be open, and what is left to write may not be cut off.
    stdin.destroy()
    stdin.unref?.()
  })
}

runProcess()
