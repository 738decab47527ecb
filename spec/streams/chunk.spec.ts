import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { expect } from 'chai'
import { QbpConnection, QbpWritable } from '../../lib/index.ts'
import { certificates } from '../support/certificates.ts'
import { protocol } from '../support/chat.ts'

const say = (text: string) => ({ $name: 'Say', room: 'hall', text }) as const

describe("a writer's option chunk", () => {
  it("makes a chunk of a tick's messages, or with 'message' one of each, the same bytes", async () => {
    const chunksOf = async (chunk: 'tick' | 'message') => {
      const writer = new QbpWritable(protocol, { chunk })
      const chunks: Buffer[] = []
      writer.on('data', (bytes: Buffer) => chunks.push(bytes))
      for (const text of ['a', 'b', 'c'.repeat(100_000)]) writer.write(say(text))
      writer.write(protocol.frame(say('d')))
      writer.end()
      await once(writer, 'end')
      return chunks
    }
    const [ticks, messages] = [await chunksOf('tick'), await chunksOf('message')]
    expect(messages).to.have.length(4)
    expect(ticks.length).to.be.lessThan(4)
    expect(Buffer.concat(messages).equals(Buffer.concat(ticks))).to.equal(true)
  })

  it('is one TLS record of a message for a connection, in its callbacks too', async () => {
    const { server: identity, ca } = await certificates()
    const chunks: number[] = []
    const server = createTlsServer(identity, (socket) => {
      socket.on('data', (bytes) => chunks.push(bytes.length))
      socket.on('end', () => socket.end())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const socket = tlsConnect({ port: (server.address() as AddressInfo).port, host: 'localhost', ca })
    await once(socket, 'secureConnect')
    const connection = new QbpConnection(protocol, socket, { chunk: 'message' })
    const { writer } = connection
    const called: number[] = []
    for (let i = 0; i < 20; i++) writer.write(say('x'.repeat(i)), () => called.push(i))
    await writer.writeMessage(say('last'))
    await connection.close()
    server.close()
    const frame = protocol.frame(say('')).bytes.length
    expect(chunks).to.deep.equal([
      ...Array.from({ length: 20 }, (_, i) => (i === 0 ? frame : protocol.frame(say('x'.repeat(i))).bytes.length)),
      protocol.frame(say('last')).bytes.length,
    ])
    expect(called).to.deep.equal(Array.from({ length: 20 }, (_, i) => i))
  })

  it('is refused for other words', () => {
    expect(() => new QbpWritable(protocol, { chunk: 'frame' as never })).to.throw(
      "chunk is 'frame'; it may be 'tick' or 'message'",
    )
  })
})
