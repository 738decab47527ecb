import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { type Clock, install } from '@sinonjs/fake-timers'
import { expect } from 'chai'
import {
  BusGroup,
  type CallContext,
  connect,
  connections,
  createServer,
  Link,
  LocalHub,
  localBus,
  type Position,
  Protocol,
  QbpConnection,
  Sessions,
} from '../../lib/index.ts'
import { connectionPair, duplexPair, ScriptedPeer } from '../../lib/testing/index.ts'
import { chat } from '../../schemas/chat.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { certificates, type Identity } from '../support/certificates.ts'
import { hex, protocol } from '../support/chat.ts'
import { Client, say } from '../support/grid.ts'

const nextTurn = setImmediate

/** Mocked timers of one kind. */
interface Fakes {
  enable(): void
  tick(ms: number): void
  reset(): void
}

const APIS = ['setTimeout', 'setInterval', 'Date'] as const

const sinon = (): Fakes => {
  let clock: Clock | undefined
  return {
    enable: () => {
      clock = install({ now: Date.now(), toNotFake: ['nextTick', 'queueMicrotask'] }) // As Sinon itself does.
    },
    tick: (ms) => void clock?.tick(ms),
    reset: () => clock?.uninstall(),
  }
}
const ofNode = (apis: readonly ((typeof APIS)[number] | 'setImmediate')[]): Fakes => ({
  enable: () => mock.timers.enable({ apis: [...apis], ...(apis.includes('Date') && { now: Date.now() }) }),
  tick: (ms) => mock.timers.tick(ms),
  reset: () => mock.timers.reset(),
})

const HOUR = 3_600_000
const MINUTE = 60_000
const SAY = hex('0003 0000000a 0a0468616c6c 12026869')
const calling = Protocol.from(accounts, { calls: true })

/** Lets pass what does not wait for the time. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise<void>((resolve) => nextTurn(resolve))
}

/** What a promise has come to: its value, or its error. */
function outcomeOf(work: Promise<unknown>): { now: unknown } {
  const outcome = { now: 'waits' as unknown }
  work.then(
    (value) => {
      outcome.now = (value as { code?: string } | null)?.code ?? value
    },
    (error) => {
      outcome.now = error.code ?? error
    },
  )
  return outcome
}

type Tick = (ms: number) => Promise<void>

/** A work that is waited for, whose end comes when so much has passed, and not a hundredth of it sooner. */
async function endsAfter(ms: number, tick: Tick, work: Promise<unknown>, end: unknown): Promise<void> {
  const outcome = outcomeOf(work)
  await tick(0.99 * ms)
  expect(outcome.now).to.equal('waits')
  await tick(0.01 * ms)
  for (let n = 0; n < 1_000 && outcome.now === 'waits'; n++) await turns() // Sockets close in turns of their own.
  expect(outcome.now).to.equal(end)
}

type Wait = [what: string, run: (tick: Tick, identity: Identity) => Promise<void>]

