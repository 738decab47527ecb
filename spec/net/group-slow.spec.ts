import { expect } from 'chai'
import { Group, Protocol, QbpWritable } from '../../lib/index.ts'
import { writerPort } from '../../lib/streams/ports.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { feed } from '../../schemas/feed.ts'

const protocol = Protocol.from(feed)
type Feed = typeof protocol
type Quote = { $name: 'Quote'; symbol: string; sequence: number }

const quote = (symbol: string, sequence: number): Quote => ({ $name: 'Quote', symbol, sequence })
/** The bytes of each of these quotes' frames. */
const SIZE = protocol.frame(quote('A', 1)).bytes.length
const bySymbol = (message: object): unknown => (message as Quote).symbol

/** A member whose bytes stay in its writer until `open` is called, and what has come by then. */
function slowMember(options = {}) {
  const { client, server } = connectionPair(protocol, { highWaterMarkBytes: 1000, ...options })
  server.writer.cork()
  return {
    server,
    /** Lets its bytes go, and gives the quotes that came, `A1`. */
    async open(count: number): Promise<string[]> {
      server.writer.uncork()
      const came: string[] = []
      while (came.length < count) {
        const message = await client.reader.readMessage({ timeoutMs: 1000 })
        if (message?.$name === 'Quote') came.push(`${message.symbol}${message.sequence}`)
      }
      server.destroy()
      client.destroy()
      return came
    },
  }
}

describe("a group with slow: 'latest'", () => {
  it('replaces what waits by key, in its place, and writes it once there is room', async () => {
    const { server, open } = slowMember()
    const skipped: string[] = []
    const group = new Group<Feed, 'server', string>({
      slow: 'latest',
      key: bySymbol,
      slowAboveBytes: 2 * SIZE,
      onSkip: (message, member, data) =>
        skipped.push(`${message.$name === 'Quote' && message.sequence} ${member === server} ${data}`),
    })
    group.join(server, 'ann')
    const written = [quote('A', 1), quote('B', 1), quote('A', 2), quote('C', 1), quote('A', 3)].map((each) =>
      group.broadcast(each),
    )
    expect(written).to.deep.equal([1, 1, 0, 0, 0])
    expect(skipped).to.deep.equal(['2 true ann'])
    expect(server.stats().skipped.slow).to.equal(1)
    server.writer.write(quote('D', 1)) // What is written to it alone goes on.
    expect(await open(5)).to.deep.equal(['A1', 'B1', 'D1', 'A3', 'C1'])
  })

  it('replaces by name where no key is given, or by the key of one broadcast', async () => {
    const { server, open } = slowMember()
    const group = new Group<Feed, 'server'>({ slow: 'latest', slowAboveBytes: 1 }).join(server)
    for (const each of [quote('A', 1), quote('B', 1), quote('B', 2)]) group.broadcast(each)
    group.broadcast(quote('B', 3), { key: 'mine' })
    expect(await open(3)).to.deep.equal(['A1', 'B2', 'B3'])
  })

  it('starves no key by others that change more often', async () => {
    const { server, open } = slowMember()
    const group = new Group<Feed, 'server'>({ slow: 'latest', key: bySymbol, slowAboveBytes: 1 }).join(server)
    group.broadcast(quote('X', 0))
    for (let n = 1; n < 50; n++) for (const symbol of ['A', 'B', 'C']) group.broadcast(quote(symbol, n))
    expect(await open(4)).to.deep.equal(['X0', 'A49', 'B49', 'C49'])
  })

  it('takes what waits for a member that leaves back, and lets it join anew', async () => {
    const { server, open } = slowMember()
    const group = new Group<Feed, 'server'>({ slow: 'latest', slowAboveBytes: 1 }).join(server)
    for (const each of [quote('A', 1), quote('A', 2)]) group.broadcast(each)
    group.leave(server)
    group.join(server)
    group.broadcast(quote('B', 1))
    expect(await open(2)).to.deep.equal(['A1', 'B1'])
  })

  it('costs no more than maxQueuedBytes, whatever the keys are', async () => {
    const { server } = slowMember({ maxQueuedBytes: 10 * SIZE })
    const group = new Group<Feed, 'server'>({ slow: 'latest', key: () => ({}) }).join(server)
    for (let n = 0; n < 20; n++) group.broadcast(quote('A', n % 10))
    expect(await server.closed).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
    expect(group.size).to.equal(0)
  })

  it('costs no more than maxQueuedBytes, though what replaces a message is longer', async () => {
    const { server } = slowMember({ maxQueuedBytes: 10 * SIZE })
    const group = new Group<Feed, 'server'>({ slow: 'latest', slowAboveBytes: 1, key: bySymbol }).join(server)
    const long = { ...quote('A', 1), symbol: 'x'.repeat(6 * SIZE) }
    for (const message of [quote('X', 0), quote('A', 1), quote('B', 1)]) group.broadcast(message)
    expect(group.broadcast(long, { key: 'A' })).to.equal(0)
    expect(server.closing).to.equal(false)
    group.broadcast(long, { key: 'B' })
    expect(await server.closed).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
  })

  it('keeps what waits for a member that joins again, with other data', async () => {
    const { server, open } = slowMember()
    const group = new Group<Feed, 'server', number>({ slow: 'latest', slowAboveBytes: 1, key: bySymbol })
    for (let n = 1; n < 4; n++) {
      group.join(server, n)
      group.broadcast(quote('A', n))
      group.broadcast(quote('B', n), { key: undefined })
    }
    expect([...group.values()]).to.deep.equal([3])
    expect(await open(3)).to.deep.equal(['A1', 'B3', 'A3'])
  })

  it('never passes maxQueuedBytes by a mark above that', async () => {
    const { server, open } = slowMember({ maxQueuedBytes: 3 * SIZE })
    const group = new Group<Feed, 'server'>({ slow: 'latest', slowAboveBytes: 10_000 }).join(server)
    for (let n = 0; n < 9; n++) group.broadcast(quote('A', n), { key: 0 })
    expect(await open(3)).to.deep.equal(['A0', 'A1', 'A2'])
  })
})

