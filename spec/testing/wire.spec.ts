import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { createServer, Protocol } from '../../lib/index.ts'
import { connectionPair, duplexPair, ScriptedPeer } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { feed } from '../../schemas/feed.ts'

const protocol = Protocol.from(chat)
const other = Protocol.from(feed)

describe('the wire of a pair', () => {
  it('loses chunks, one way', async () => {
    const { client, server, wire } = connectionPair(protocol)
    wire.there.lose(2)
    for (const text of ['one', 'two', 'three']) {
      client.writer.write({ $name: 'Say', text })
      await setImmediate()
    }
    expect(await server.reader.readMessage()).to.include({ text: 'three' })
    server.writer.write({ $name: 'Said', text: 'back' })
    expect(await client.reader.readMessage()).to.include({ text: 'back' })
    for (const each of [client, server]) each.destroy()
  })

  it('holds what it carries while it is paused, its end too, and keeps the order', async () => {
    const [left, right, wire] = duplexPair({ latencyMs: 1 })
    let came = ''
    right.setEncoding('utf8').on('data', (text: string) => {
      came += text
    })
    wire.there.pause()
    left.write('a')
    left.end('b')
    for (let n = 0; n < 5; n++) await setImmediate()
    expect(came).to.equal('')
    wire.there.latencyMs = 0
    wire.resume()
    await once(right, 'end')
    expect(came).to.equal('ab')
  })

  it('is cut: both ends are reset at once', async () => {
    const { client, server, wire } = connectionPair(protocol, { latencyMs: 1_000 })
    wire.cut()
    const closed = await Promise.all([client.closed, server.closed])
    expect(closed.map((fault) => (fault as { code?: string }).code)).to.deep.equal(['ECONNRESET', 'ECONNRESET'])
  })
})

describe('a scripted peer', () => {
  it('goes on in another protocol, and stays the same', async () => {
    const server = createServer(protocol, async (reader, _writer, connection) => {
      await reader.readMessage()
      const { writer } = await connection.goOn(other)
      await writer.writeMessage({ $name: 'Quote', symbol: 'A', sequence: 7 })
    })
    const peer = new ScriptedPeer(protocol, 'client')
    server.attach(peer.duplex)
    await peer.send({ $name: 'Say', text: 'go on' })
    const next = await peer.goOn(other)
    expect(next).to.equal(peer)
    const quote = await next.expect({ $name: 'Quote', sequence: 7 })
    expect(quote.symbol satisfies string).to.equal('A')
    await next.expectEnd()
    await next.end()
    await server.close()
  })

  it('speaks over any duplex, and over a port', async () => {
    const server = createServer(protocol, async (_reader, writer) => {
      await writer.writeMessage({ $name: 'Said', text: 'hi' })
    })
    const [own, peerSide] = duplexPair()
    server.attach(own)
    const over = new ScriptedPeer(protocol, 'client', { over: peerSide })
    await over.expect({ $name: 'Said', text: 'hi' })
    expect([over.duplex, over.wire]).to.deep.equal([peerSide, null])
    await over.end()

    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const client = await ScriptedPeer.connect(protocol, { port, timeoutMs: 1_000 })
    await client.expect({ $name: 'Said' })
    client.sendBytes('0003 00000000')
    await client.expectEnd()
    await client.end()
    await server.close()
  })
})