const waits: Wait[] = [
  [
    'idleTimeoutMs, which each byte puts off',
    async (tick) => {
      const [own, peer] = duplexPair()
      const { closed, reader } = new QbpConnection(protocol, own, { role: 'server', idleTimeoutMs: HOUR })
      reader.resume()
      peer.on('error', () => {})
      const outcome = outcomeOf(closed)
      for (let n = 0; n < 3; n++) {
        await tick(0.9 * HOUR)
        peer.write(SAY)
        await turns()
      }
      expect(outcome.now).to.equal('waits')
      await endsAfter(HOUR, tick, closed, 'ERR_QBP_IDLE_TIMEOUT')
    },
  ],
  [
    'a heartbeat and its timeout',
    async (tick) => {
      const [own, peer] = duplexPair()
      const heartbeat = { message: { $name: 'Leave' as const }, intervalMs: HOUR, timeoutMs: HOUR / 2 }
      const { closed, reader } = new QbpConnection(protocol, own, { role: 'server', heartbeat })
      reader.resume()
      let received = ''
      peer
        .on('error', () => {})
        .on('data', (chunk) => {
          received += chunk.toString('hex')
        })
      await tick(0.9 * HOUR)
      peer.write(SAY)
      await turns()
      await tick(0.9 * HOUR)
      expect(received).to.equal('')
      await tick(0.1 * HOUR)
      expect(received).to.equal('000200000000')
      peer.write(SAY)
      await turns()
      await tick(HOUR)
      expect(received).to.equal('000200000000000200000000')
      await endsAfter(HOUR / 2, tick, closed, 'ERR_QBP_HEARTBEAT_TIMEOUT')
    },
  ],
  [
    'frameTimeoutMs',
    async (tick) => {
      const [own, peer] = duplexPair()
      const { closed, reader } = new QbpConnection(protocol, own, { role: 'server', frameTimeoutMs: HOUR })
      reader.resume()
      peer.on('error', () => {}).write(SAY.subarray(0, 9))
      await turns()
      await endsAfter(HOUR, tick, closed, 'ERR_QBP_FRAME_TIMEOUT')
    },
  ],
  [
    'stallTimeoutMs',
    async (tick) => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {})
      const { closed, writer } = new QbpConnection(protocol, own, { role: 'server', stallTimeoutMs: HOUR })
      while (writer.write({ $name: 'Say', text: 'x'.repeat(10_000) })) await turns()
      await endsAfter(HOUR, tick, closed, 'ERR_QBP_STALL_TIMEOUT')
    },
  ],
  [
    'halfOpenTimeoutMs',
    async (tick) => {
      const [own, peer] = duplexPair()
      const { closed, reader } = new QbpConnection(protocol, own, { role: 'server', halfOpenTimeoutMs: HOUR })
      reader.resume()
      peer.resume().end()
      await turns()
      await endsAfter(HOUR, tick, closed, null)
    },
  ],
  [
    'lingerMs, after a close',
    async (tick) => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      const connection = new QbpConnection(protocol, own, { role: 'server', lingerMs: HOUR })
      const closed = connection.close({ graceMs: 2 * HOUR })
      await turns()
      await endsAfter(HOUR, tick, closed, null)
    },
  ],
  [
    'graceMs of a close',
    async (tick) => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {})
      const connection = new QbpConnection(protocol, own, { role: 'server' })
      while (connection.writer.write({ $name: 'Say', text: 'x'.repeat(10_000) })) await turns()
      await endsAfter(HOUR, tick, connection.close({ graceMs: HOUR }), 'ERR_QBP_CLOSED')
    },
  ],
  [
    'graceMs of a server',
    async (tick) => {
      const server = createServer(protocol, () => new Promise(() => {}))
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      server.attach(own)
      await turns()
      await endsAfter(HOUR, tick, server.close({ graceMs: HOUR }), undefined)
    },
  ],
  [
    'timeoutMs of readMessage',
    async (tick) => {
      const { client, server } = connectionPair(protocol)
      await endsAfter(HOUR, tick, server.reader.readMessage({ timeoutMs: HOUR }), 'ERR_QBP_READ_TIMEOUT')
      client.destroy()
      server.destroy()
    },
  ],
  [
    'handshakeTimeoutMs of startTls',
    async (tick, identity) => {
      const [own, peer] = duplexPair()
      peer.on('error', () => {}).resume()
      const connection = new QbpConnection(protocol, own, { role: 'server', handshakeTimeoutMs: HOUR })
      const secure = connection.startTls(identity)
      await turns()
      await endsAfter(HOUR, tick, secure, 'ERR_QBP_HANDSHAKE_TIMEOUT')
    },
  ],
  [
    'handshakeTimeoutMs of a server',
    async (tick, identity) => {
      const server = createServer(protocol, { tls: identity, handshakeTimeoutMs: HOUR, maxConnections: 1 }, () => {})
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const socket = net.connect(port, '127.0.0.1').on('error', () => {})
      net.connect(port, '127.0.0.1').on('error', () => {})
      await once(server, 'clientError') // This second one was refused: the first is there.
      const failed = once(server, 'clientError').then(([fault]) => fault)
      await endsAfter(HOUR, tick, failed, 'ERR_QBP_HANDSHAKE_TIMEOUT')
      socket.destroy()
      await server.close()
    },
  ],
  [
    'connectTimeoutMs',
    async (tick) => {
      const silent = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      const { port } = silent.address() as AddressInfo
      const options = { port, host: '127.0.0.1', tls: true, connectTimeoutMs: HOUR } as const
      const connected = connect(protocol, options)
      await once(silent, 'connection')
      await endsAfter(HOUR, tick, connected, 'ERR_QBP_CONNECT_TIMEOUT')
      silent.close()
    },
  ],
  [
    'the waits of connections()',
    async (tick) => {
      const free = net.createServer().listen(0, '127.0.0.1')
      await once(free, 'listening')
      const { port } = free.address() as AddressInfo
      free.close()
      await once(free, 'close')
      const loop = connections(protocol, {
        port,
        host: '127.0.0.1',
        minDelayMs: HOUR,
        maxDelayMs: HOUR,
        maxAttempts: 3,
      })
      const ended = outcomeOf(loop.next())
      for (const attempts of [1, 2, 3]) {
        while (loop.attempts < attempts) await turns()
        await tick(HOUR)
      }
      await turns()
      expect(ended.now).to.equal('ECONNREFUSED')
    },
  ],
  [
    'a call that waits for a connection',
    async (tick) => {
      const loop = connections(calling, { port: 1 })
      const call = loop.client(Accounts).open({ name: 'ann' }, { timeoutMs: HOUR })
      await endsAfter(HOUR, tick, call, 'DEADLINE_EXCEEDED')
    },
  ],
  [
    'the tries of a Link',
    async (tick) => {
      const { client, server, wire } = connectionPair(Protocol.from(chat, { header: 'length:varint type:u8 seq:u8' }))
      const link = new Link(client, { answers: ['Said'], timeoutMs: HOUR, tries: 2 })
      wire.pause()
      const answer = link.request({ $name: 'Say', text: 'hi' })
      await tick(HOUR)
      await endsAfter(HOUR, tick, answer, 'ERR_QBP_READ_TIMEOUT')
      client.destroy()
      server.destroy()
    },
  ],
  [
    'the test kit: expect, expectNothing, and the latency of a wire',
    async (tick) => {
      const { client, server, wire } = connectionPair(protocol)
      const peer = new ScriptedPeer(protocol, 'client', { timeoutMs: HOUR })
      peer.duplex.on('error', () => {})
      const late = outcomeOf(peer.receive())
      await tick(0.99 * HOUR)
      expect(late.now).to.equal('waits')
      await tick(0.01 * HOUR)
      expect(late.now).to.equal('ERR_ASSERTION')
      await endsAfter(HOUR, tick, peer.expectNothing(HOUR), undefined)
      wire.there.latencyMs = HOUR
      client.writer.write({ $name: 'Leave' })
      await turns()
      const read = server.reader.readMessage().then((message) => message?.$name)
      await endsAfter(HOUR, tick, read, 'Leave')
      client.destroy()
      server.destroy()
      peer.reset()
    },
  ],
  [
    'the life of a session',
    async (tick) => {
      const sessions = new Sessions<string>(localBus(), { ttlMs: HOUR })
      const session = await sessions.open('ann')
      await session.release()
      await tick(0.99 * HOUR)
      const back = await sessions.resume(session.token)
      expect(back?.state).to.equal('ann')
      await back?.release()
      await tick(HOUR)
      expect(await sessions.resume(session.token)).to.equal(null)
    },
  ],
  [
    'the wait of a publication for its engine',
    async (tick) => {
      const hub = new LocalHub()
      await using bus = hub.bus({ timeoutMs: MINUTE })
      hub.down()
      const published = bus.publish('room', Buffer.from('x'), { durable: true })
      await endsAfter(MINUTE, tick, published, 'ERR_QBP_BUS_TIMEOUT')
    },
  ],
]

