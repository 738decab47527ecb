import { expect } from 'chai'
import {
  decodePosition,
  encodePosition,
  formatPosition,
  isMarked,
  parsePosition,
  samePosition,
} from '../../lib/bus/position.ts'

describe('a position as text', () => {
  it('is read back equal', () => {
    for (const offset of [0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
      const position = { epoch: '20261123-a_B', offset }
      expect(formatPosition(position)).to.equal(`20261123-a_B.${offset}`)
      expect(samePosition(parsePosition(formatPosition(position)), position)).to.equal(true)
      const marked = { ...position, mark: 'a_B-9' }
      expect(formatPosition(marked)).to.equal(`20261123-a_B.${offset}-a_B-9`)
      expect(parsePosition(formatPosition(marked))).to.deep.equal(marked)
      expect(samePosition(marked, position)).to.equal(false)
    }
  })

  it('refuses any other text', () => {
    const texts = [
      '',
      '.',
      'a',
      'a.',
      '.1',
      'a.-1',
      'a.01',
      'a.1.2',
      'a.>',
      'a b.1',
      'a.1 ',
      'a.1-',
      'a.1-.',
      `a.1-${'x'.repeat(41)}`,
      'a.9223372036854775808',
      `${'a'.repeat(65)}.1`,
    ]
    for (const text of [...texts, undefined as never, null as never, 7 as never, {} as never])
      expect(() => parsePosition(text), text)
        .to.throw()
        .with.property('code', 'ERR_QBP_INVALID_BODY')
  })
})

describe('a position as bytes', () => {
  const mark = 'a_B-9cDeFgHiJkLm1x'

  it('takes 10 at most, up to 2^48 frames, and is known again by epoch and mark', () => {
    for (const offset of [0n, 1n, 255n, 256n, 1024n * 1_000_000n, 2n ** 48n - 1n]) {
      const position = { epoch: '20261123170102123456789', offset, mark }
      const bytes = encodePosition(position)
      expect(bytes.length).to.be.at.most(10)
      const read = decodePosition(bytes)
      expect(read.offset).to.equal(offset)
      expect(isMarked(read, position.epoch, mark)).to.equal(true)
      for (const other of [`${mark}1`, 'a_B-9cDeFgHiJkLm1y', '']) {
        expect(isMarked(read, position.epoch, other)).to.equal(false)
      }
      expect(Buffer.from(encodePosition(read))).to.deep.equal(Buffer.from(bytes))
      expect(parsePosition(formatPosition(read))).to.deep.equal(read)
    }
  })

  it('stands as its check, which begins with a 0 bit, and its offset without zeros in front', () => {
    const bytes = Buffer.from(encodePosition({ epoch: 'e', offset: 0x12345n, mark }))
    expect(bytes.toString('hex', 4)).to.equal('012345')
    expect((bytes[0] as number) & 0x80).to.equal(0)
  })

  it('has all of its text where it names no frame', () => {
    for (const position of [
      { epoch: 'e', offset: 7n },
      { epoch: '20261123170102123456789', offset: 7n, mark: '-lx0abc12' },
    ]) {
      expect(decodePosition(encodePosition(position))).to.deep.equal(position)
    }
  })

  it('refuses any other bytes', () => {
    const wrong = [
      '',
      '000000',
      '00'.repeat(13),
      '80'.repeat(9),
      '00000000ffffffffffffffff',
      'ff',
      'ff61',
      `ff${'61'.repeat(500)}`,
    ]
    for (const hex of wrong)
      expect(() => decodePosition(Buffer.from(hex, 'hex')), hex)
        .to.throw()
        .with.property('code', 'ERR_QBP_INVALID_BODY')
    for (const other of [undefined, null, 'e.1', 7, {}])
      expect(() => decodePosition(other as never))
        .to.throw()
        .with.property('code', 'ERR_QBP_INVALID_BODY')
  })
})
