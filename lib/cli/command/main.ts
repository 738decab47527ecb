#!/usr/bin/env node
import { isAbsolute } from 'node:path'
import { dispatch } from './dispatch.ts'
import { ENDING, Interruption } from './interruption.ts'
import { FAULT } from './verb.ts'

/** How long a verb may take to end once it is asked to: a recording is written, connections are closed. */
const GRACE_MS = 3_000

/**
 * Ctrl-C, a supervisor's SIGTERM and a terminal that has gone ask a verb to end, and a second such signal ends the process. A reader
 * that has gone (`qbp decode | head`) asks it to end, too.
 */
function runProcess(): void {
  const interrupt = new AbortController()
  const end = (interruption: Interruption): void => {
    if (interrupt.signal.aborted) return
    interrupt.abort(interruption)
    setTimeout(() => endNow(interruption), GRACE_MS).unref()
  }
  for (const signal of ENDING) {
    process.on(signal, () => {
      const interruption = new Interruption(signal)
      if (interrupt.signal.aborted) endNow(interruption)
      end(interruption)
    })
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return end(new Interruption('EPIPE'))
    process.stderr.write(`qbp: standard output cannot be written: ${error.message}\n`)
    process.exit(FAULT)
  })
  process.stderr.on('error', () => {}) // Nobody is left to report it to.
  const { stdin, stdout, stderr, env } = process
  // A script's own path comes before its arguments; `node --eval`, which runs this from source, has none.
  const args = process.argv.slice(isAbsolute(process.argv[1] ?? '') ? 2 : 1)
  dispatch(args, { stdin, stdout, stderr, env, signal: interrupt.signal }).then((code) => {
    process.exitCode = code
    // Standard input may still be open, and what is left to write may not be cut off. Deno goes on reading a destroyed one until
    // this event, which pause() does not emit where an iterator reads.
    stdin.emit('pause')
    stdin.destroy()
    stdin.unref?.()
  })
}

/** By the signal itself: process.exit() would wait for a file that is being opened, such as a pipe that nobody writes to. */
function endNow({ cause, exitCode }: Interruption): void {
  if (cause === 'EPIPE') process.exit(exitCode)
  process.removeAllListeners(cause)
  process.kill(process.pid, cause)
}

runProcess()