describe('what a group does with slow members', () => {
  it('may be said for one message', async () => {
    const { server, open } = slowMember()
    const group = new Group<Feed, 'server'>({ slow: 'skip', slowAboveBytes: 1 }).join(server)
    expect(group.broadcast(quote('A', 1))).to.equal(1)
    expect(group.broadcast(quote('A', 2))).to.equal(0)
    expect(group.broadcast(quote('A', 3), { slow: 'destroy' })).to.equal(1)
    expect(group.broadcast(quote('A', 4), { slow: 'latest' })).to.equal(0)
    expect(await open(3)).to.deep.equal(['A1', 'A3', 'A4'])
    expect(() => group.broadcast(quote('A', 5), { slow: 'wait' as 'skip' })).to.throw(/slow is/)
  })

  it('is reported for each of them, whatever the report of another throws', () => {
    const heard: number[] = []
    const onSkip = (_message: object, _member: object, number: number) => {
      heard.push(number)
      if (number !== 2) throw new Error(`of ${number}`)
    }
    const members = [1, 2, 3].map(() => slowMember())
    const group = new Group<Feed, 'server', number>({ slow: 'skip', slowAboveBytes: 1, onSkip })
    for (const [i, { server }] of members.entries()) {
      group.join(server, i + 1)
      server.writer.write(quote('A', 1))
    }
    expect(() => group.broadcast(quote('A', 2)))
      .to.throw(AggregateError, 'onSkip threw for 2 members.')
      .with.nested.property('errors[1].message', 'of 3')
    expect(heard).to.deep.equal([1, 2, 3])
    for (const { server } of members) server.destroy()
  })

  it('is skipped above the mark, and reported once all others have the message', () => {
    const [slow, other] = [slowMember(), slowMember()]
    const seen: number[] = []
    const group = new Group<Feed, 'server'>({
      slow: 'skip',
      slowAboveBytes: SIZE,
      onSkip: () => {
        seen.push(other.server.writer.writableLength)
        throw new Error('of onSkip')
      },
    })
    group.join(slow.server).join(other.server)
    slow.server.writer.write(quote('A', 1))
    expect(() => group.broadcast(quote('A', 2))).to.throw('of onSkip')
    expect(seen).to.deep.equal([SIZE])
    for (const { server } of [slow, other]) server.destroy()
  })
})

