import { expect } from 'chai'
import { createServer, type Incoming, type Outgoing, Protocol, QbpConnection } from '../../lib/index.ts'
import { connectionPair, type Expected, ScriptedPeer } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { rejection } from '../support/rejection.ts'

const protocol = Protocol.from(chat)

describe('a scripted peer', () => {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const message of reader) {
      if (message.$name === 'Join')
        await writer.writeMessage({ $name: 'Welcome', room: message.room, members: [message.name] })
    }
  })

  it('talks to a server without a socket', async () => {
    const peer = new ScriptedPeer(protocol, 'client')
    server.attach(peer.duplex)
    await peer.send({ $name: 'Join', room: 'hall', name: 'ann' })
    const welcome = await peer.expect({ $name: 'Welcome', members: ['ann'] })
    expect(welcome.$name === 'Welcome' && welcome.room).to.equal('hall')
    peer.sendBytes('0001 00000006 0a0161 120162')
    await peer.expect({ $name: 'Welcome', room: 'a', members: ['b'] })
    expect(await peer.end()).to.equal(null)
  })

  it('says what it found instead', async () => {
    const peer = new ScriptedPeer(protocol, 'client')
    server.attach(peer.duplex)
    await peer.send({ $name: 'Join', room: 'hall', name: 'ann' })
    const error = await rejection(peer.expect({ $name: 'Welcome', members: ['bob'] }))
    expect(error).to.have.property('name', 'AssertionError')
    peer.connection.writer.end()
    await peer.expectEnd()
    await peer.end()
  })

  it('says no other bytes than those that it was given', () => {
    const peer = new ScriptedPeer(protocol, 'client')
    for (const bytes of ['0g', 'abc', '00 0', 'zz'])
      expect(() => peer.sendBytes(bytes))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    peer.sendBytes('00 FF\n0a')
    peer.sendBytes('')
    expect(peer.duplex.read()).to.deep.equal(Buffer.of(0, 255, 10))
  })

  it('resets', async () => {
    const peer = new ScriptedPeer(protocol, 'client')
    const connection = server.attach(peer.duplex)
    peer.reset()
    expect(await connection.closed).to.have.property('code', 'ECONNRESET')
  })
})

describe('what a scripted peer expects', () => {
  const said = {
    $name: 'Welcome' as const,
    room: 'hall',
    members: ['ann', 'bob'],
    history: [{ room: 'x', name: '', text: 'hi', at: 0n }, { room: 'y' }],
  }

  /** A peer to which these messages come, and no end. */
  async function hearing(...messages: Outgoing<typeof protocol, 'server'>[]) {
    const peer = new ScriptedPeer(protocol, 'client', { timeoutMs: 30 })
    const other = new QbpConnection(protocol, peer.duplex, { role: 'server' })
    for (const message of messages) await other.writer.writeMessage(message)
    return {
      peer,
      async [Symbol.asyncDispose]() {
        await Promise.all([peer.end(), other.close()])
      },
    }
  }

  const met: [what: string, expected: Expected<Incoming<typeof protocol, 'client'>>][] = [
    ['the very message that was sent, defaults in it written out', said],
    ['its name alone', { $name: 'Welcome' }],
    ['a part of a nested message', { $name: 'Welcome', history: [{ text: 'hi' }, {}] }],
    ['a default that was not sent', { $name: 'Welcome', history: [{ at: 0n }, { text: '', at: 0n }] }],
    ['a list', { $name: 'Welcome', members: ['ann', 'bob'] }],
  ]
  for (const [what, expected] of met) {
    it(`may be ${what}`, async () => {
      await using pair = await hearing(said)
      await pair.peer.expect(expected)
    })
  }

  const unmet: [what: string, expected: Expected<Incoming<typeof protocol, 'client'>>][] = [
    ['another name', { $name: 'Said' }],
    ['a shorter list', { $name: 'Welcome', members: ['ann'] }],
    ['a longer list', { $name: 'Welcome', members: ['ann', 'bob', 'cid'] }],
    ['another value at depth', { $name: 'Welcome', history: [{ text: 'ho' }, {}] }],
    ['one nested message fewer', { $name: 'Welcome', history: [{}] }],
    ['a value where a default is', { $name: 'Welcome', history: [{}, { at: 1n }] }],
    ['undefined where a field is', { $name: 'Welcome', room: undefined }],
  ]
  for (const [what, expected] of unmet) {
    it(`is not met by ${what}`, async () => {
      await using pair = await hearing(said)
      expect(await rejection(pair.peer.expect(expected))).to.have.property('name', 'AssertionError')
    })
  }

  it('has its type by its name', async () => {
    await using pair = await hearing(said, { $name: 'Said', name: 'ann', text: 'hi' })
    const welcome = await pair.peer.expect({ $name: 'Welcome' })
    expect(welcome.members satisfies readonly string[]).to.have.length(2)
    const next = await pair.peer.until({ $name: 'Said' })
    expect(next.text satisfies string).to.equal('hi')
  })

  it('passes over others with until', async () => {
    await using pair = await hearing(said, { $name: 'Said', name: 'ann' }, { $name: 'Said', name: 'bob', text: 'hi' })
    expect(await pair.peer.until({ $name: 'Said', name: 'bob' })).to.include({ text: 'hi' })
  })

  it('is named where it does not come in time, and what comes then is there for the next call', async () => {
    await using pair = await hearing()
    const said = { $name: 'Said', name: 'ann' } as const
    for (const wait of [() => pair.peer.expect(said), () => pair.peer.until(said)])
      expect(await rejection(wait()))
        .to.have.property('message')
        .that.contains("nothing came within 30 ms where { '$name': 'Said', name: 'ann' } was expected")
    expect(await rejection(pair.peer.expectEnd()))
      .to.have.property('message')
      .that.contains('where the end was expected')
    expect(await rejection(pair.peer.receive())).to.have.property('name', 'AssertionError')
  })

  it('may be nothing', async () => {
    await using pair = await hearing()
    await pair.peer.expectNothing(10)
    await using other = await hearing({ $name: 'Said' })
    expect(await rejection(other.peer.expectNothing(10)))
      .to.have.property('message')
      .that.contains('a Said came where nothing was expected')
  })
})

describe('a pair whose other end stays open', () => {
  it('closes, and keeps the process alive until it has', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const { client, server } = connectionPair(protocol, { lingerMs: 20 })
    const closing = client.close()
    expect(timers()).to.be.above(before)
    expect(await closing).to.equal(null)
    expect(await server.closed).to.have.property('code', 'ECONNRESET')
  })
})

describe('a connection pair', () => {
  it('talks in memory', async () => {
    const { client, server } = connectionPair(protocol, { sliceBytes: 3 })
    await client.writer.writeMessage({ $name: 'Say', room: 'hall', text: 'hello' })
    expect(await server.reader.readMessage()).to.include({ $name: 'Say', text: 'hello' })
    expect(await Promise.all([client.close(), server.close()])).to.deep.equal([null, null])
  })
})
