import { expect } from 'chai'
import { FEW, type Looker, nextTurn, spent } from '../../lib/streams/fairness.ts'

/** Works for longer than a slice. */
function work(): void {
  for (const until = performance.now() + 2; performance.now() < until; );
}

const looker = (): Looker => ({ lookedAt: Number.NEGATIVE_INFINITY, lookEvery: 0 })
const loopGoesRound = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a turn of the event loop', () => {
  // What other specs have left is over.
  beforeEach(loopGoesRound)

  it('is spent for a reader that has looked at the clock before and used up the slice', () => {
    const reader = looker()
    expect(spent(reader)).to.equal(false)
    work()
    expect(spent(reader)).to.equal(true)
  })

  it('is not spent for one that looks for the first time: it has had a few messages only', () => {
    const [busy, quiet] = [looker(), looker()]
    spent(busy)
    work()
    expect(spent(quiet)).to.equal(false)
    expect(spent(quiet)).to.equal(true)
  })

  it('begins anew when the loop has gone round', async () => {
    const reader = looker()
    spent(reader)
    work()
    expect(spent(reader)).to.equal(true)
    await loopGoesRound()
    expect(spent(reader)).to.equal(false)
  })

  it('is seen to its end only where somebody looks twice before the loop waits again', async () => {
    const immediates = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Immediate').length
    const { idleTime } = performance.nodeTiming
    while (performance.nodeTiming.idleTime === idleTime) await new Promise((resolve) => setTimeout(resolve, 1))
    const before = immediates()
    const reader = looker()
    spent(reader)
    expect(immediates()).to.equal(before)
    spent(reader)
    expect(immediates()).to.equal(before + 1)
  })

  it('leaves a reader more messages before its next look while they hardly take time', async () => {
    const reader = looker()
    spent(reader)
    expect(reader.lookEvery).to.equal(FEW)
    // One of these looks follows the one before within microseconds, unless the machine has other things to do.
    for (let tries = 0; reader.lookEvery === FEW && tries < 10_000; tries++) spent(reader)
    expect(reader.lookEvery).to.be.greaterThan(FEW)
    work()
    spent(reader)
    expect(reader.lookEvery).to.equal(FEW)
    for (let tries = 0; reader.lookEvery === FEW && tries < 10_000; tries++) spent(reader)
    await loopGoesRound()
    spent(reader)
    expect(reader.lookEvery).to.equal(FEW) // What it did in the turn before says nothing of this one.
  })

  it('lets on all that wait, in their order, where they leave time', async () => {
    const order: number[] = []
    const all = new Promise<void>((resolve) => {
      for (let i = 0; i < 40; i++) nextTurn(() => void (order.push(i) === 40 && resolve()))
    })
    expect(order).to.deep.equal([])
    await all
    expect(order).to.deep.equal(Array.from({ length: 40 }, (_, i) => i))
  })

  it('leaves the others to the next where one uses up the slice, also in promises', async () => {
    const order: string[] = []
    const resumed = (name: string) =>
      new Promise<void>((resolve) => {
        nextTurn(async () => {
          order.push(name)
          setImmediate(() => order.push(`round after ${name}`))
          const reader = looker()
          spent(reader)
          await null
          work()
          resolve()
        })
      })
    await Promise.all([resumed('first'), resumed('second')])
    expect(order.slice(0, 3)).to.deep.equal(['first', 'round after first', 'second'])
  })
})
