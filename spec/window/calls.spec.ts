import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import { describeSource } from '../../lib/protocol/schema/load.ts'
import { language } from '../../lib/window/language.ts'
import { Event, type Hello, Side } from '../../lib/window/messages.ts'
import { Conversation, nameOf } from '../../lib/window/page/conversation.ts'

describe('calls in the page', () => {
  it('are paired: a request and its answer by the method, with status and time', async () => {
    const options = { includeDirs: ['schemas'] }
    const { description, package: home } = await describeSource(['spec/calls/accounts.proto'], options)
    const protocol = await Protocol.load('spec/calls/accounts.proto', { ...options, calls: true })
    const hello = {
      ...{ title: '', header: protocol.header.text, package: home, schema: JSON.stringify(description), calls: '240' },
      client: [{ name: 'News', type: 1, message: 'accounts.News' }],
      server: [{ name: 'News', type: 1, message: 'accounts.News' }],
    }
    const conversation = new Conversation(language.decode('Hello', language.encode('Hello', hello)) as Hello)
    const parts = await Protocol.load('schemas/qbp/calls.proto', { types: { Call: 240, Reply: 241 } })
    const frame = (name: 'Call' | 'Reply', message: object) => {
      const body = parts.encode(name, message)
      const head = Buffer.alloc(6)
      head.writeUInt16BE(name === 'Call' ? 240 : 241)
      head.writeUInt32BE(body.length, 2)
      return Buffer.concat([head, body])
    }
    let index = 0
    const row = (from: Side, at: number, bytes: Uint8Array) =>
      conversation.row({ index: index++, at, connection: 1, from, kind: Event.Kind.FRAME, bytes } as Event)
    const request = protocol.encode('OpenRequest', { name: 'ann' })
    const answer = protocol.encode('Account', { id: 7n })
    const asked = row(Side.CLIENT, 1000, frame('Call', { id: 1, method: 'accounts.Accounts/Open', body: request }))
    const told = row(Side.SERVER, 1012, frame('Reply', { id: 1, body: answer }))
    const pushed = row(Side.SERVER, 1013, Buffer.from('00010000000208' + '05', 'hex'))
    expect([asked, told, pushed].map(nameOf)).to.deep.equal(['Accounts/Open', 'Accounts/Open', 'News'])
    expect(asked.call).to.deep.equal({ id: 1, method: 'accounts.Accounts/Open', message: { name: 'ann' } })
    expect(told.call).to.deep.equal({ ...asked.call, message: { id: '7' }, status: 'OK', ms: 12 })
    expect(pushed.call).to.equal(undefined)
  })
})
