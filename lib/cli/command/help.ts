import type { ParseArgsConfig } from 'node:util'
import { wrap } from '../terminal/width.ts'

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

/** Where the text of an option begins, in columns; and on a terminal that has no room for two columns, below its name. */
const TEXT_COLUMN = 25
const BELOW_COLUMN = 8
const TWO_COLUMNS = 70

const USAGE = 'Usage: '

/** What `qbp VERB --help` prints, in lines of at most `width` columns. */
export function helpText({ name, usage, about, options, example }: VerbForm, width: number): string {
  const usages = typeof usage === 'string' ? [usage] : usage
  const first = usages.map((each, i) => {
    const lines = wrap(`qbp ${name} ${each}`, width - USAGE.length - 2).join(`\n${' '.repeat(USAGE.length + 2)}`)
    return `${i === 0 ? USAGE : ' '.repeat(USAGE.length)}${lines}\n`
  })
  const paragraphs = about.split('\n\n').map((text) => `${wrap(text, width).join('\n')}\n`)
  const rows = Object.entries(options).map(([option, row]) => optionText(option, row, width))
  const lines = example.split('\n').map((line) => `${line === '' ? '' : '  '}${line}\n`)
  return `${first.join('')}\n${paragraphs.join('\n')}\n${rows.join('')}  -h, --help\n\nExample:\n${lines.join('')}`
}

function optionText(name: string, { short, value, help }: OptionRow, width: number): string {
  const start = `${short === undefined ? '      ' : `  -${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`
  return `${besides(start, help, width < TWO_COLUMNS ? BELOW_COLUMN : TEXT_COLUMN, width)}\n`
}

/** A text in a column right of what it is about: below it where that is too long, or the column too narrow. */
export function besides(start: string, text: string, column: number, width: number): string {
  const indent = ' '.repeat(column)
  const [first = '', ...rest] = wrap(text, width - column)
  const begin = start.length < column - 1 ? `${start.padEnd(column)}${first}` : `${start}\n${indent}${first}`
  return [begin, ...rest.map((line) => `${indent}${line}`)].join('\n')
}
