import { embedded } from '../embedded.ts'
import { DONE, type Io, USAGE, type Verb } from './verb.ts'

// What the help says of each verb, and its file: only the one that runs is loaded.
const verbs: Record<string, [summary: string, load: () => Promise<{ run: Verb }>]> = {
  bench: ['measure round trips to a server, or how much it takes in', () => import('../verbs/bench.ts')],
  check: ['look for what is wrong in a schema, or would break a peer', () => import('../verbs/check.ts')],
  decode: ['print the frames of a file, or of standard input, as lines of JSON', () => import('../verbs/decode.ts')],
  encode: ['make frames of lines of JSON', () => import('../verbs/encode.ts')],
  generate: ['make a typed module of .proto files', () => import('../verbs/generate.ts')],
  guess: ['find the header of unknown frames', () => import('../verbs/guess.ts')],
  listen: ['be a server that prints whatever arrives, and may answer', () => import('../verbs/listen.ts')],
  replay: ['send again what qbp tap --record has kept', () => import('../verbs/replay.ts')],
  send: ['send messages, and print the replies as they come', () => import('../verbs/send.ts')],
  tap: ['stand between a client and a server and show what passes', () => import('../verbs/tap.ts')],
  view: ['show what was captured, on the terminal or in a browser', () => import('../verbs/view.ts')],
  wireshark: [
    'make a dissector for Wireshark, or a capture file of a recording',
    () => import('../verbs/wireshark.ts'),
  ],
}

const lines = Object.entries(verbs).map(([name, [summary]]) => `  ${name.padEnd(10)} ${summary}\n`)
const help = `Usage: qbp VERB [options]

${lines.join('')}
qbp help VERB, or qbp VERB --help, says more; qbp --version prints the version.
`

/** Runs the verb that the arguments begin with, and resolves to the exit code. */
export async function dispatch([name = '--help', ...args]: string[], io: Io): Promise<number> {
  if (['help', '--help', '-h'].includes(name)) {
    const [topic] = args
    if (topic !== undefined && !topic.startsWith('-') && topic !== 'help') return dispatch([topic, '--help'], io)
    io.stdout.write(help)
    return DONE
  }
  if (['version', '--version', '-V'].includes(name)) {
    io.stdout.write(`${embedded().version}\n`)
    return DONE
  }
  const load = Object.hasOwn(verbs, name) ? verbs[name]?.[1] : undefined
  if (load !== undefined) return (await load()).run(args, io)
  io.stderr.write(`qbp: there is no verb '${name}'.\n${help}`)
  return USAGE
}
