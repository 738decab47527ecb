import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { buildSync } from 'esbuild'
import type { Cost } from '../support/heap.ts'

const ROOT = join(__dirname, '..', '..')

/** Makes one file of the measuring program: with a compiler in its heap a process would spend its time collecting that. */
function compile(folder: string): string {
  const outfile = join(folder, 'heap.js')
  buildSync({
    entryPoints: [join(ROOT, 'spec/support/heap.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: ['protobufjs', 'ws'],
    logLevel: 'error',
  })
  return outfile
}

// Bodies are measured in a process of their own, where nothing else lives. With QBP_SHOW_MEMORY=1 the table is printed.
describe('a body of 1 MiB', () => {
  let costs: Cost[] = []

  before(function () {
    this.timeout(120_000)
    // Beside node_modules, where protobufjs is found.
    const cache = join(ROOT, 'node_modules/.cache')
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, 'qbp-memory-'))
    try {
      const args = ['--expose-gc', compile(folder), '--measure']
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
