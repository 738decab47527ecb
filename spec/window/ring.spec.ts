import { expect } from 'chai'
import { Ring } from '../../lib/window/ring.ts'

const ring = (maxItems: number, maxBytes: number) => new Ring<string>(maxItems, maxBytes, (item) => item.length)
const all = (from: Ring<string>): (string | undefined)[] =>
  Array.from({ length: from.size }, (_, i) => from.get(from.first + i))

describe('a ring', () => {
  it('keeps the newest, by count', () => {
    const items = ring(3, 1000)
    for (const item of ['a', 'b', 'c', 'd', 'e']) items.push(item)
    expect(all(items)).to.deep.equal(['c', 'd', 'e'])
    expect([items.first, items.end, items.bytes]).to.deep.equal([2, 5, 3])
    expect(items.get(1)).to.equal(undefined)
    expect(items.get(5)).to.equal(undefined)
  })

  it('keeps the newest, by bytes, and one whatever its size', () => {
    const items = ring(100, 10)
    for (const item of ['aaaa', 'bbbb', 'cccc']) items.push(item)
    expect(all(items)).to.deep.equal(['bbbb', 'cccc'])
    items.push('d'.repeat(50))
    expect(all(items)).to.deep.equal(['d'.repeat(50)])
    items.push('e')
    expect(all(items)).to.deep.equal(['e'])
    expect(items.bytes).to.equal(1)
  })

  it('gives a snapshot that stands still', () => {
    const items = ring(3, 1000)
    for (const item of ['a', 'b', 'c', 'd']) items.push(item)
    const then = items.snapshot()
    items.push('e')
    items.clear()
    expect(all(then)).to.deep.equal(['b', 'c', 'd'])
    expect([items.size, items.first, items.bytes]).to.deep.equal([0, 5, 0])
  })
})
