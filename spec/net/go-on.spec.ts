import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { connect, createServer, Group, Protocol, QbpConnection } from '../../lib/index.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { feed } from '../../schemas/feed.ts'
import { rejection } from '../support/rejection.ts'

const v1 = Protocol.from(chat)
const v2 = Protocol.from(feed, { header: 'length:varint type:u8', types: { Quote: 7, Subscribe: 8 } })

const say = (text: string) => ({ $name: 'Say' as const, room: 'hall', text })
const quote = (sequence: number) => ({ $name: 'Quote' as const, symbol: 'A', sequence })
/** An end, and another, bare. */
function bareEnds() {
  const [own, peer] = duplexPair()
  peer.on('error', () => {}) // A connection that is destroyed resets it.
  return [own, peer] as const
}
const codeOf = async (promise: Promise<unknown>) => ((await rejection(promise)) as { code?: string }).code

describe('goOn', () => {
  it('sends what was written, and reads on after the last message, in another protocol', async () => {
    for (const sliceBytes of [1, 3, 1000]) {
      const { client, server } = connectionPair(v1, { sliceBytes })
      client.writer.write(say('last'))
      const there = await client.goOn(v2)
      for (let n = 0; n < 3; n++) there.writer.write(quote(n))
      expect(await server.reader.readMessage()).to.include({ text: 'last' })
      const here = await server.goOn(v2)
      for (let n = 0; n < 3; n++) expect(await here.reader.readMessage()).to.include({ $name: 'Quote', sequence: n })
      here.writer.write(quote(9))
      expect(await there.reader.readMessage()).to.include({ sequence: 9 })
      await Promise.all([here.close(), there.close()])
      expect([await client.closed, await server.closed]).to.deep.equal([null, null])
    }
  })

  it('keeps the connection, its duplex, its data, its id and its counts', async () => {
    const [a, b] = duplexPair()
    const connection = new QbpConnection(v1, a, { role: 'server', data: () => ({ seen: 0 }) })
    const client = new QbpConnection(v1, b, { role: 'client' })
    connection.data.seen++
    const { id, socket } = connection
    connection.writer.write(say('x'))
    connection.writer.write({ $name: 'Said', text: 'x' })
    const next = await connection.goOn(v2)
    next.writer.write(quote(1))
    expect(next).to.equal(connection)
    expect([next.id, next.socket === socket, next.data satisfies { seen: number }]).to.deep.equal([
      id,
      true,
      { seen: 1 },
    ])
    const { byName, messagesOut } = next.stats()
    expect(messagesOut).to.equal(3)
    expect(Object.entries(byName.out).map(([name, { messages }]) => `${name} ${messages}`)).to.have.members([
      'Say 1',
      'Said 1',
      'Quote 1',
    ])
    connection.destroy()
    client.destroy()
  })

  it('ends the former reader and writer, and nothing of theirs ends the connection', async () => {
    const { client, server } = connectionPair(v1)
    const { reader, writer } = client
    const group = new Group<typeof v1, 'client'>().join(client)
    const next = await client.goOn(v2)
    expect(await reader.readMessage()).to.equal(null)
    expect(writer.write(say('late'))).to.equal(false)
    expect(await codeOf(writer.writeMessage(say('late')))).to.equal('ERR_QBP_CLOSED')
    reader.destroy(new Error('of the former'))
    writer.destroy(new Error('of the former'))
    await setImmediate()
    expect(group.size).to.equal(0)
    next.writer.write(quote(1))
    expect(await (await server.goOn(v2)).reader.readMessage()).to.include({ sequence: 1 })
    expect(client.closing).to.equal(false)
    client.destroy()
    server.destroy()
  })

  it('brings the end, a cut and a fault of the peer to the new reader', async () => {
    const ended = connectionPair(v1)
    await ended.client.goOn(v2)
    ended.client.writer.end()
    await ended.server.ended
    expect(await (await ended.server.goOn(v2)).reader.readMessage()).to.equal(null)

    const [own, peer] = bareEnds()
    const cut = new QbpConnection(v1, own, { role: 'server' })
    peer.end(Buffer.of(9, 7, 1))
    await cut.ended
    expect(await codeOf((await cut.goOn(v2)).reader.readMessage())).to.equal('ERR_QBP_TRUNCATED')

    const reset = connectionPair(v1)
    const next = await reset.server.goOn(v2)
    reset.client.destroy()
    expect(await codeOf(next.reader.readMessage())).to.equal('ECONNRESET')
    for (const each of [ended.client, ended.server, cut, reset.server]) each.destroy()
  })

  it('pushes back as before', async () => {
    const { client, server } = connectionPair(v1, { highWaterMarkBytes: 100 })
    let written = 0
    for (; !client.socket.writableNeedDrain; written++) {
      client.writer.write(say('x'.repeat(200)))
      await setImmediate()
    }
    const next = await client.goOn(v2)
    expect(next.socket.writableNeedDrain).to.equal(true)
    while (next.writer.write(quote(1)));
    const drained = once(next.writer, 'drain')
    for (let n = 0; n < written; n++) await server.reader.readMessage()
    const here = await server.goOn(v2)
    expect(await here.reader.readMessage()).to.include({ $name: 'Quote' })
    here.reader.resume()
    await drained
    client.destroy()
    server.destroy()
  })

  it('keeps the limits, and what names messages may be given anew', async () => {
    const [a] = bareEnds()
    const heartbeat = { message: { $name: 'Leave' as const }, intervalMs: 20, timeoutMs: 20 }
    const connection = new QbpConnection(v1, a, { role: 'server', maxBodyBytes: 20, heartbeat })
    expect(await codeOf(connection.goOn(v2))).to.equal('ERR_QBP_BAD_OPTION')
    await connection.goOn(v1)
    const next = await connection.goOn(v2, { heartbeat: { ...heartbeat, message: quote(1) } })
    expect(() => next.writer.write({ $name: 'Quote', symbol: 'x'.repeat(30) })).to.throw(/maxBodyBytes/)
    expect(await next.closed).to.have.property('code', 'ERR_QBP_HEARTBEAT_TIMEOUT')
    const silent = new QbpConnection(v1, bareEnds()[0], { role: 'server', heartbeat })
    await silent.goOn(v2, { heartbeat: null })
    silent.destroy()
  })

  it('is refused while somebody reads, and once it is over, and changes nothing then', async () => {
    const { client, server } = connectionPair(v1)
    const reading = server.reader.readMessage()
    expect(await codeOf(server.goOn(v2))).to.equal('ERR_QBP_BUSY')
    client.writer.write(say('hi'))
    expect(await reading).to.include({ text: 'hi' })
    expect(await codeOf(server.goOn(v2, { heartbeats: 1 } as never))).to.equal('ERR_QBP_BAD_OPTION')
    await Promise.all([client.close(), server.close()])
    expect(await codeOf(server.goOn(v2))).to.equal('ERR_QBP_CLOSED')
  })

  it('waits for calls under way, and drops services with the protocol', async () => {
    const withCalls = Protocol.from(chat, { calls: true })
    const { client, server } = connectionPair(withCalls)
    const next = await client.goOn(v2)
    next.writer.write(quote(1))
    expect(await (await server.goOn(v2)).reader.readMessage()).to.include({ sequence: 1 })
    expect(() => next.client('Anything')).to.throw(/carries no calls/)
    const again = await next.goOn(withCalls)
    const back = await server.goOn(withCalls)
    again.writer.write(say('back'))
    expect(await back.reader.readMessage()).to.include({ text: 'back' })
    client.destroy()
    server.destroy()
  })

  describe('on a server', () => {
    it('keeps its place, and the server its shutdown, its counts and its faults', async () => {
      const faults: unknown[] = []
      const server = createServer(v1, { data: () => ({ name: '' }) }, async (reader, _writer, connection) => {
        const first = await reader.readMessage()
        if (first?.$name === 'Say') connection.data.name = first.text
        const { reader: quotes, writer } = await connection.goOn(v2)
        for await (const message of quotes) {
          if (message.$name === 'Quote' && message.sequence === 13) throw new Error('of a handler')
          await writer.writeMessage(quote(100))
        }
        await writer.writeMessage(quote(101))
      })
      server.on('clientError', (error, connection) => faults.push(error.message, connection?.data.name))
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      const [ann, bob] = await Promise.all(
        ['ann', 'bob'].map(async (name) => {
          const connection = await connect(v1, { port, host: '127.0.0.1' })
          await connection.writer.writeMessage(say(name))
          return connection.goOn(v2)
        }),
      )
      if (ann === undefined || bob === undefined) throw new Error('not there')
      ann.writer.write(quote(1))
      expect(await ann.reader.readMessage()).to.include({ sequence: 100 })
      bob.writer.write(quote(2))
      expect(await bob.reader.readMessage()).to.include({ sequence: 100 })
      expect([...server.connections].map(({ data }) => data.name)).to.have.members(['ann', 'bob'])
      bob.writer.write(quote(13))
      expect(await bob.closed).to.be.instanceOf(Error)
      await setImmediate()
      expect(faults).to.deep.equal(['of a handler', 'bob'])
      expect(server.connections.size).to.equal(1)
      const closing = server.close({ graceMs: 2_000 })
      expect(await ann.reader.readMessage()).to.include({ sequence: 101 })
      expect(await ann.reader.readMessage()).to.equal(null)
      await ann.close()
      await closing
      const { byName, messagesIn } = server.stats()
      expect(messagesIn).to.equal(5)
      expect([byName.in.Say?.messages, byName.in.Quote?.messages]).to.deep.equal([2, 3])
    })

    it('that closes meanwhile concludes the new reader', async () => {
      const server = createServer(v1, async (_reader, _writer, connection) => {
        void server.close().catch(() => {})
        await setImmediate()
        const { reader } = await connection.goOn(v2)
        expect(await reader.readMessage()).to.equal(null)
      })
      const [a, b] = duplexPair()
      server.attach(a)
      const client = new QbpConnection(v1, b, { role: 'client' })
      expect(await client.reader.readMessage()).to.equal(null)
      await client.close()
      await server.close()
    })
  })
})

