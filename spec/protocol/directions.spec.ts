import { expect } from 'chai'
import protobuf from 'protobufjs'
import type { ProtocolOptions } from '../../lib/index.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const made = (messages: string, options: ProtocolOptions = {}) =>
  reflectedProtocol(protobuf.parse(`syntax = "proto3"; ${messages}`).root, options)
const namesOf = (protocol: ReturnType<typeof made>) =>
  (['client', 'server'] as const).map((role) => protocol.sent[role].entries.map(({ name, type }) => `${name} ${type}`))

const BOTH = `
  message Ping { option (qbp.type) = 1; }
  message Say  { option (qbp.client) = 2; }
  message Said { option (qbp.server) = 2; }`

describe('the options (qbp.client) and (qbp.server)', () => {
  it('number what one role sends, beside (qbp.type), by default', () => {
    const protocol = made(BOTH)
    expect(namesOf(protocol)).to.deep.equal([
      ['Ping 1', 'Say 2'],
      ['Ping 1', 'Said 2'],
    ])
    expect(protocol.symmetric).to.equal(false)
    expect(namesOf(made(BOTH, { types: '(qbp.type)' }))).to.deep.equal(namesOf(protocol))
    expect(namesOf(made(BOTH, { types: ['(qbp.type)', { Say: 9 }] }))).to.deep.equal([
      ['Ping 1', 'Say 9'],
      ['Ping 1', 'Said 2', 'Say 9'],
    ])
    expect(namesOf(made(BOTH, { types: { client: '(qbp.type)', server: '(qbp.client)' } }))).to.deep.equal([
      ['Ping 1', 'Say 2'],
      ['Say 2'],
    ])
  })

  it('may stand without (qbp.type), and one without the other', () => {
    expect(
      namesOf(made('message A { option (qbp.client) = 1; } message B { option (qbp.server) = 1; }')),
    ).to.deep.equal([['A 1'], ['B 1']])
    expect(namesOf(made('message A { option (qbp.server) = 1; }'))).to.deep.equal([[], ['A 1']])
    expect(namesOf(made('message A { option (qbp.client) = 1; option (qbp.server) = 2; }'))).to.deep.equal([
      ['A 1'],
      ['A 2'],
    ])
  })

  it('change nothing where there are none, or another table is given', () => {
    expect(made('message A { option (qbp.type) = 1; }').symmetric).to.equal(true)
    expect(made(BOTH, { types: { Say: 1, Said: 2 } }).symmetric).to.equal(true)
  })

  it('are refused beside (qbp.type) in one message, and with one number twice in a direction', () => {
    const refusals: [messages: string, text: RegExp][] = [
      ['message A { option (qbp.type) = 1; option (qbp.client) = 2; }', /A has both \(qbp.type\).*leave one/],
      ['message A { option (qbp.type) = 1; } message B { option (qbp.server) = 1; }', /same type number 1/],
      ['message A { }', /option \(qbp\.type\) = 1/],
    ]
    for (const [messages, text] of refusals) expect(() => made(messages), messages).to.throw(text)
  })

  it('may stand in a schema that carries calls', () => {
    const protocol = made('message A { option (qbp.client) = 1; }', { calls: true })
    expect(namesOf(protocol)[0]?.[0]).to.equal('A 1')
  })
})
