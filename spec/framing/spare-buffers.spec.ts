import { expect } from 'chai'
import { SpareBuffers } from '../../lib/framing/spare-buffers.ts'

describe('spare buffers', () => {
  it('are lent again where they are large enough and not much larger, the last first', () => {
    const spares = new SpareBuffers()
    const [small, large] = [spares.lend(200_000), spares.lend(290_000)]
    spares.giveBack(small)
    spares.giveBack(large)
    expect(spares.lend(400_000)).to.not.be.oneOf([small, large])
    expect(spares.lend(150_000)).to.equal(small)
    expect(spares.lend(200_000)).to.equal(large)
  })

  it('are lent to one at a time', () => {
    const spares = new SpareBuffers()
    const buffer = spares.lend(310_000)
    spares.giveBack(buffer)
    const [one, two] = [spares.lend(310_000), spares.lend(310_000)]
    expect(one).to.equal(buffer)
    expect(two).to.not.equal(buffer)
  })

  it('are sixteen and 64 MiB at most', () => {
    const spares = new SpareBuffers()
    const buffers = Array.from({ length: 20 }, () => spares.lend(320_000))
    for (const buffer of buffers) spares.giveBack(buffer)
    const again = new Set(Array.from({ length: 20 }, () => spares.lend(320_000)))
    expect(buffers.filter((buffer) => again.has(buffer))).to.deep.equal(buffers.slice(4))
    const huge = spares.lend(2 ** 26 + 1)
    spares.giveBack(huge)
    expect(spares.lend(2 ** 26 + 1)).to.not.equal(huge)
  })
})
