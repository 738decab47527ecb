import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Entry } from '../../lib/framing/table.ts'
import { Tally, UNLISTED } from '../../lib/framing/traffic.ts'
import { connect, createServer, Group, Protocol, QbpConnection } from '../../lib/index.ts'
import { Faults } from '../../lib/stats/counts.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { hex, protocol } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { turnedAway } from '../support/turned-away.ts'

const say = { $name: 'Say', room: 'hall', text: 'hi' } as const // 16 bytes with its header
const leave = { $name: 'Leave' } as const // 6 bytes

describe(
  "a connection's stats()",
  settled(() => {
    it('count messages and bytes each way, and by name', async () => {
      const { client, server } = connectionPair(protocol)
      client.writer.write(say)
      client.writer.write(leave)
      client.writer.write(say)
      const read = await server.reader.readMessages()
      expect(read).to.have.length(3)
      const traffic = { Leave: { messages: 1, bytes: 6 }, Say: { messages: 2, bytes: 32 } }
      expect(client.stats()).to.deep.include({ messagesOut: 3, bytesOut: 38, messagesIn: 0, bytesIn: 0 })
      expect(client.stats().byName).to.deep.equal({ in: {}, out: traffic })
      expect(server.stats()).to.deep.include({ messagesIn: 3, bytesIn: 38, messagesOut: 0, bytesOut: 0 })
      expect(server.stats().byName).to.deep.equal({ in: traffic, out: {} })
      await Promise.all([client.close(), server.close()])
      expect(server.stats().byName).to.deep.equal({ in: traffic, out: {} })
    })

    it('count a message when it is handed out, at once', async () => {
      const { client, server } = connectionPair(protocol)
      client.writer.write(say)
      client.writer.write(leave)
      await server.reader.readMessage()
      expect(server.stats()).to.deep.include({ messagesIn: 1, bytesIn: 16 })
      await server.reader.readMessage()
      expect(server.stats()).to.deep.include({ messagesIn: 2, bytesIn: 22 })
      await Promise.all([client.close(), server.close()])
    })

    it('are a copy', async () => {
      const { client, server } = connectionPair(protocol)
      client.writer.write(say)
      const { byName } = client.stats()
      client.writer.write(say)
      expect(byName.out).to.deep.equal({ Say: { messages: 1, bytes: 16 } })
      await Promise.all([client.close(), server.close()])
    })

    it('count what was skipped, and frames of unlisted types under a name of their own', async () => {
      const lenient = Protocol.from(chat, { types: { Say: 3 }, unknown: 'skip', invalid: 'skip' })
      const [own, other] = duplexPair()
      const connection = new QbpConnection(lenient, own, { role: 'server' })
      other.write(hex('0009 00000001 00  0003 00000001 ff  0003 00000000  0009 00000000'))
      await connection.reader.readMessage()
      other.end()
      expect(await connection.reader.readMessage()).to.equal(null)
      const { messagesIn, byName, skipped } = connection.stats()
      expect(messagesIn).to.equal(4)
      expect(skipped).to.deep.equal({ unknown: 2, invalid: 1, slow: 0 })
      expect(byName.in).to.deep.equal({ '(unlisted)': { messages: 2, bytes: 13 }, Say: { messages: 2, bytes: 13 } })
      other.resume()
      await connection.close()
    })

    it('count raw messages, those of unlisted types too', async () => {
      const { client, server } = connectionPair(Protocol.from(chat, { types: { Say: 3 }, unknown: 'raw' }))
      client.writer.write({ $name: null, type: 9, body: hex('0102') })
      await server.reader.readMessage()
      const traffic = { [UNLISTED]: { messages: 1, bytes: 8 } }
      expect(client.stats().byName.out).to.deep.equal(traffic)
      expect(server.stats().byName.in).to.deep.equal(traffic)
      expect(server.stats().skipped).to.deep.equal({ unknown: 0, invalid: 0, slow: 0 })
      await Promise.all([client.close(), server.close()])
    })

    it('count messages that were refused on write, and nothing of them as written', async () => {
      const { client, server } = connectionPair(protocol, { maxQueuedBytes: 40, slow: 'throw' })
      expect(() => client.writer.write({ $name: 'Say', text: 5 } as never)).to.throw()
      await rejection(client.writer.writeMessage({ $name: 'None' } as never))
      client.writer.cork()
      client.writer.write(say)
      client.writer.write(say)
      expect(() => client.writer.write(say)).to.throw()
      client.writer.uncork()
      expect(client.stats()).to.deep.include({
        messagesOut: 2,
        faults: { ERR_QBP_INVALID_MESSAGE: 2, ERR_QBP_QUEUE_FULL: 1 },
      })
      await Promise.all([client.close(), server.close()])
    })

    it('count the fault that ended the connection, once', async () => {
      const [own, other] = duplexPair()
      const connection = new QbpConnection(protocol, own)
      other.resume()
      other.end(hex('0003 0000'))
      await rejection(connection.reader.readMessage())
      await connection.close()
      expect(connection.stats().faults).to.deep.equal({ ERR_QBP_TRUNCATED: 1 })
    })

    it("count a group's messages by name", async () => {
      const { client, server } = connectionPair(protocol)
      const group = new Group().join(server.writer as never)
      group.broadcast(say)
      await client.reader.readMessage()
      expect(server.stats().byName.out).to.deep.equal({ Say: { messages: 1, bytes: 16 } })
      await Promise.all([client.close(), server.close()])
    })
  }),
)

