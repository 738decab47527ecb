import { expect } from 'chai'
import { giveBack, lend } from '../../lib/framing/spare-buffers.ts'

// No two specs use the same sizes: the spare buffers are the process's.

describe('spare buffers', () => {
  it('are lent again where they are large enough and not much larger, the last first', () => {
    const [small, large] = [lend(200_000), lend(290_000)]
    giveBack(small)
    giveBack(large)
    expect(lend(400_000)).to.not.be.oneOf([small, large])
    expect(lend(150_000)).to.equal(small)
    expect(lend(200_000)).to.equal(large)
  })

  it('are lent to one at a time', () => {
    const buffer = lend(310_000)
    giveBack(buffer)
    const [one, two] = [lend(310_000), lend(310_000)]
    expect(one).to.equal(buffer)
    expect(two).to.not.equal(buffer)
  })

  it('are sixteen and 64 MiB at most', () => {
    const buffers = Array.from({ length: 20 }, () => lend(320_000))
    for (const buffer of buffers) giveBack(buffer)
    const again = new Set(Array.from({ length: 20 }, () => lend(320_000)))
    expect(buffers.filter((buffer) => again.has(buffer))).to.deep.equal(buffers.slice(4))
    const huge = lend(2 ** 26 + 1)
    giveBack(huge)
    expect(lend(2 ** 26 + 1)).to.not.equal(huge)
  })
})
