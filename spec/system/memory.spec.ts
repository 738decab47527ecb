import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import ts from 'typescript'
import type { Cost } from '../support/heap.ts'

const ROOT = join(__dirname, '..', '..')

/** The library proper: what a body passes through, without the annexes. */
const isOfLibrary = (path: string): boolean => path.endsWith('.ts') && !/^(cli|window|testing|bus.nats)\b/.test(path)

/**
 * Makes JavaScript of the library and of the measuring program, in a folder from which protobufjs is found: with the
 * TypeScript compiler in its heap a process would spend all of its time collecting that.
 */
function compile(): string {
  const cache = join(ROOT, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'qbp-memory-'))
  const lib = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' }).filter(isOfLibrary)
  const files = [
    ...lib.map((name) => `lib/${name}`),
    ...['every', 'heap', 'reflected'].map((name) => `spec/support/${name}.ts`),
  ]
  for (const file of files) {
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, file), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2023,
        esModuleInterop: true,
        rewriteRelativeImportExtensions: true,
      },
    })
    const target = join(folder, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }')
  return folder
}

// Bodies are measured in a process of their own, where nothing else lives. With QBP_SHOW_MEMORY=1 the table is printed.
describe('a body of 1 MiB', () => {
  let costs: Cost[] = []

  before(function () {
    this.timeout(120_000)
    const folder = compile()
    try {
      const args = ['--expose-gc', join(folder, 'spec/support/heap.js'), '--measure']
      costs = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
    } finally {
      rmSync(folder, { recursive: true })
    }
    if (!process.env.QBP_SHOW_MEMORY) return
    for (const { name, int64, ratio, limit } of costs.sort((a, b) => b.ratio - a.ratio))
      console.log(`${ratio.toFixed(1).padStart(8)}x of ${limit}  ${int64.padEnd(7)} ${name}`)
  })

  it('takes no more memory than 20 times its size in maps and repeated fields, and 30 times in anything else', () => {
    expect(costs.length).to.be.greaterThan(40)
    const over = costs.filter(({ ratio, limit }) => ratio > limit)
    expect(over.map(({ name, int64, ratio }) => `${name}, int64 as ${int64}: ${ratio.toFixed(1)}`)).to.deep.equal([])
  })
})