describe(
  "a server's stats()",
  settled(() => {
    it('sum up its connections, the closed ones included, and its faults', async () => {
      const server = createServer(protocol, { maxConnections: 2 }, async (reader, writer) => {
        for await (const message of reader) {
          if (message.$name === 'Leave') throw new TypeError('a fault of the handler')
          await writer.writeMessage(message)
        }
      })
      server.on('clientError', () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const [first, second] = await Promise.all([connect(protocol, { port }), connect(protocol, { port })])
      await turnedAway(port)
      for (const { reader, writer } of [first, second]) {
        await writer.writeMessage(say)
        await reader.readMessage()
      }
      await first.writer.writeMessage(leave)
      await first.closed
      await second.close()
      await server.close()
      const traffic = { messages: 2, bytes: 32 }
      expect(server.stats()).to.deep.equal({
        messagesIn: 3,
        messagesOut: 2,
        bytesIn: 38,
        bytesOut: 32,
        queuedBytes: 0,
        byName: { in: { Say: traffic, Leave: { messages: 1, bytes: 6 } }, out: { Say: traffic } },
        skipped: { unknown: 0, invalid: 0, slow: 0 },
        faults: { ERR_QBP_TOO_MANY_CONNECTIONS: 1, TypeError: 1 },
        connections: 0,
        accepted: 2,
      })
    })

    it('count a refused message that ends its connection as one fault', async () => {
      const server = createServer(protocol, (_reader, writer) => writer.writeMessage({ $name: 'None' } as never))
      const reported: Error[] = []
      server.on('clientError', (error) => reported.push(error))
      const [own, other] = duplexPair()
      other.on('error', () => {})
      await server.attach(own).closed
      expect(reported).to.have.length(1)
      expect(server.stats().faults).to.deep.equal({ ERR_QBP_INVALID_MESSAGE: 1 })
      await server.close()
    })
  }),
)

describe('a tally', () => {
  it('takes names that objects have of themselves', () => {
    const tally = new Tally()
    for (const name of ['__proto__', 'constructor']) {
      const entry = new Entry(name, 0, 'raw')
      entry.place = name.length
      tally.count(entry, 5)
    }
    expect(Object.entries(tally.byName())).to.deep.equal([
      ['__proto__', { messages: 1, bytes: 5 }],
      ['constructor', { messages: 1, bytes: 5 }],
    ])
  })

  it('counts on past 2**32', () => {
    const tally = new Tally()
    tally.count(undefined, 2 ** 32)
    tally.count(undefined, 7)
    expect(tally.total()).to.deep.equal({ messages: 2, bytes: 2 ** 32 + 7 })
  })

  it('adds another of the same table', () => {
    const entry = new Entry('Say', 1, 'raw')
    entry.place = 3
    const [one, two] = [new Tally(), new Tally()]
    one.count(entry, 1)
    one.add(two)
    two.count(entry, 2)
    two.count(undefined, 4)
    one.add(two)
    expect(one.byName()).to.deep.equal({ '(unlisted)': { messages: 1, bytes: 4 }, Say: { messages: 2, bytes: 3 } })
  })

  it('knows faults by code, by class, or by what was thrown', () => {
    const faults = new Faults()
    for (const fault of [
      Object.assign(new Error(), { code: 'ECONNRESET' }),
      new RangeError(),
      Object.assign(new Error(), { code: 5 }),
      'thrown text',
    ])
      faults.count(fault)
    expect(faults.byCode()).to.deep.equal({ ECONNRESET: 1, RangeError: 1, Error: 1, string: 1 })
  })
})
