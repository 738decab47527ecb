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

describe('the numbers of a link', () => {
  const over = (fields: string) => Protocol.from(chat, { header: `length:varint type:u8 ${fields}`, types })
  const run = async (link: Link<never, never>, answers: (n: number) => boolean) => {
    let heard = 0
    for await (const message of link) {
      heard++
      if (answers(heard)) await link.answer(message as never, { $name: 'Said', text: `${heard}` } as never)
    }
  }
  const ends = (fields: string, options: object) => {
    const { client, server, wire } = connectionPair(over(fields))
    const [there, here] = [client, server].map(
      (each) => new Link(each as never, { answers: ['Said'], ...options } as never),
    )
    return { client, server, wire, there: there as Link<never, never>, here: here as Link<never, never> }
  }
  const ask = (link: Link<never, never>) => link.request({ $name: 'Say', text: 'x' } as never)

  it('go as far as their field holds, of whatever kind it is, and round again', async () => {
    for (const [fields, most] of [
      ['seq:u8', 255],
      ['[seq:4 rest:4]:u8', 15],
      ['seq:u64', 0],
      ['seq:u16 ack:u8', 255],
    ] as const) {
      const numbers: unknown[] = []
      const { client, server, there, here } = ends(fields, fields.includes('ack') ? { ack: 'ack', answers: [] } : {})
      void run(there, () => false)
      void (async () => {
        for await (const message of here) {
          numbers.push((message as { $header: { seq: unknown } }).$header.seq)
          await here.answer(message as never, { $name: 'Said', text: '' } as never)
        }
      })()
      for (let n = 0; n < 2 * most + 10; n++) await ask(there)
      const expected = Array.from({ length: 2 * most + 10 }, (_, n) => (most === 0 ? BigInt(n + 1) : (n % most) + 1))
      expect(numbers, fields).to.deep.equal(expected)
      client.destroy()
      server.destroy()
    }
  })

  it('are known again when they come twice, however many wait', async () => {
    const { client, server, wire, there, here } = ends('seq:u32', { timeoutMs: 20, tries: 100 })
    let heard = 0
    void run(there, () => false)
    void run(here, (n) => {
      heard = n
      return true
    })
    wire.back.pause()
    const asked = Array.from({ length: 256 }, () => ask(there))
    while (heard < asked.length) await setTimeout(5)
    expect(await rejection(ask(there))).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
    await setTimeout(60) // All are sent again.
    wire.back.resume()
    await Promise.all(asked)
    expect(heard).to.equal(asked.length)
    client.destroy()
    server.destroy()
  })

  it('are those of fields that the header has', () => {
    const { client, server } = connectionPair(over('seq:u8'))
    for (const options of [{ seq: 'sequence', answers: ['Said'] }, { ack: 'ack' }])
      expect(() => new Link(client, options as never))
        .to.throw('no field')
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    client.destroy()
    server.destroy()
  })
})

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
