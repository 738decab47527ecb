import { expect } from 'chai'
import { Backoff } from '../../lib/base/backoff.ts'
import { QbpError } from '../../lib/base/errors.ts'

/** The waits of a Backoff at their greatest. */
function longest(backoff: Backoff, lasted: readonly number[]): number[] {
  const { random } = Math
  Math.random = () => 1
  try {
    return lasted.map((ms) => backoff.nextMs(ms))
  } finally {
    Math.random = random
  }
}

describe('a Backoff', () => {
  it('doubles its waits up to the longest', () => {
    expect(longest(new Backoff({ minDelayMs: 10, maxDelayMs: 50 }), [0, 0, 0, 0, 0])).to.deep.equal([
      10, 20, 40, 50, 50,
    ])
  })

  it('begins anew once a success has lasted as long as the next wait, and not by a shorter one', () => {
    expect(longest(new Backoff({ minDelayMs: 10 }), [0, 0, 39, 80, 0])).to.deep.equal([10, 20, 40, 10, 20])
  })

  it('waits a random part of each', () => {
    const backoff = new Backoff({ minDelayMs: 8, maxDelayMs: 8 })
    const waits = Array.from({ length: 100 }, () => backoff.nextMs(0))
    expect(Math.min(...waits)).to.be.within(0, 8)
    expect(Math.max(...waits)).to.be.within(0, 8)
    expect(new Set(waits).size).to.be.greaterThan(1)
  })

  it('throws the error of the last attempt, which a success puts off', () => {
    const fault = new Error('nobody listens')
    const backoff = new Backoff({ maxAttempts: 2 })
    backoff.failed(fault)
    backoff.succeeded()
    backoff.failed(fault)
    expect(backoff.failures).to.equal(1)
    expect(() => backoff.failed(fault)).to.throw(fault)
  })

  it('throws the error of a wrong option at once', () => {
    const fault = new QbpError('ERR_QBP_BAD_OPTION', 'the port is 70,000')
    expect(() => new Backoff({}).failed(fault)).to.throw(fault)
  })

  it('refuses a shortest wait over the longest', () => {
    expect(() => new Backoff({ minDelayMs: 9, maxDelayMs: 8 })).to.throw('minDelayMs is 9, more than maxDelayMs, 8.')
  })
})