/** Those that compare times, and so need the Date mocked with the timers. */
const agings: Wait[] = [
  [
    'the deadline of a call, on both ends',
    async (tick) => {
      const { client, server } = connectionPair(calling)
      const began: CallContext[] = []
      void server.serve(Accounts, {
        open: (_: unknown, context: CallContext) => {
          began.push(context)
          return new Promise<never>(() => {})
        },
      } as never)
      const stub = client.client(Accounts)
      const longer = outcomeOf(stub.open({ name: 'ann' }, { timeoutMs: 2 * HOUR }))
      await turns()
      await tick(HOUR / 2)
      await endsAfter(HOUR, tick, stub.open({ name: 'ben' }, { timeoutMs: HOUR }), 'DEADLINE_EXCEEDED')
      expect(began.map(({ signal }) => signal.aborted)).to.deep.equal([false, true])
      expect(began[0]?.timeLeftMs).to.be.within(0.45 * HOUR, 0.5 * HOUR)
      expect(longer.now).to.equal('waits')
      await tick(HOUR / 2)
      expect(longer.now).to.equal('DEADLINE_EXCEEDED')
      client.destroy()
      server.destroy()
    },
  ],
  [
    'the life of an entry of the store, and a watch of it',
    async (tick) => {
      await using bus = localBus()
      const changes: (string | null)[] = []
      await bus.store.watch([], ({ value }) => changes.push(value && Buffer.from(value).toString()))
      await bus.store.put(['a'], Buffer.from('1'), { ttlMs: HOUR })
      await tick(0.99 * HOUR)
      expect(await bus.store.get(['a'])).to.have.property('value')
      expect(changes).to.deep.equal(['1'])
      await tick(0.01 * HOUR)
      expect(await bus.store.get(['a'])).to.equal(undefined)
      expect(changes).to.deep.equal(['1', null])
    },
  ],
  [
    'logMaxAgeMs of a local bus',
    async (tick) => {
      await using bus = new LocalHub({ logMaxAgeMs: HOUR }).bus()
      const publish = (text: string) => bus.publish('room', Buffer.from(text), { durable: true })
      await publish('old')
      await tick(HOUR / 2)
      await publish('young')
      await tick(0.6 * HOUR)
      await publish('new')
      const heard: string[] = []
      await bus.subscribe('room', (frame) => heard.push(Buffer.from(frame).toString()), { since: 'first', echo: true })
      await turns()
      expect(heard).to.deep.equal(['young', 'new'])
    },
  ],
  [
    'the presence of a node that is gone',
    async (tick) => {
      const hub = new LocalHub()
      await using bus = hub.bus()
      const gone = hub.bus()
      const [here, there] = [bus, gone].map((on) => new BusGroup(protocol, on, 'room', { presenceTtlMs: HOUR }))
      if (here === undefined || there === undefined) throw new Error('two groups')
      const { client, server } = connectionPair(protocol)
      await there.join(server, { name: 'ann' })
      const known = here.members()
      const outcome = outcomeOf(known)
      while (outcome.now === 'waits') await tick(1)
      expect(await known).to.have.lengthOf(1)
      gone.store.put = () => Promise.reject(new Error('gone'))
      for (let n = 0; n < 5; n++) await tick(HOUR / 6)
      expect(await here.members()).to.have.lengthOf(1)
      for (let n = 0; n < 5; n++) await tick(HOUR / 6)
      expect(await here.members()).to.have.lengthOf(0)
      client.destroy()
      server.destroy()
      await gone.close()
    },
  ],
]

