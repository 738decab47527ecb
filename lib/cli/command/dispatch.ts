import { candidates } from '../completion/candidates.ts'
import { embedded } from '../embedded.ts'
import { textWidth, wrap } from '../terminal/width.ts'
import { besides } from './help.ts'
import { DONE, type Io, USAGE } from './verb.ts'
import { loadVerb, summaryOf, VERB_NAMES } from './verbs.ts'

/** What `qbp` prints by itself. */
function help(io: Io): string {
  const width = textWidth(io)
  const lines = VERB_NAMES.map((name) => `${besides(`  ${name}`, summaryOf(name), 14, width)}\n`)
  const more = wrap('qbp help VERB, or qbp VERB --help, says more; qbp --version prints the version.', width)
  return `Usage: qbp VERB [options]\n\n${lines.join('')}\n${more.join('\n')}\n`
}

/** Runs the verb that the arguments begin with, and resolves to the exit code. */
export async function dispatch([name = '--help', ...args]: string[], io: Io): Promise<number> {
  if (['help', '--help', '-h'].includes(name)) {
    const [topic] = args
    if (topic !== undefined && !topic.startsWith('-') && topic !== 'help') return dispatch([topic, '--help'], io)
    io.stdout.write(help(io))
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
  io.stderr.write(`qbp: there is no verb '${name}'.\n${help(io)}`)
  return USAGE
}
