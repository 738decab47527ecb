import { expect } from 'chai'
import { FieldPairs } from '../../lib/window/field-pairs.ts'

const frame = (at: number, direction: 'client' | 'server', message: object, connection = 1) =>
  ({ at, connection, direction, kind: 'frame', message }) as const

describe('pairs by a field', () => {
  it('are a request and the first answer with its value, whichever side asks', () => {
    const pairs = new FieldPairs('id')
    const seen = [
      frame(10, 'client', { id: 7 }),
      frame(11, 'client', { id: 8n }),
      frame(12, 'server', { id: 8n }),
      frame(15, 'server', { id: 7 }),
      frame(16, 'server', { id: 9 }),
      frame(18, 'client', { id: 9 }),
      frame(19, 'server', { id: 7 }),
    ].map((event) => pairs.see(event))
    expect(seen).to.deep.equal([
      { key: '7' },
      { key: '8' },
      { key: '8', ms: 1 },
      { key: '7', ms: 5 },
      { key: '9' },
      { key: '9', ms: 2 },
      { key: '7' },
    ])
  })

  it('are of one connection, and are forgotten with it', () => {
    const pairs = new FieldPairs('id')
    pairs.see(frame(1, 'client', { id: 7 }))
    expect(pairs.see(frame(2, 'server', { id: 7 }, 2))).to.deep.equal({ key: '7' })
    pairs.see({ at: 3, connection: 1, direction: 'client', kind: 'close' })
    expect(pairs.see(frame(4, 'server', { id: 7 }))).to.deep.equal({ key: '7' })
  })

  it('take a field of the header, within others, of text and bytes, by either of its names', () => {
    for (const [path, message, key] of [
      ['$header.id', { $header: { id: 5 } }, '5'],
      ['request.request_id', { request: { requestId: 'a-b' } }, 'a-b'],
      ['token', { token: Buffer.from('beef', 'hex') }, 'beef'],
    ] as const)
      expect(new FieldPairs(path).see(frame(1, 'client', message))).to.deep.equal({ key })
  })

  it('are none without a value: what is not sent is 0, or empty', () => {
    for (const message of [{}, { id: 0 }, { id: 0n }, { id: '' }, { id: null }, { id: {} }, { id: new Uint8Array(0) }])
      expect(new FieldPairs('id').see(frame(1, 'client', message))).to.equal(undefined)
    expect(new FieldPairs('').see(frame(1, 'client', { id: 1 }))).to.equal(undefined)
  })
})
