import { mock } from 'node:test'
import { expect } from 'chai'
import { now } from '../../lib/event-loop/clock.ts'

describe('the clock', () => {
  afterEach(() => mock.timers.reset())

  it('is that of performance.now()', () => {
    const before = performance.now()
    const time = now()
    expect(time).to.be.within(before, performance.now())
  })

  it('goes on where it is when timers and Date are mocked, and by their ticks alone', () => {
    const before = now()
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const mocked = now()
    expect(mocked).to.be.within(before, performance.now() + 1)
    mock.timers.tick(60_000)
    expect(now() - mocked).to.equal(60_000)
  })

  it('does so each time that they are mocked, from whatever date on', () => {
    for (const date of [0, Date.UTC(2100, 0), 0]) {
      mock.timers.enable({ apis: ['setTimeout', 'Date'], now: date })
      const mocked = now()
      expect(mocked).to.be.within(0, performance.now() + 1)
      mock.timers.tick(1_000)
      expect(now() - mocked).to.equal(1_000)
      mock.timers.reset()
    }
  })

  it('goes on under a Date that stands still, as long as timers go on', () => {
    mock.timers.enable({ apis: ['Date'] })
    const before = performance.now()
    expect(now()).to.be.within(before, performance.now())
  })

  it('is not moved by a mocked Date.now', () => {
    const real = Date.now
    Date.now = () => 0
    try {
      mock.timers.enable({ apis: ['setTimeout'] })
      const before = performance.now()
      expect(now()).to.be.within(before, performance.now())
    } finally {
      Date.now = real
    }
  })
})
