/** Where text is printed, as far as its width goes. */
interface Place {
  readonly stdout: { readonly columns?: number }
  readonly env: NodeJS.ProcessEnv
}

/** Of a line of text that people read, in columns: more is hard to read, less than the least cannot be kept to. */
const MOST = 92
const LEAST = 30

/** How wide text for people may be: as the terminal is, or COLUMNS where there is none. */
export function textWidth({ stdout, env }: Place): number {
  const columns = stdout.columns || Number(env.COLUMNS) || MOST
  return Math.floor(Math.min(Math.max(columns, LEAST), MOST))
}

/** The words of a text in lines of at most `width` columns. What stands between `'{` and `}'` is one word. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const [word] of text.replaceAll(/\s+/g, ' ').matchAll(/'\{[^']*\}'\S*|\S+/g)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
