#!/usr/bin/env node
import { isAbsolute } from 'node:path'
import * as generate from './generate.ts'

/** A verb of the command: `run` takes what stands behind it and resolves to the exit code. */
interface Verb {
  readonly summary: string
  run(args: string[], process: NodeJS.Process): Promise<number>
}

const verbs: Record<string, Verb> = {
  generate,
}

const help = `Usage: qbp VERB [options]

${Object.entries(verbs)
  .map(([name, verb]) => `  ${name.padEnd(10)} ${verb.summary}\n`)
  .join('')}
qbp VERB --help says more.
`

async function main([name = '--help', ...args]: string[]): Promise<number> {
  if (Object.hasOwn(verbs, name)) return (verbs[name] as Verb).run(args, process)
  if (['help', '--help', '-h'].includes(name)) {
    process.stdout.write(help)
    return 0
  }
  process.stderr.write(`qbp: there is no verb '${name}'.\n${help}`)
  return 2
}

// A script's own path comes before its arguments; `node --eval`, which runs this from source, has none.
main(process.argv.slice(isAbsolute(process.argv[1] ?? '') ? 2 : 1)).then((code) => {
  process.exitCode = code
})
