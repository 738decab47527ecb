import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { run } from '../../lib/cli/verbs/generate.ts'
import { cli } from '../support/cli.ts'

const ROOT = join(__dirname, '..', '..')
const FOLDER = join(ROOT, '.snippets')

interface Snippet {
  line: number
  text: string
}

/** The code blocks of one language in the README, each with the line it begins on. */
function snippets(language: string): Snippet[] {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))
  return [...found].map((match) => ({
    line: text.slice(0, match.index).split('\n').length + 1,
    text: match[1] as string,
  }))
}

/** As a module that a spec can require: the README imports the package, and awaits at the top. */
function asModule({ text, line }: Snippet): string {
  const lines = text.split('\n')
  const imports = lines.filter((each) => each.startsWith('import '))
  const rest = lines.filter((each) => !each.startsWith('import '))
  return `// README.md, line ${line}\n${imports.join('\n').replaceAll(`'qbp-stream'`, `'../lib/index.ts'`)}
export default async function (console: { log(...values: unknown[]): void }): Promise<void> {\n${rest.join('\n')}\n}\n`
}

/** What the README says is printed: the comments behind console.log. */
const promised = ({ text }: Snippet): string[] =>
  [...text.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map((match) => match[1] as string)

describe('the README', () => {
  before(async () => {
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(FOLDER)
    const [proto] = snippets('proto')
    writeFileSync(join(FOLDER, 'chat.proto'), proto?.text ?? '')
    const args = [join(FOLDER, 'chat.proto'), '-o', join(FOLDER, 'chat.ts'), '--import', '../lib/index.ts']
    expect(await cli(run, args)).to.include({ code: 0, stderr: '' })
  })

  for (const snippet of snippets('ts')) {
    it(`does what it says at line ${snippet.line}`, async function () {
      this.timeout(20_000)
      const file = join(FOLDER, `line-${snippet.line}.ts`)
      writeFileSync(file, asModule(snippet))
      const { default: main } = require(file) as {
        default(console: { log(...values: unknown[]): void }): Promise<void>
      }
      const printed: string[] = []
      const { formatWithOptions } = require('node:util') as typeof import('node:util')
      await main({
        log: (...values) => printed.push(formatWithOptions({ breakLength: Number.POSITIVE_INFINITY }, ...values)),
      })
      expect(printed.join(', ')).to.equal(promised(snippet).join(', '))
    })
  }
})
