import type { ParseArgsConfig } from 'node:util'

type ParseArgsOption = NonNullable<ParseArgsConfig['options']>[string]

/** One option of a verb: what `parseArgs` reads, and what `--help` prints of it. */
export interface OptionRow extends ParseArgsOption {
  /** What stands for the value in the help: `FILE`. A switch has none. */
  readonly value?: string
  readonly help: string
  /** The words that the value may be, for a shell's completion. */
  readonly words?: readonly string[]
}

/** The options of a verb by their long names, in the order of the help. */
export interface OptionTable {
  readonly [name: string]: OptionRow
}

/** A verb as people read about it. */
export interface VerbForm<O extends OptionTable = OptionTable> {
  readonly name: string
  /** What follows `qbp NAME`: one line for each way to use it. */
  readonly usage: string | readonly string[]
  /** Paragraphs between the usage and the options. */
  readonly about: string
  readonly options: O
  /** Which of its arguments are addresses of servers, counted from 0: a qbp.json may give these names. */
  readonly targets?: readonly number[]
  /** Before the address of a server it has one where it listens, which a target may say. */
  readonly listens?: boolean
  /** Its arguments are the schema: see settings. */
  readonly takesSchema?: boolean
  /** Lines as a user types them. */
  readonly example: string
}

/** Where the text of an option begins, and how wide the help is, in columns. */
const TEXT_COLUMN = 25
const WIDTH = 92

/** What `qbp VERB --help` prints. */
export function helpText({ name, usage, about, options, example }: VerbForm): string {
  const usages = typeof usage === 'string' ? [usage] : usage
  const first = usages.map((each, i) => `${i === 0 ? 'Usage:' : '      '} qbp ${name} ${each}\n`).join('')
  const paragraphs = about.split('\n\n').map((text) => `${wrap(text, WIDTH).join('\n')}\n`)
  const rows = Object.entries(options).map(([option, row]) => optionText(option, row))
  const lines = example.split('\n').map((line) => `${line === '' ? '' : '  '}${line}\n`)
  return `${first}\n${paragraphs.join('\n')}\n${rows.join('')}  -h, --help\n\nExample:\n${lines.join('')}`
}

function optionText(name: string, { short, value, help }: OptionRow): string {
  const start = `${short === undefined ? '      ' : `  -${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
  const lines = wrap(help, WIDTH - TEXT_COLUMN)
  const indent = ' '.repeat(TEXT_COLUMN)
  const [first = '', ...rest] = lines
  const begin = start.length < TEXT_COLUMN - 1 ? `${start.padEnd(TEXT_COLUMN)}${first}` : `${start}\n${indent}${first}`
  return `${[begin, ...rest.map((line) => `${indent}${line}`)].join('\n')}\n`
}

/** The words of a text in lines of at most `width` columns. What stands between `'{` and `}'` is one word. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const [word] of text.replaceAll(/\s+/g, ' ').matchAll(/'\{[^']*\}'\S*|\S+/g)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
