import { expect } from 'chai'
import { decodeName, encodeFileName, encodeName } from '../../lib/bus/name.ts'

describe('names on a bus', () => {
  const vectors = {
    lobby: 'lobby',
    'room-7': 'room-7',
    Room: '_52oom',
    '>': '_3e',
    '*': '_2a',
    'a.b': 'a_2eb',
    ' ': '_20',
    _: '_5f',
    '\0\r\n': '_00_0d_0a',
    é: '_c3_a9',
    '🙂': '_f0_9f_99_82',
  }

  for (const [name, token] of Object.entries(vectors)) {
    it(`writes ${JSON.stringify(name)} as ${token}, and back`, () => {
      expect(encodeName(name)).to.equal(token)
      expect(decodeName(token)).to.equal(name)
    })
  }

  it('uses nothing that means something to NATS or to a file system, for any character', () => {
    for (let code = 1; code < 0x3000; code++) {
      const name = String.fromCodePoint(code)
      expect(encodeName(name)).to.match(/^[a-z0-9_-]+$/)
      expect(decodeName(encodeName(name))).to.equal(name)
    }
  })

  it('shortens what is too long for a file name, and keeps it apart from every other name', () => {
    const [a, b] = [`${'x'.repeat(511)}a`, `${'x'.repeat(511)}b`]
    expect(encodeFileName('x'.repeat(160))).to.equal('x'.repeat(160))
    for (const name of [a, b]) expect(encodeFileName(name)).to.match(/^__[0-9a-f]{64}$/)
    expect(encodeFileName(a)).not.to.equal(encodeFileName(b))
    expect(encodeName('__')).to.equal('_5f_5f')
  })
})
