import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { Group, QbpConnection, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { writerPort } from '../../lib/streams/ports.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const schema = protobuf.parse(`syntax = "proto3";
  message Say { uint32 id = 1; string text = 2; }
  message Roll { uint32 id = 1; }`).root
const types = { Say: 1, Roll: 2 }
const protocol = reflectedProtocol(schema, { types })

/** A writer whose bytes nobody takes, until `taken` does. */
function writerOf(of = protocol, options = {}): { writer: QbpWritable; taken(): string } {
  const writer = new QbpWritable(of, { role: 'server', ...options })
  writer.on('error', () => {})
  return {
    writer,
    taken: () => {
      writer[writerPort].flush()
      const chunks: Buffer[] = []
      for (let chunk = writer.read(); chunk !== null; chunk = writer.read()) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks).toString('hex')
    },
  }
}

/** Two connected ends, over an in-memory pair. */
function ends(options = {}): { near: QbpConnection; far: QbpConnection } {
  const [a, b] = duplexPair()
  return {
    near: new QbpConnection(protocol, a, { role: 'server', ...options }),
    far: new QbpConnection(protocol, b, { role: 'client' }),
  }
}

const say = (id: number, text = 'hi') => ({ $name: 'Say', id, text })
const HI = '0001' + '00000006' + '0801' + '12026869'

describe('Group', () => {
  it('knows what its members joined with, in their order, and asks that of whom a message is for', () => {
    const members = [writerOf(), writerOf(), writerOf()]
    const group = new Group<typeof protocol, 'server', { topic: string }>()
    for (const [n, { writer }] of members.entries()) group.join(writer as never, { topic: n === 1 ? 'b' : 'a' })
    expect([...group.entries()].map(([member, { topic }]) => [member, topic])).to.deep.equal(
      members.map(({ writer }, n) => [writer, n === 1 ? 'b' : 'a']),
    )
    expect(group.broadcast(say(1) as never, { to: ({ topic }) => topic === 'a' })).to.equal(2)
    expect(members.map(({ taken }) => taken())).to.deep.equal([HI, '', HI])
    const except = members[0]?.writer as never
    expect(group.broadcast(say(1) as never, { except, to: ({ topic }) => topic === 'a' })).to.equal(1)
    group.join(members[1]?.writer as never, { topic: 'a' })
    expect(group.size).to.equal(3)
    expect(group.broadcast(say(1) as never, { to: ({ topic }) => topic === 'a' })).to.equal(3)
  })

  it('writes nothing where `to` throws', () => {
    const members = [writerOf(), writerOf()]
    const group = new Group()
    for (const { writer } of members) group.join(writer)
    let asked = 0
    const to = () => {
      if (++asked === 2) throw new Error('bug')
      return true
    }
    expect(() => group.broadcast(say(1), { to })).to.throw('bug')
    expect(members.map(({ taken }) => taken())).to.deep.equal(['', ''])
  })

  it('encodes once for any part of its members', () => {
    let encoded = 0
    const message = {
      $name: 'Say',
      id: 1,
      get text() {
        encoded++
        return 'hi'
      },
    }
    const group = new Group<typeof protocol, 'server', number>()
    for (let n = 0; n < 10; n++) group.join(writerOf().writer as never, n)
    group.broadcast(message as never)
    const once = encoded
    group.broadcast(message as never, { to: (n) => n % 2 === 0 })
    expect(encoded).to.equal(2 * once)
  })

  it('may be one of many that a member joins, and is left by all when that closes', async () => {
    const seen: Error[] = []
    const note = (warning: Error) => seen.push(warning)
    process.on('warning', note)
    const { near } = ends()
    const all = Array.from({ length: 100 }, () => new Group().join(near))
    for (const group of all.slice(0, 30)) group.leave(near)
    for (const group of all.slice(0, 10)) group.join(near)
    await setImmediate()
    process.off('warning', note)
    expect(seen).to.deep.equal([])
    expect(all.map(({ size }) => size)).to.deep.equal(all.map((_, n) => (n >= 10 && n < 30 ? 0 : 1)))
    near.destroy()
    await near.closed
    expect(all.map(({ size }) => size)).to.deep.equal(all.map(() => 0))
  })

  it('writes a message to every member, and says to how many', () => {
    const members = [writerOf(), writerOf(), writerOf()]
    const group = new Group()
    for (const { writer } of members) group.join(writer)
    expect(group.size).to.equal(3)
    expect(group.broadcast(say(1))).to.equal(3)
    expect(members.map(({ taken }) => taken())).to.deep.equal([HI, HI, HI])
  })

  it('has each member once', () => {
    const { writer, taken } = writerOf()
    const group = new Group().join(writer).join(writer)
    expect(group.size).to.equal(1)
    expect(group.has(writer)).to.equal(true)
    group.broadcast(say(1))
    expect(taken()).to.equal(HI)
  })

  it('leaves out the sender', () => {
    const [sender, other] = [writerOf(), writerOf()]
    const group = new Group().join(sender.writer).join(other.writer)
    expect(group.broadcast(say(1), { except: sender.writer })).to.equal(1)
    expect([sender.taken(), other.taken()]).to.deep.equal(['', HI])
  })

  it('keeps in order what a member gets by itself and with the others', async () => {
    const { near, far } = ends()
    const group = new Group().join(near)
    near.writer.write(say(1))
    group.broadcast(say(2))
    group.broadcast(say(3))
    near.writer.write(say(4))
    group.broadcast(say(5))
    const ids: number[] = []
    while (ids.length < 5) ids.push((await far.reader.readMessage())?.id)
    expect(ids).to.deep.equal([1, 2, 3, 4, 5])
    near.destroy()
    far.destroy()
  })

  it('takes connections as well as writers, and knows them as the same', () => {
    const { near, far } = ends()
    const listeners = near.writer.listenerCount('close')
    const group = new Group().join(near)
    expect(group.has(near.writer)).to.equal(true)
    expect([...group]).to.deep.equal([near.writer])
    expect(group.broadcast(say(1), { except: near })).to.equal(0)
    expect(group.leave(near)).to.equal(true)
    expect(group.leave(near)).to.equal(false)
    expect(group.size).to.equal(0)
    expect(near.writer.listenerCount('close')).to.equal(listeners)
    near.destroy()
    far.destroy()
  })

  it('encodes a message once for all members of a Protocol', () => {
    const group = new Group()
    const members = Array.from({ length: 10 }, () => writerOf())
    for (const { writer } of members) group.join(writer)
    let reads = 0
    const message = {
      $name: 'Say',
      get id() {
        reads++
        return 1
      },
      text: 'hi',
    }
    group.broadcast(message)
    expect(reads).to.equal(1)
    expect(new Set(members.map(({ taken }) => taken()))).to.deep.equal(new Set([HI]))
  })

  it('encodes it for each Protocol as that one does', () => {
    const delimited = reflectedProtocol(schema, { header: 'length:varint', message: 'Say' })
    const [plain, other] = [writerOf(), writerOf(delimited)]
    new Group().join(plain.writer).join(other.writer).broadcast(say(1))
    expect([plain.taken(), other.taken()]).to.deep.equal([HI, `06${HI.slice(12)}`])
  })

  it('refuses a message that one of its Protocols does not have, before anybody gets a byte of it', () => {
    const delimited = reflectedProtocol(schema, { header: 'length:varint', message: 'Say' })
    const [plain, other] = [writerOf(), writerOf(delimited)]
    const group = new Group().join(plain.writer).join(other.writer)
    expect(() => group.broadcast({ $name: 'Roll', id: 1 }))
      .to.throw()
      .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
    expect(() => group.broadcast({ $name: 'Say', id: -1 }))
      .to.throw()
      .with.property('field', 'id')
    expect([plain.taken(), other.taken()]).to.deep.equal(['', ''])
  })

  it('loses members whose writer ends or closes', async () => {
    const [ended, destroyed, closed, open] = [writerOf(), writerOf(), ends(), writerOf()]
    const group = new Group().join(ended.writer).join(destroyed.writer).join(closed.near).join(open.writer)
    ended.writer.end()
    destroyed.writer.destroy()
    closed.near.destroy()
    expect(group.broadcast(say(1))).to.equal(1)
    await setImmediate()
    expect([...group]).to.deep.equal([open.writer])
    expect(group.join(destroyed.writer).size).to.equal(1)
    closed.far.destroy()
  })

  it('may be left and joined from within', async () => {
    const members = [writerOf(), writerOf()]
    const group = new Group()
    for (const { writer } of members) group.join(writer)
    members[0]?.writer.on('close', () => group.join(writerOf().writer))
    members[0]?.writer.destroy()
    await setImmediate()
    expect(group.size).to.equal(2)
  })

  describe('with a member that does not read', () => {
    const big = say(1, 'x'.repeat(1000))

    it('destroys its connection, and the others do not notice', async () => {
      const [slow, fast] = [ends({ maxQueuedBytes: 5_000 }), ends({ maxQueuedBytes: 5_000 })]
      slow.near.socket.cork() // Nothing leaves.
      const group = new Group().join(slow.near).join(fast.near)
      let came = 0
      fast.far.reader.on('data', () => came++)
      // More than the socket itself takes: 16 KiB on Node 20, 64 KiB later.
      for (let i = 0; i < 150; i++) {
        group.broadcast(big)
        await setImmediate()
      }
      expect(came).to.be.greaterThan(140)
      expect(await slow.near.closed).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
      expect([...group]).to.deep.equal([fast.near.writer])
      for (const each of [slow.far, fast.near, fast.far]) each.destroy()
    })

    it('skips it, where `slow` says so', () => {
      const [slow, other] = [writerOf(protocol, { maxQueuedBytes: 1_500 }), writerOf()]
      const group = new Group({ slow: 'skip' }).join(slow.writer).join(other.writer)
      expect(group.broadcast(big)).to.equal(2)
      expect(group.broadcast(big)).to.equal(1)
      expect(slow.taken()).to.have.length(2 * (6 + 2 + 3 + 1000))
      expect(group.broadcast(big)).to.equal(2)
      expect(group.size).to.equal(2)
    })

    it('knows no other policy', () => {
      expect(() => new Group({ slow: 'wait' as 'skip' }))
        .to.throw()
        .with.property('code', 'ERR_QBP_BAD_OPTION')
    })
  })

  it('gives everyone the same bytes, which stay as they are', async () => {
    const a = new QbpWritable(protocol)
    const b = new QbpWritable(protocol)
    const reader = new QbpReadable(protocol)
    new Group().join(a).join(b).broadcast(say(7))
    const [chunk] = await once(a, 'data')
    a.write(say(8))
    b.write(say(9))
    reader.write(chunk)
    expect((await reader.readMessage())?.id).to.equal(7)
  })
})
