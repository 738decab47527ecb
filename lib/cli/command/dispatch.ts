import { candidates } from '../completion/candidates.ts'
import { embedded } from '../embedded.ts'
import { DONE, type Io, USAGE } from './verb.ts'
import { loadVerb, summaryOf, VERB_NAMES } from './verbs.ts'

const lines = VERB_NAMES.map((name) => `  ${name.padEnd(10)} ${summaryOf(name)}\n`)
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
  if (name === 'completion' && args[0] === 'words') {
    const words = await candidates(args.slice(2), io.env, { names: VERB_NAMES, load: loadVerb })
    for (const word of words) io.stdout.write(`${word}\n`)
    return DONE
  }
  const run = await loadVerb(name)
  if (run !== undefined) return run(args, io)
  io.stderr.write(`qbp: there is no verb '${name}'.\n${help}`)
  return USAGE
}
