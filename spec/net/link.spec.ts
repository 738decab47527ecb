import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { Link, type LinkOptions, Protocol } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { rejection } from '../support/rejection.ts'

const types = { Say: 1, Said: 2 } as const
const bySeq = Protocol.from(chat, { header: 'length:varint type:u8 seq:u8', types })
const byAck = Protocol.from(chat, { header: 'length:varint type:u8 seq:u16 ack:u16', types })

const ways: [name: string, protocol: typeof bySeq, numbers: LinkOptions][] = [
  ['numbers in one field, and answers by name', bySeq, { answers: ['Said'], maxNumber: 255 }],
  ['numbers in two fields', byAck as unknown as typeof bySeq, { ack: 'ack' }],
]

for (const [name, protocol, numbers] of ways) {
  /** A link on either end; the server's answers each Say, and notes it. */
  const linked = (options: LinkOptions = {}, of: { deaf?: number } = {}) => {
    const { client, server, wire } = connectionPair(protocol)
    const here = new Link(server, { ...numbers, ...options } as never)
    const there = new Link(client, { ...numbers, timeoutMs: 15, ...options } as never)
    const heard: string[] = []
    void (async () => {
      for await (const message of here) {
        if (message.$name !== 'Say') continue
        heard.push(message.text)
        if (heard.length > (of.deaf ?? 0)) await here.answer(message, { $name: 'Said', text: `${message.text}!` })
      }
    })().catch(() => {})
    void (async () => {
      for await (const message of there) heard.push(`client got ${message.$name}`)
    })().catch(() => {})
    const ask = async (text: string) => {
      const answer = await there.request({ $name: 'Say', text })
      return answer.$name === 'Said' ? answer.text : answer.$name
    }
    return {
      client,
      server,
      wire,
      there,
      heard,
      ask,
      [Symbol.dispose]: () => [client, server].map((each) => each.destroy()),
    }
  }

  describe(`a link with ${name}`, () => {
    it('answers each request, many at a time', async () => {
      using link = linked()
      const texts = Array.from({ length: 100 }, (_, n) => `n${n}`)
      expect(await Promise.all(texts.map(link.ask))).to.deep.equal(texts.map((text) => `${text}!`))
      expect(link.heard).to.deep.equal(texts)
      expect(link.there.pending).to.equal(0)
    })

    it('sends again what was lost, and hands out once what came twice', async () => {
      using link = linked()
      link.wire.there.lose()
      expect(await link.ask('lost on its way')).to.equal('lost on its way!')
      link.wire.back.lose()
      expect(await link.ask('answer lost')).to.equal('answer lost!')
      expect(link.heard).to.deep.equal(['lost on its way', 'answer lost'])
    })

    it('drops an answer that comes twice', async () => {
      using link = linked({ timeoutMs: 10, tries: 20 })
      link.wire.back.pause()
      const answer = link.ask('slow')
      await setTimeout(50)
      link.wire.back.resume()
      expect(await answer).to.equal('slow!')
      await link.ask('next')
      expect(link.heard).to.deep.equal(['slow', 'next'])
    })

    it('gives up after its tries, and fails with the connection', async () => {
      using link = linked({ tries: 2, timeoutMs: 10 })
      link.wire.there.lose(2)
      expect(await rejection(link.ask('x')))
        .to.have.property('message')
        .that.matches(/No answer to Say 1 came after 2 tries of 10 ms/)
      link.wire.pause()
      const fault = rejection(link.ask('y'))
      link.wire.cut()
      expect(await fault).to.have.property('code', 'ECONNRESET')
      expect(link.there.pending).to.equal(0)
    })

    it('goes round with its numbers, past those that wait', async () => {
      using link = linked({ maxNumber: 3, remembered: 1, tries: 50, timeoutMs: 20 })
      for (let n = 0; n < 10; n++) expect(await link.ask(`n${n}`)).to.equal(`n${n}!`)
      link.wire.there.pause()
      const waiting = [link.ask('a'), link.ask('b')]
      expect(await rejection(link.ask('c'))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      link.wire.there.resume()
      expect(await Promise.all(waiting)).to.deep.equal(['a!', 'b!'])
    })

    it('rejects what cannot be sent, and keeps nothing of it', async () => {
      using link = linked()
      const wrong = rejection(link.there.request({ $name: 'Say', text: 5 } as never))
      expect(await wrong).to.have.property('code', 'ERR_QBP_INVALID_MESSAGE')
      expect(link.there.pending).to.equal(0)
    })
  })
}

describe('the options of a link', () => {
  it('need a way to know answers, and are checked', () => {
    const { client, server } = connectionPair(bySeq)
    for (const options of [{}, { answers: [] }, { answers: ['Said'], tries: 0 }, { answers: ['Said'], trys: 1 }])
      expect(() => new Link(client, options as never), JSON.stringify(options))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    client.destroy()
    server.destroy()
  })
})
