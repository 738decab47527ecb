import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import type { Handler } from '../../lib/index.ts'
import { type protocol, vectors } from '../support/chat.ts'
import { rejection } from '../support/rejection.ts'
import { settled } from '../support/settled.ts'
import { transports } from '../support/transports.ts'

type P = typeof protocol
const echo: Handler<P> = async (reader, writer) => {
  for await (const message of reader) await writer.writeMessage(message)
}
/** An end by a WebSocket closes both ways: there is no half-close. */
const HALF_CLOSES = (name: string) => name !== 'a WebSocket stream'

for (const [name, open] of Object.entries(transports)) {
  describe(
    `over ${name}`,
    settled(() => {
      it('a conversation arrives equal and in order, and both ends are clean', async () => {
        let outcome: Promise<Error | null> | undefined
        await using link = await open({}, (reader, writer, connection) => {
          outcome = connection.closed
          return echo(reader, writer, connection)
        })
        const client = await link.connect()
        for (let round = 0; round < 20; round++) {
          for (const { message } of vectors) await client.writer.writeMessage(message)
          for (const { message } of vectors) expect(await client.reader.readMessage()).to.deep.include(message)
        }
        expect(await client.close()).to.equal(null)
        expect(await outcome).to.equal(null)
        expect(client.stats()).to.include({ messagesIn: 100, messagesOut: 100, queuedBytes: 0 })
      })

      if (HALF_CLOSES(name)) {
        it('a client may end its side and still read the replies', async () => {
          await using link = await open({}, async (reader, writer) => {
            let count = 0
            for await (const _ of reader) count++
            await setTimeout(5)
            for (let n = 0; n < count; n++) await writer.writeMessage({ $name: 'Say', text: 'x'.repeat(1_000) })
          })
          const client = await link.connect()
          for (let n = 0; n < 500; n++) await client.writer.writeMessage({ $name: 'Leave' })
          client.writer.end()
          let replies = 0
          for await (const _ of client.reader) replies++
          expect(replies).to.equal(500)
          expect(await client.close()).to.equal(null)
        })
      }

      it("the handler's return sends what it wrote, and then ends", async () => {
        await using link = await open({}, async (_, writer) => {
          for (let n = 0; n < 300; n++) writer.write({ $name: 'Say', text: 'x'.repeat(1_000) })
        })
        const client = await link.connect()
        // What the handler never reads must not turn the end into a reset.
        for (let n = 0; n < 50; n++) client.writer.write({ $name: 'Say', text: 'y'.repeat(1_000) })
        let count = 0
        for await (const _ of client.reader) count++
        expect(count).to.equal(300)
        expect(await client.close()).to.equal(null)
      })

      it("the handler's throw aborts that connection, and is reported by clientError alone", async () => {
        await using link = await open({}, async (reader, writer) => {
          for await (const message of reader) {
            if (message.$name === 'Leave') throw new Error('left')
            await writer.writeMessage(message)
          }
        })
        const reported: unknown[] = []
        link.server.on('clientError', (error, connection) =>
          reported.push(error.message, link.server.connections.has(connection as never)),
        )
        const [good, bad] = [await link.connect(), await link.connect()]
        await bad.writer.writeMessage({ $name: 'Leave' })
        const seen = await bad.reader.readMessage().catch((error) => error)
        if (['TCP', 'an in-memory pair'].includes(name)) expect(seen).to.have.property('code', 'ECONNRESET')
        await bad.close()
        expect(reported).to.deep.equal(['left', true])
        await good.writer.writeMessage({ $name: 'Say', text: 'still here' })
        expect(await good.reader.readMessage()).to.include({ text: 'still here' })
        expect(await good.close()).to.equal(null)
      })

      it('a message that is cut is ERR_QBP_TRUNCATED on the other side', async () => {
        let fault: Promise<{ code?: string }> | undefined
        let outcome: Promise<Error | null> | undefined
        await using link = await open({}, (reader, _, connection) => {
          outcome = connection.closed
          fault = rejection(reader.readMessage())
          return fault
        })
        const client = await link.connect()
        client.socket.end(Buffer.from([0, 3, 0, 0, 0]))
        await client.closed
        expect((await fault)?.code).to.equal('ERR_QBP_TRUNCATED')
        expect(await outcome).to.have.property('code', 'ERR_QBP_TRUNCATED')
      })

      it('the server closes while clients idle, and counts on none of them', async () => {
        await using link = await open({ lingerMs: 60_000 }, echo)
        const clients = await Promise.all([link.connect(), link.connect(), link.connect()])
        await clients[0]?.writer.writeMessage({ $name: 'Leave' })
        await clients[0]?.reader.readMessage()
        const ends = clients.map(({ reader }) => reader.readMessage())
        await link.server.close()
        expect(await Promise.all(ends)).to.deep.equal([null, null, null])
        expect(link.server.connections.size).to.equal(0)
        await Promise.all(clients.map((client) => client.close()))
      })

      it('a write to a peer that is gone harms nobody', async () => {
        await using link = await open({}, async (reader, writer, connection) => {
          await reader.readMessage().catch(() => {})
          connection.socket.on('close', () => writer.write({ $name: 'Leave' }))
          for (let n = 0; n < 20; n++) {
            writer.write({ $name: 'Leave' })
            void writer.writeMessage({ $name: 'Say', text: 'x'.repeat(100_000) }).catch(() => {})
            await setTimeout(1)
          }
        })
        link.server.on('clientError', () => {})
        const client = await link.connect()
        client.destroy()
        client.writer.write({ $name: 'Leave' })
        expect(await rejection(client.writer.writeMessage({ $name: 'Leave' }))).to.have.property(
          'code',
          'ERR_QBP_CLOSED',
        )
        expect(await client.closed).to.equal(null)
        client.writer.end()
      })
    }),
  )
}
