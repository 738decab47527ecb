import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(__dirname, '..', '..')

export interface Snippet {
  /** The page's path inside the repository: `docs/headers.md`. */
  readonly page: string
  /** The line that the snippet begins on. */
  readonly line: number
  readonly text: string
}

/** The pages that a user reads: README, and those of docs/. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'))
  return ['README.md', ...docs.sort().map((name) => `docs/${name}`)]
}

export const pageText = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** The code blocks of one language on a page. */
export function snippets(page: string, language: string): Snippet[] {
  const text = pageText(page)
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...found].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length + 1,
    text: match[1] as string,
  }))
}

/** The file of a schema that a page shows: its first line is `// NAME.proto`. */
export const protoName = (text: string): string => /^\/\/ (\w+\.proto)\n/.exec(text)?.[1] ?? ''

/** A page's program, and what it says that it prints. */
export interface Program extends Snippet {
  readonly prints: string
}

/** The programs of a page: its `ts` blocks. What they print stands in comments after console.log. */
export function programs(page: string): Program[] {
  return snippets(page, 'ts').map((snippet) => ({
    ...snippet,
    prints: [...snippet.text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1]).join(', '),
  }))
}
