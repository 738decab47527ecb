import type { OptionRow, VerbForm } from '../command/help.ts'
import { settingsFile } from '../settings/settings.ts'

/** Says that the shell is to complete names of files. */
const FILES = ':files'

/** Values that are names of files or folders. */
const PATHS = new Set(['FILE', 'DIR'])

/** The verbs, as the dispatcher has them. */
export interface VerbTable {
  readonly names: readonly string[]
  load(name: string): Promise<{ readonly form: VerbForm } | undefined>
}

/** What the last of the words may go on as; the words before it are whole. */
export async function candidates(
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  { names, load }: VerbTable,
): Promise<string[]> {
  const current = words.at(-1) ?? ''
  const [name, ...before] = words.slice(0, -1)
  const matching = (list: readonly string[]) => list.filter((each) => each === FILES || each.startsWith(current))
  if (name === undefined) return matching([...names, 'help'])
  if (name === 'help') return matching(names)
  const verb = await load(name)
  if (verb === undefined) return []
  const { form } = verb
  const typed = read(form, before)
  if (typed.awaits !== undefined) return matching(valuesOf(typed.awaits))
  if (current.startsWith('-') && !typed.isPositional)
    return matching([...Object.keys(form.options).map((option) => `--${option}`), '--help'])
  if (name === 'completion') return typed.positionals === 0 ? matching(['bash', 'zsh', 'fish']) : []
  const isTarget = form.targets?.includes(typed.positionals) || (form.listens && typed.positionals === 0)
  if (!isTarget) return [FILES]
  // A qbp.json that is wrong completes nothing: the verb itself will say what is wrong.
  const file = await settingsFile(env).catch(() => undefined)
  return matching([...(file?.targets.keys() ?? [])])
}

/** What the words of a verb say so far: the option whose value comes next, or how many arguments there are. */
function read(form: VerbForm, words: readonly string[]) {
  const options = new Map<string, OptionRow>()
  for (const [name, row] of Object.entries(form.options)) {
    options.set(`--${name}`, row)
    if (row.short !== undefined) options.set(`-${row.short}`, row)
  }
  let awaits: OptionRow | undefined
  let positionals = 0
  let isPositional = false
  for (const word of words) {
    if (awaits !== undefined) awaits = undefined
    else if (!isPositional && word === '--') isPositional = true
    else if (!isPositional && word.startsWith('-') && word !== '-') {
      const row = options.get(word)
      awaits = row?.type === 'string' ? row : undefined
    } else positionals++
  }
  return { awaits, positionals, isPositional }
}

const valuesOf = ({ words, value = '' }: OptionRow): string[] =>
  words !== undefined ? [...words] : PATHS.has(value) ? [FILES] : []
