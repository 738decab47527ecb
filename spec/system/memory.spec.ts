import { expect } from 'chai'
import type { Cost } from '../support/heap.ts'
import { runAlone } from '../support/own-process.ts'

// Bodies are measured in a process of their own, where nothing else lives. With QBP_SHOW_MEMORY=1 the table is printed.
describe('a body of 1 MiB', () => {
  let costs: Cost[] = []

  before(function () {
    this.timeout(120_000)
    costs = runAlone('heap.ts', ['--expose-gc'], ['--measure'])
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
