import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { formatWithOptions } from 'node:util'
import { expect } from 'chai'
import { run } from '../../lib/cli/verbs/generate.ts'
import { cli } from '../support/cli.ts'
import { type Program, pages, pageText, programs, ROOT, snippets } from '../support/pages.ts'

const FOLDER = join(ROOT, '.snippets')
const MAINTAINERS = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']

/** What a page may show without it being run here, and the spec that runs it. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  'docs/existing-protocols.md': 'spec/peers/mumble.spec.ts',
}

/** The entry points of the package, as files beside the snippets' folder. */
const ENTRIES: Readonly<Record<string, string>> = {
  'qbp-stream': '../lib/index.ts',
  'qbp-stream/nats': '../lib/bus/nats/nats-bus.ts',
  'qbp-stream/testing': '../lib/testing/index.ts',
  'qbp-stream/web': '../lib/web/index.ts',
  'qbp-stream/ws': '../lib/ws/index.ts',
}

type Main = (console: { log(...values: unknown[]): void }) => Promise<void>

/** As a module that a spec can require: a page's program imports the package, and awaits at the top. */
function asModule({ text, page, line }: Program): string {
  const imports: string[] = []
  const rest = text.replace(/^import [^']*'([^']*)'\n/gm, (statement, specifier) => {
    imports.push(statement.replace(specifier, ENTRIES[specifier] ?? specifier.replace(/^(\.\/.*)\.js$/, '$1.ts')))
    return ''
  })
  return `// ${page}, line ${line}\n${imports.join('')}
export default async function (console: { log(...values: unknown[]): void }): Promise<void> {\n${rest}\n}\n`
}

/** The anchor that GitHub gives a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

/** The links of a page that lead nowhere in the repository. Addresses of the web are not looked up. */
function deadLinks(page: string, text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string)
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [path, fragment] = target.split('#') as [string, string | undefined]
    const file = path === '' ? page : normalize(join(dirname(page), path))
    if (file.startsWith('..') || !existsSync(join(ROOT, file))) return true
    if (fragment === undefined) return false
    const headings = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^#+ (.*)$/gm)].map((match) => match[1])
    return !headings.some((heading) => anchor(heading as string) === fragment)
  })
}

describe('the pages', () => {
  const protos = pages().flatMap((page) => snippets(page, 'proto'))

  before(async function () {
    this.timeout(20_000)
    rmSync(FOLDER, { recursive: true, force: true })
    mkdirSync(FOLDER)
    for (const { text, page, line } of protos) {
      const [, name] = /^\/\/ (\w+)\.proto\n/.exec(text) ?? []
      expect(name, `${page}:${line}: the first line of a schema is its name, // NAME.proto`).to.be.a('string')
      const file = join(FOLDER, `${name}.proto`)
      expect(existsSync(file), `${page}:${line}: another page has ${name}.proto`).to.equal(false)
      writeFileSync(file, text)
      const args = [file, '-o', join(FOLDER, `${name}.ts`), '--import', ENTRIES['qbp-stream'] as string]
      expect(await cli(run, args)).to.include({ code: 0, stderr: '' })
    }
  })

  let home: string
  beforeEach(() => {
    home = process.cwd()
    process.chdir(FOLDER)
  })
  afterEach(() => process.chdir(home))

  for (const program of pages().flatMap(programs)) {
    const { page, line } = program
    it(`${page}: the program at line ${line} prints what it says`, async () => {
      const file = join(FOLDER, `${page.replaceAll('/', '-').replace('.md', '')}-${line}.ts`)
      writeFileSync(file, asModule(program))
      const { default: main } = require(file) as { default: Main }
      const printed: string[] = []
      await main({
        log: (...values) => printed.push(formatWithOptions({ breakLength: Number.POSITIVE_INFINITY }, ...values)),
      })
      expect(printed.join(', ')).to.equal(program.prints)
    })
  }

  it('show no program that is not run', () => {
    const shown = pages().filter((page) => snippets(page, '(?:typescript|js|javascript)').length > 0)
    expect(shown).to.deep.equal(Object.keys(RUN_ELSEWHERE))
  })

  for (const page of [...pages(), ...MAINTAINERS]) {
    it(`${page} has no dead link`, () => {
      expect(deadLinks(page, pageText(page))).to.deep.equal([])
    })
  }

  for (const page of ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md']) {
    it(`${page} names files and folders that are there`, () => {
      const named = [...pageText(page).matchAll(/`((?:lib|spec|scripts|docs|\.ci)\/[\w./-]*)`/g)].map(
        ([, path]) => path,
      )
      expect(named).not.to.deep.equal([])
      expect(
        named.filter((path) => !/^docs\/(api)?$/.test(path as string) && !existsSync(join(ROOT, path as string))),
      ).to.deep.equal([])
    })
  }

  it("ARCHITECTURE.md has each room, each file on a message's way, and the pictures that stand in the code", () => {
    const text = pageText('ARCHITECTURE.md')
    const rooms = readdirSync(join(ROOT, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    for (const { name } of rooms) expect(text).to.match(new RegExp(`^\\| \`${name}\` `, 'm'))
    const files = [...text.matchAll(/`((?:base|codec|framing|protocol|streams|net)\/[\w-]+)`/g)].map(([, path]) => path)
    expect(files).not.to.deep.equal([])
    expect(files.filter((path) => !existsSync(join(ROOT, 'lib', `${path}.ts`)))).to.deep.equal([])
    const lines = (picture: string) =>
      picture.split('\n').map((line) => line.replace(/^(\/\/)? */, '').replace(/^phase: */, ''))
    for (const file of ['streams/receiver', 'streams/sender', 'net/lifecycle']) {
      const code = lines(readFileSync(join(ROOT, 'lib', `${file}.ts`), 'utf8'))
      const [, picture = ''] = new RegExp(`\`lib/${file}.ts\`.*?\\n\`{3}\\n(.*?)\`{3}`, 's').exec(text) ?? []
      const drawn = lines(picture).filter((line) => line !== '')
      expect(drawn, file).not.to.deep.equal([])
      expect(
        drawn.filter((line) => !code.includes(line)),
        file,
      ).to.deep.equal([])
    }
  })

  it('are found by a spec that finds dead links', () => {
    const text =
      '[a](no.md) [b](headers.md#no) [c](#no) [d](headers.md#type-numbers) [e](../README.md) [f](https://x.y) `[g](no)`'
    expect(deadLinks('docs/errors.md', text)).to.deep.equal(['no.md', 'headers.md#no', '#no'])
  })

  it('are listed in README and in the reference that typedoc makes', () => {
    const docs = pages().filter((page) => page.startsWith('docs/'))
    const listed = [...pageText('README.md').matchAll(/^\| \[[^\]]*\]\((docs\/[\w-]+\.md)\)/gm)].map(
      (match) => match[1],
    )
    expect(listed.sort()).to.deep.equal(docs)
    expect(JSON.parse(pageText('typedoc.json')).projectDocuments).to.deep.equal(['docs/*.md'])
  })

  it('begin with a README of at most 9 KB', () => {
    expect(Buffer.byteLength(pageText('README.md'))).to.be.at.most(9_000)
  })
})
