import { expect } from 'chai'
import { formatPosition, parsePosition, samePosition } from '../../lib/bus/position.ts'

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
