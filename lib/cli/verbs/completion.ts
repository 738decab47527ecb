import { UsageError } from '../command/fault.ts'
import { DONE, verb } from '../command/verb.ts'
import { SCRIPTS } from '../completion/scripts.ts'

const shells = Object.keys(SCRIPTS)

const form = {
  name: 'completion',
  usage: shells.join('|'),
  about: `Prints a script that makes Tab complete verbs, options, their values, the targets of a qbp.json and files. The script
    asks the command itself, so it stays right when the command changes.`,
  options: {},
  example: `source <(qbp completion bash)
qbp completion zsh > ~/.zfunc/_qbp
qbp completion fish > ~/.config/fish/completions/qbp.fish`,
} as const

/** `qbp completion`. What the scripts ask, `qbp completion words -- WORD…`, the dispatcher answers: it knows the verbs. */
export const run = verb(form, async (_, [shell, ...words], io) => {
  if (shell === undefined || !Object.hasOwn(SCRIPTS, shell))
    throw new UsageError(
      `${shell === undefined ? 'no shell is given' : `'${shell}' is no shell known here`}: ${shells.join(', ')}.`,
    )
  if (words.length > 0) throw new UsageError(`'${words[0]}' is one argument too many.`)
  io.stdout.write(SCRIPTS[shell as keyof typeof SCRIPTS])
  return DONE
})