describe('the data of a connection', () => {
  it('is made once, when it is first asked for, and what a group knows where nothing else is given', () => {
    let made = 0
    const { client } = connectionPair(v1)
    expect(client.data).to.equal(undefined)
    const [own] = bareEnds()
    const connection = new QbpConnection(v1, own, { role: 'server', data: () => ({ n: ++made }) })
    const group = new Group<typeof v1, 'server', { n: number }>().join(connection)
    expect([...group.entries()].map(([, { n }]) => n)).to.deep.equal([1])
    expect(connection.data).to.deep.equal({ n: 1 })
    group.join(connection, { n: 5 })
    expect([...group.entries()].map(([, { n }]) => n)).to.deep.equal([5])
    connection.destroy()
    client.destroy()
  })

  it('that cannot be made is the fault of whoever asks', async () => {
    const bug = () => {
      throw new Error('of data')
    }
    const server = createServer(v1, { data: bug }, (_reader, _writer, connection) => connection.data)
    const fault = once(server, 'clientError')
    server.attach(bareEnds()[0])
    expect((await fault)[0]).to.have.property('message', 'of data')
    expect(() => createServer(v1, { data: {} as never }, () => {})).to.throw(/data is/)
    await server.close()
  })
})

describe('the id of a connection', () => {
  it('is its own', () => {
    const { client, server } = connectionPair(v1)
    expect(client.id).to.be.a('number').and.not.equal(server.id)
    client.destroy()
    server.destroy()
  })
})
