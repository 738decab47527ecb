import { expect } from 'chai'
import { createServer, Protocol } from '../../lib/index.ts'
import { connectionPair, ScriptedPeer } from '../../lib/testing/index.ts'
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

  it('resets', async () => {
    const peer = new ScriptedPeer(protocol, 'client')
    const connection = server.attach(peer.duplex)
    peer.reset()
    expect(await connection.closed).to.have.property('code', 'ECONNRESET')
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
