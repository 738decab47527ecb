import { expect } from 'chai'
import { CallTable } from '../../lib/calls/call-table.ts'

describe('a table of calls', () => {
  it('finds, counts and goes through its calls as a Map would, whatever comes and goes', () => {
    const table = new CallTable<{ readonly id: number }>()
    const map = new Map<number, { readonly id: number }>()
    let seed = 1
    const random = (most: number) => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % most
    }
    for (let n = 0; n < 5_000; n++) {
      const call = { id: n }
      if (random(2) === 0 || map.size === 0) {
        table.add(call)
        map.set(n, call)
      } else {
        const gone = [...map.values()][random(map.size)] as { readonly id: number }
        table.delete(gone)
        table.delete(gone)
        map.delete(gone.id)
      }
      const id = random(n + 1)
      expect([table.size, table.has(id), table.get(id)]).to.deep.equal([map.size, map.has(id), map.get(id)])
      if (n % 50 === 0) expect([...table]).to.deep.equal([...map.values()])
    }
  })
})
