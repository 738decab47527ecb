import { once } from 'node:events'
import { expect } from 'chai'
import { createServer, Group, Protocol, QbpConnection, type ServerConnection } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'

const protocol = Protocol.from(chat)

/** A server, and connections to it. */
function serving() {
  const server = createServer(protocol, async (reader) => {
    for await (const _ of reader);
  })
  const attached = (): [own: ServerConnection<typeof protocol>, peer: QbpConnection<typeof protocol>] => {
    const [own, other] = duplexPair()
    const peer = new QbpConnection(protocol, other, { role: 'client' })
    peer.reader.resume()
    return [server.attach(own) as unknown as ServerConnection<typeof protocol>, peer]
  }
  return { server, attached }
}

describe('the name of a connection', () => {
  it('finds it, until it has closed', async () => {
    const { server, attached } = serving()
    const [[ann, peer], [ben]] = [attached(), attached()]
    expect(server.named('ann')).to.equal(undefined)
    expect(server.name(ann, 'ann')).to.equal(undefined)
    expect(server.name(ben, 5)).to.equal(undefined)
    expect([server.named('ann'), server.named(5), server.named('5')]).to.deep.equal([ann, ben, undefined])
    await peer.close()
    await ann.closed
    expect(server.named('ann')).to.equal(undefined)
    expect(server.named(5)).to.equal(ben)
    await server.close({ graceMs: 10 })
    expect(server.named(5)).to.equal(undefined)
  })

  it('goes to the last that takes it, which the one before does not take along', async () => {
    const { server, attached } = serving()
    const [[old], [now]] = [attached(), attached()]
    server.name(old, 'd1')
    expect(server.name(now, 'd1')).to.equal(old)
    expect(server.name(now, 'd1')).to.equal(undefined)
    old.destroy()
    await old.closed
    expect(server.named('d1')).to.equal(now)
    await server.close({ graceMs: 10 })
  })

  it('is one for each, and none for one that has closed', async () => {
    const { server, attached } = serving()
    const [[one], [two]] = [attached(), attached()]
    server.name(one, 'a')
    server.name(one, 'b')
    expect([server.named('a'), server.named('b')]).to.deep.equal([undefined, one])
    two.destroy()
    await two.closed
    expect(server.name(two, 'b')).to.equal(one)
    expect(server.name(two, 'c')).to.equal(undefined)
    expect([server.named('b'), server.named('c')]).to.deep.equal([one, undefined])
    await server.close({ graceMs: 10 })
  })

  it('stays over goOn', async () => {
    const { server, attached } = serving()
    const [own, peer] = attached()
    const other = createServer(protocol, async (_, __, connection) => {
      other.name(connection, 'x')
      const next = await connection.goOn(protocol)
      expect(other.named('x')).to.equal(connection)
      await next.writer.writeMessage({ $name: 'Say', text: 'on' })
    })
    const [end, far] = duplexPair()
    const client = new QbpConnection(protocol, far, { role: 'client' })
    other.attach(end)
    const [message] = await once(client.reader, 'data')
    expect(message.text).to.equal('on')
    await client.close()
    await other.close({ graceMs: 10 })
    own.destroy()
    peer.destroy()
    await server.close({ graceMs: 10 })
  })
})

describe('the values of a group', () => {
  it('are what its members joined with, in their order', () => {
    const { attached } = serving()
    const [[one], [two]] = [attached(), attached()]
    const group = new Group<typeof protocol, 'server', string>().join(one, 'a').join(two, 'b')
    expect([...group.values()]).to.deep.equal(['a', 'b'])
    group.leave(one)
    expect([...group.values()]).to.deep.equal(['b'])
    for (const each of [one, two]) each.destroy()
  })
})