describe('a frame made once', () => {
  it('is taken by every writer of its table, by write, writeMessage, end and a group', () => {
    const frame = protocol.frame(quote('A', 7))
    const writers = [0, 1].map(() => new QbpWritable<Feed, 'server'>(protocol, { role: 'server' }))
    const [first, second] = writers as [QbpWritable<Feed, 'server'>, QbpWritable<Feed, 'server'>]
    first.write(frame)
    void first.writeMessage(frame)
    new Group<Feed, 'server'>().join(first).join(second).broadcast(frame)
    first.end(frame)
    const bytes = writers.map((writer) => {
      writer[writerPort].flush()
      return (writer.read() as Buffer).toString('hex')
    })
    const one = Buffer.from(frame.bytes).toString('hex')
    expect(bytes).to.deep.equal([one.repeat(4), one])
    expect(first[writerPort].tally?.byName()).to.deep.equal({ Quote: { messages: 4, bytes: 4 * SIZE } })
  })

  it('stays what it was when it was made', () => {
    const message = quote('A', 7)
    const frame = protocol.frame(message)
    message.sequence = 8
    const writer = new QbpWritable(protocol)
    writer.write(frame)
    writer[writerPort].flush()
    expect((writer.read() as Buffer).equals(frame.bytes)).to.equal(true)
  })

  it('is refused by writers of another table, with a shorter maxBodyBytes, and where its message is', () => {
    const frame = protocol.frame(quote('A', 7))
    const codeOf = (act: () => unknown) => {
      try {
        act()
      } catch (error) {
        return (error as { code?: string }).code
      }
      return undefined
    }
    const others = [
      new QbpWritable(Protocol.from(feed)),
      new QbpWritable(protocol, { maxBodyBytes: frame.bodyBytes - 1 }),
    ]
    const found = others.map((writer) => codeOf(() => writer.write(frame)))
    expect(found).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', 'ERR_QBP_TOO_LONG'])
    const good = new QbpWritable(protocol)
    const group = new Group<Feed>().join(good)
    for (const other of others) expect(codeOf(() => group.join(other).broadcast(frame))).to.be.a('string')
    expect(good.writableLength).to.equal(0)
    expect(codeOf(() => protocol.frame({ $name: 'Quote', sequence: -1 }))).to.equal('ERR_QBP_INVALID_MESSAGE')
    new QbpWritable(protocol, { maxBodyBytes: frame.bodyBytes }).write(frame)
  })

  it('costs a slow peer its connection as a message does', async () => {
    const { client, server } = connectionPair(protocol, { maxQueuedBytes: 2 * SIZE })
    server.writer.cork()
    const frame = protocol.frame(quote('A', 7))
    expect([1, 2, 3].map(() => server.writer.write(frame))).to.deep.equal([true, true, false])
    expect(await server.closed).to.have.property('code', 'ERR_QBP_QUEUE_FULL')
    client.destroy()
  })

  it('asks for a role where the roles send different messages', () => {
    const apart = Protocol.from(feed, { types: { client: { Subscribe: 1 }, server: { Quote: 1 } } })
    expect(() => apart.frame({ $name: 'Quote' })).to.throw(/role/)
    expect(apart.frame({ $name: 'Quote' }, { role: 'server' }).bytes).to.have.length(6)
    // @ts-expect-error: a client sends no Quote.
    expect(() => apart.frame({ $name: 'Quote' }, { role: 'client' })).to.throw(/Subscribe/)
  })
})
