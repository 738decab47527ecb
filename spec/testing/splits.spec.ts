import { expect } from 'chai'
import { cutAtRandom, everySplit } from '../../lib/testing/splits.ts'

const hex = (chunks: readonly Buffer[]) => chunks.map((chunk) => chunk.toString('hex')).join(' ')

describe('every split', () => {
  it('are whole, byte by byte, and in two at each place', () => {
    const all = [...everySplit(Buffer.from('01020304', 'hex'), { random: 0 })]
    expect(all.map(({ how, chunks }) => `${how}: ${hex(chunks)}`)).to.deep.equal([
      'whole: 01020304',
      'byte by byte: 01 02 03 04',
      'cut after 1 of 4 bytes: 01 020304',
      'cut after 2 of 4 bytes: 0102 0304',
      'cut after 3 of 4 bytes: 010203 04',
    ])
  })

  it('of one byte or none are one', () => {
    expect([...everySplit(Buffer.of(7))]).to.deep.equal([{ how: 'whole', chunks: [Buffer.of(7)] }])
    expect([...everySplit(Buffer.alloc(0))]).to.deep.equal([{ how: 'whole', chunks: [] }])
  })

  it('lose no byte, and have no empty chunk', () => {
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 255))
    for (const { how, chunks } of everySplit(bytes, { random: 50 })) {
      expect(Buffer.concat(chunks).equals(bytes), how).to.equal(true)
      expect(
        chunks.every((chunk) => chunk.length > 0),
        how,
      ).to.equal(true)
    }
  })

  it('at random are the same for the same seed, some fine and some coarse', () => {
    const bytes = Buffer.alloc(1000)
    expect(hex(cutAtRandom(bytes, 3))).to.equal(hex(cutAtRandom(bytes, 3)))
    const counts = Array.from({ length: 50 }, (_, seed) => cutAtRandom(bytes, seed).length)
    expect(Math.min(...counts)).to.be.lessThan(10)
    expect(Math.max(...counts)).to.be.greaterThan(200)
  })

  it('in two are as many as asked for, the first and the last place among them', () => {
    const all = [...everySplit(Buffer.alloc(1001), { random: 0, twoWay: 5 })].slice(2)
    expect(all.map(({ chunks }) => chunks[0]?.length)).to.deep.equal([1, 251, 501, 750, 1000])
  })
})