const kinds: [name: string, fakes: Fakes, waits: Wait[]][] = [
  ['node:test', ofNode(APIS), [...waits, ...agings]],
  ['node:test, setImmediate among them', ofNode([...APIS, 'setImmediate']), [...waits, ...agings]],
  ['node:test, and no Date', ofNode(['setTimeout', 'setInterval']), waits],
  ['Sinon', sinon(), [...waits, ...agings]],
]

for (const [name, fakes, moved] of kinds) {
  describe(`mocked timers of ${name}`, () => {
    let identity: Identity
    before(async () => {
      identity = (await certificates()).server
    })
    beforeEach(() => fakes.enable())
    afterEach(() => fakes.reset())

    const tick: Tick = async (ms) => {
      fakes.tick(ms)
      await turns()
    }
    it('do not hold up a past that is given to a slow reader', async () => {
      await using bus = localBus()
      await using group = new BusGroup(protocol, bus, 'lobby', { durable: true })
      const client = new Client({ reads: false, maxQueuedBytes: 20_000 }) // One of these messages has room, and no more.
      const since = (await group.broadcast(say('0'))) as Position
      for (let n = 1; n <= 5; n++) void group.broadcast(say('x'.repeat(12_000)))
      const joined = group.join(client.writer, { since })
      while (client.writer.writableLength < 10_000) await turns()
      await turns()
      client.read()
      await joined
      while (client.heard.length < 5) await turns()
    })

    for (const [what, run] of moved) it(`move ${what}`, () => run(tick, identity))
  })
}
