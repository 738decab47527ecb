import { expect } from 'chai'
import { Starvation } from './starvation.ts'

describe('starvation', () => {
  it('is time that the loop came late and the process had not worked', () => {
    const starvation = new Starvation()
    starvation.tick(1000, 1000, 50)
    expect(starvation.total).to.equal(850)
    expect(starvation.longest).to.equal(850)
  })

  it('is not what a loop that blocks itself takes', () => {
    const starvation = new Starvation()
    starvation.tick(1000, 1000, 990)
    starvation.tick(1100, 100, 5)
    expect(starvation.total).to.equal(0)
  })

  it('is told of the time that a time-out has waited', () => {
    const starvation = new Starvation()
    starvation.tick(5_000, 5_000, 0)
    for (let at = 5_100; at <= 15_000; at += 100) starvation.tick(at, 100, 20)
    expect(starvation.within(9_900)).to.equal(0)
    expect(starvation.within(15_000)).to.equal(4_900)
  })
})
