import { expect } from 'chai'
import { callEach } from '../../lib/base/call-each.ts'
import { onAbort } from '../../lib/base/on-abort.ts'
import { allUncaught } from '../support/uncaught.ts'

describe('one that throws', () => {
  it('keeps no other that waits for a signal from hearing of it, and all that was thrown is heard of', async () => {
    const abort = new AbortController()
    const called: string[] = []
    const errors = ['a', 'b', 'c'].map((name) => new Error(name))
    for (const error of errors)
      onAbort(abort.signal, () => {
        called.push(error.message)
        if (error.message !== 'b') throw error
      })
    expect(await allUncaught(2, () => abort.abort())).to.deep.equal([errors[0], errors[2]])
    expect(called).to.deep.equal(['a', 'b', 'c'])
  })

  it('keeps no other that is called from its call, one that takes itself or others back included', () => {
    const [called, thrown]: [string[], unknown[]] = [[], []]
    const acts = new Set<() => void>()
    for (const name of ['a', 'b', 'c'])
      acts.add(() => {
        called.push(name)
        acts.clear()
        throw name
      })
    callEach(acts, (error) => thrown.push(error))
    expect([called, thrown]).to.deep.equal([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })
})
