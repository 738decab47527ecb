#!/usr/bin/env node
import { isAbsolute } from 'node:path'
import { DONE, INTERRUPTED, type Io, USAGE } from './command.ts'

/** A verb of the command: `run` takes what stands behind it and resolves to the exit code. */
interface Verb {
  run(args: string[], io: Io): Promise<number>
}

// What the help says of each verb, and its file: only the one that runs is loaded.
const verbs: Record<string, [summary: string, load: () => Promise<Verb>]> = {
  bench: ['measure round trips to a server, or how much it takes in', () => import('./verbs/bench.ts')],
  check: ['look for what is wrong in a schema, or would break a peer', () => import('./verbs/check.ts')],
  decode: ['print the frames of a file, or of standard input, as lines of JSON', () => import('./verbs/decode.ts')],
  encode: ['make frames of lines of JSON', () => import('./verbs/encode.ts')],
  generate: ['make a typed module of .proto files', () => import('./verbs/generate.ts')],
  listen: ['be a server that prints whatever arrives, and may answer', () => import('./verbs/listen.ts')],
  replay: ['send again what qbp tap --record has kept', () => import('./verbs/replay.ts')],
  send: ['send messages, and print the replies as they come', () => import('./verbs/send.ts')],
  tap: ['stand between a client and a server and show what passes', () => import('./verbs/tap.ts')],
  wireshark: ['make a dissector for Wireshark, or a capture file of a recording', () => import('./verbs/wireshark.ts')],
}

const lines = Object.entries(verbs).map(([name, [summary]]) => `  ${name.padEnd(10)} ${summary}\n`)
const help = `Usage: qbp VERB [options]\n\n${lines.join('')}\nqbp VERB --help says more.\n`

/** Runs the command and resolves to its exit code. */
async function main([name = '--help', ...args]: string[], io: Io): Promise<number> {
  const load = Object.hasOwn(verbs, name) ? verbs[name]?.[1] : undefined
  if (load !== undefined) return (await load()).run(args, io)
  if (['help', '--help', '-h'].includes(name)) {
    io.stdout.write(help)
    return DONE
  }
  io.stderr.write(`qbp: there is no verb '${name}'.\n${help}`)
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
  process.stderr.on('error', () => {}) // There is nobody left to tell.
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
