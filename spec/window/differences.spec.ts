import { expect } from 'chai'
import { differences } from '../../lib/window/page/differences.ts'

describe('differences of two messages', () => {
  it('are the places where they differ, with both values', () => {
    const before = { name: 'Said', message: { room: 'a', members: [{ name: 'ann' }, { name: 'bob' }], at: '5' } }
    const after = {
      name: 'Said',
      message: { room: 'b', members: [{ name: 'ann' }, { name: 'bo' }, { name: 'c' }], n: 1 },
    }
    expect(differences(before, after)).to.deep.equal([
      { path: 'message.room', before: 'a', after: 'b' },
      { path: 'message.members[1].name', before: 'bob', after: 'bo' },
      { path: 'message.members[2]', before: undefined, after: { name: 'c' } },
      { path: 'message.at', before: '5', after: undefined },
      { path: 'message.n', before: undefined, after: 1 },
    ])
  })

  it('are none of equal ones, and one of values of other kinds', () => {
    expect(differences({ a: [1, { b: null }] }, { a: [1, { b: null }] })).to.deep.equal([])
    expect(differences({ a: [] }, { a: {} })).to.deep.equal([{ path: 'a', before: [], after: {} }])
    expect(differences(null, { a: 1 })).to.deep.equal([{ path: '', before: null, after: { a: 1 } }])
  })
})
