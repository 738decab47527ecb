import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import {
  type CallContext,
  CallError,
  connect,
  createServer,
  type Protocol,
  type ProtocolOptions,
  type QbpConnection,
  type Role,
} from '../../lib/index.ts'
import { QbpConnection as Connection } from '../../lib/net/connection.ts'
import { connectionPair, duplexPair } from '../../lib/testing/index.ts'
import { loadAccounts, rejection } from '../calls/support.ts'
import { uncaught } from '../support/uncaught.ts'

const filler = new Uint8Array(1000)
const never = (): Promise<never> => new Promise(() => {})
type Ends = { client: QbpConnection<Protocol, 'client'>; server: QbpConnection<Protocol, 'server'> }

describe('calls on a connection', () => {
  let protocol: Protocol
  let ends: Ends
  before(async () => {
    protocol = await loadAccounts()
  })
  beforeEach(() => {
    ends = connectionPair(protocol)
  })
  afterEach(() => {
    ends.client.destroy()
    ends.server.destroy()
  })

  for (const [callee, caller] of [
    ['server', 'client'],
    ['client', 'server'],
  ] as const) {
    it(`go from the ${caller} to the ${callee}`, async () => {
      const to = ends[callee] as QbpConnection<Protocol, Role>
      const from = ends[caller] as QbpConnection<Protocol, Role>
      void to.serve('Accounts', {
        open: ({ name }, { connection }) => ({ name: `${name} ${connection === to}` }),
        async *watch({ id }) {
          for (let balance = 0; balance < Number(id); balance++) yield { balance }
        },
      })
      const accounts = from.client('accounts.Accounts')
      expect((await accounts.open({ name: 'ann' })).name).to.equal('ann true')
      let count = 0
      for await (const _ of accounts.watch({ id: 100 })) count++
      expect(count).to.equal(100)
    })
  }

  it('are made one after another byte by byte, in both directions at once', async () => {
    ends = connectionPair(protocol, { sliceBytes: 1 })
    for (const end of [ends.client, ends.server]) void end.serve('Accounts', { open: ({ name }) => ({ name }) })
    const names = await Promise.all(
      [ends.client, ends.server].map(async (end) => {
        const all = []
        for (let i = 0; i < 10; i++) all.push((await end.client('Accounts').open({ name: `n${i}` })).name)
        return all.join()
      }),
    )
    expect(names[0]).to.equal(names[1]).and.to.equal('n0,n1,n2,n3,n4,n5,n6,n7,n8,n9')
  })

  describe('beside pushed messages', () => {
    /** Calls between two pushed messages, over a header of some kind. */
    const mixed = async (options: ProtocolOptions, sliceBytes: number) => {
      const own = await loadAccounts(200, options)
      const { client, server } = connectionPair(own, { sliceBytes, maxHeaderBytes: 100_000 })
      void server.serve('Accounts', { open: ({ name }) => ({ name }) })
      client.writer.write({ $name: 'News', number: 1 })
      const { name } = await client.client('Accounts').open({ name: 'ann' })
      client.writer.write({ $name: 'News', number: 2 })
      const numbers = [await server.reader.readMessage(), await server.reader.readMessage()].map((news) => news?.number)
      const { preamble } = server.reader
      client.destroy()
      server.destroy()
      return { name, numbers, preamble }
    }
    const whole = { name: 'ann', numbers: [1, 2], preamble: null }

    it('come over any header: with a checksum after the body, a preamble, fields of their own', async () => {
      for (const sliceBytes of [1, 7, 1_000]) {
        expect(await mixed({ header: 'type:u8 length:u16 body crc32c(body):u32' }, sliceBytes)).to.deep.equal(whole)
        expect(await mixed({ header: 'length:varint type:varint flags:u8=3' }, sliceBytes)).to.deep.equal(whole)
        const header = '"QB" version:u8=3 | type:u8 length:u16'
        expect(await mixed({ header }, sliceBytes)).to.deep.equal({ ...whole, preamble: { version: 3 } })
      }
    })

    it("come through the protocol's hook for bodies, as these do", async () => {
      const swapped = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55)
      const packed: number[] = []
      const body = {
        read: swapped,
        write(bytes: Uint8Array, { type }: { type?: unknown }) {
          packed.push(Number(type))
          return swapped(bytes)
        },
      }
      expect(await mixed({ body }, 1_000)).to.deep.equal(whole)
      expect(packed).to.deep.equal([1, 200, 201, 1])
    })

    it('leave these their order, and are no messages of the reader', async () => {
      void ends.server.serve('Accounts', { open: ({ name }) => ({ name }) })
      const accounts = ends.client.client('Accounts')
      const all: Promise<unknown>[] = []
      for (let number = 1; number <= 100; number++) {
        ends.client.writer.write({ $name: 'News', number })
        if (number % 3 === 0) all.push(accounts.open({ name: 'ann' }))
      }
      const numbers = []
      while (numbers.length < 100) numbers.push((await ends.server.reader.readMessage())?.number)
      expect(numbers).to.deep.equal(Array.from({ length: 100 }, (_, i) => i + 1))
      await Promise.all(all)
    })

    it('are not held up by a reader that nobody reads, within the limit', async () => {
      void ends.server.serve('Accounts', { open: () => ({ name: 'served' }) })
      for (let number = 0; number < 200; number++) ends.client.writer.write({ $name: 'News', number, filler })
      expect((await ends.client.client('Accounts').open({})).name).to.equal('served')
      const first = await ends.server.reader.readMessage()
      expect(first?.number).to.equal(0)
    })

    it('are held up, and memory with them, by a reader that nobody reads beyond it; all comes once somebody does', async () => {
      void ends.server.serve('Accounts', { open: () => ({ name: 'served' }) })
      const count = 3000
      const written = (async () => {
        for (let number = 0; number < count; number++)
          await ends.client.writer.writeMessage({ $name: 'News', number, filler })
        return ends.client.client('Accounts').open({})
      })()
      await wait(50)
      expect(ends.client.stats().bytesOut).to.be.lessThan(2 ** 20)
      let number = 0
      while (number < count) expect((await ends.server.reader.readMessage())?.number).to.equal(number++)
      expect((await written).name).to.equal('served')
    })

    it('do not hold these up by a stream that nobody reads', async () => {
      void ends.server.serve('Accounts', {
        async *watch() {
          for (;;) yield { filler }
        },
      })
      const answers = ends.client.client('Accounts').watch({})
      await wait(20)
      ends.server.writer.write({ $name: 'News', number: 5 })
      expect((await ends.client.reader.readMessage())?.number).to.equal(5)
      await answers.return()
    })

    it('come through a reader in every way that it can be read', async () => {
      void ends.server.serve('Accounts', { open: () => ({}) })
      const seen: number[] = []
      ends.server.reader.on('data', ({ number }) => seen.push(number))
      for (let number = 0; number < 50; number++) {
        ends.client.writer.write({ $name: 'News', number })
        await ends.client.client('Accounts').open({})
      }
      expect(seen).to.have.lengthOf(50)
    })
  })

  describe('at the end of a connection', () => {
    it('finish before close() ends it, and no others are taken', async () => {
      let open: (value: object) => void = () => {}
      void ends.server.serve('Accounts', { open: () => new Promise((resolve) => (open = resolve)), close: () => ({}) })
      const accounts = ends.client.client('Accounts')
      const answer = accounts.open({})
      await wait(5)
      const closed = ends.server.close()
      expect(await rejection(accounts.close({}))).to.include({ code: 'UNAVAILABLE' })
      open({ name: 'late' })
      expect((await answer).name).to.equal('late')
      await ends.client.close()
      expect(await closed).to.equal(null)
    })

    it('finish with the requests and the windows that they need', async () => {
      void ends.server.serve('Accounts', {
        async deposit(updates) {
          let sum = 0n
          for await (const { balance } of updates) sum += BigInt(balance)
          return { id: sum }
        },
      })
      const deposit = ends.client.client('Accounts').deposit(
        (async function* () {
          for (let i = 0; i < 200; i++) {
            yield { balance: 1, filler }
            if (i % 50 === 0) await wait(1)
          }
        })(),
      )
      await wait(2)
      const closed = ends.server.close()
      expect((await deposit).id).to.equal(200n)
      await ends.client.close()
      expect(await closed).to.equal(null)
    })

    it('are aborted when the grace is over', async () => {
      let reason: unknown
      void ends.server.serve('Accounts', {
        open: (_, { signal }: CallContext) => {
          signal.addEventListener('abort', () => (reason = signal.reason))
          return never()
        },
      })
      const answer = rejection(ends.client.client('Accounts').open({}))
      await wait(5)
      expect(await ends.server.close({ graceMs: 20 })).to.include({ code: 'ERR_QBP_CLOSED' })
      expect(await answer).to.include({ code: 'UNKNOWN', sent: true })
      expect(reason).to.include({ code: 'UNAVAILABLE' })
    })

    it('end where this side closes while it reads a stream', async () => {
      void ends.server.serve('Accounts', {
        async *watch() {
          for (let balance = 0; ; balance++) yield { balance }
        },
      })
      const answers = ends.client.client('Accounts').watch({})
      await answers.next()
      const closed = ends.client.close()
      expect(await rejection(answers.next())).to.include({ code: 'CANCELLED' })
      await ends.server.close()
      expect(await closed).to.equal(null)
    })

    it('fail at once where it is destroyed, on either side', async () => {
      void ends.server.serve('Accounts', { open: never })
      const mine = rejection(ends.client.client('Accounts').open({}))
      await wait(5)
      ends.server.destroy()
      expect(await mine).to.include({ code: 'UNKNOWN', sent: true })
      expect(await rejection(ends.client.client('Accounts').open({}))).to.include({ code: 'UNAVAILABLE', sent: false })
    })

    it('are answered on the half that is open, where the caller has ended its own', async () => {
      let open: (value: object) => void = () => {}
      const ended = ends.server.serve('Accounts', { open: () => new Promise((resolve) => (open = resolve)) })
      const answer = ends.client.client('Accounts').open({})
      await wait(5)
      ends.client.writer.end()
      await ended
      open({ name: 'half' })
      expect((await answer).name).to.equal('half')
    })

    it('end where the caller has ended its half before its last request, and it hears of it', async () => {
      let seen: unknown
      const ended = ends.server.serve('Accounts', {
        async deposit(updates) {
          try {
            for await (const _ of updates);
          } catch (error) {
            seen = error
          }
          return {}
        },
      })
      const deposit = ends.client.client('Accounts').deposit(
        (async function* () {
          yield { balance: 1 }
          await never()
        })(),
      )
      await wait(5)
      ends.client.writer.end()
      await ended
      expect(await rejection(deposit)).to.include({ code: 'CANCELLED', lost: false })
      expect(seen).to.include({ code: 'CANCELLED' })
      expect(ends.server.stats().calls?.in).to.deep.include({ underWay: 0 })
    })

    it('fail where the callee has ended its half', async () => {
      void ends.server.serve('Accounts', { open: never })
      const answer = rejection(ends.client.client('Accounts').open({}))
      await wait(5)
      ends.server.writer.end()
      expect(await answer).to.include({ code: 'UNKNOWN', sent: true })
    })

    it('of which nothing has left say so', async () => {
      const [left, right] = duplexPair({ highWaterMarkBytes: 1 })
      const client = new Connection(protocol, left, { role: 'client' })
      right.on('error', () => {}).pause()
      client.writer.write({ $name: 'News', filler: new Uint8Array(70_000) }) // It fills the duplex.
      await wait(1)
      const answer = rejection(client.client('Accounts').open({}))
      await wait(1)
      client.destroy()
      expect(await answer).to.include({ code: 'UNAVAILABLE', sent: false })
    })
  })

  it('of a peer that breaks their rules are reported, and the connection ends with the fault', async () => {
    const [left, right] = duplexPair()
    right.on('error', () => {})
    const server = new Connection(protocol, left, { role: 'server' })
    void server.serve('Accounts', { open: never })
    const call = Buffer.from(
      `0801 1a16${Buffer.from('accounts.Accounts/Open').toString('hex')}`.replace(' ', ''),
      'hex',
    )
    const frame = Buffer.concat([Buffer.from('00f000000000', 'hex'), call])
    frame.writeUInt32BE(call.length, 2)
    right.write(Buffer.concat([Buffer.from('000100000002 0805'.replace(' ', ''), 'hex'), frame, frame]))
    expect((await server.reader.readMessage())?.number).to.equal(5) // What came before it is handed out.
    expect(await rejection(server.reader.readMessage())).to.include({ code: 'ERR_QBP_BAD_CALL', frame: 2 })
    server.destroy()
  })

  for (const [what, bytes, code] of [
    ['no part of a call', '00f0 00000002 ffff', 'ERR_QBP_INVALID_BODY'],
    ['longer than a frame may be', '00f1 7fffffff', 'ERR_QBP_TOO_LONG'],
  ] as const) {
    const broken = Buffer.from(bytes.replaceAll(' ', ''), 'hex')

    it(`fail at once where what comes is ${what}, and the connection ends though nobody reads it`, async () => {
      void ends.server.serve('Accounts', {
        open: never,
        watch: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
      })
      const accounts = ends.client.client('Accounts')
      const failed = [accounts.open({}, { timeoutMs: 600_000 }), accounts.watch({}).next()].map(rejection)
      await wait(5)
      ends.server.socket.write(broken)
      for (const error of await Promise.all(failed)) expect(error).to.include({ code: 'UNKNOWN', lost: true })
      expect(await ends.client.closed).to.have.property('code', code)
      expect(await rejection(accounts.open({}))).to.include({ code: 'UNAVAILABLE', sent: false })
    })

    it(`fail at once where what comes is ${what}, and what was pushed before it can be read`, async () => {
      void ends.server.serve('Accounts', { open: never })
      const failed = rejection(ends.client.client('Accounts').open({}, { timeoutMs: 600_000 }))
      await ends.server.writer.writeMessage({ $name: 'News', number: 5 })
      ends.server.socket.write(broken)
      expect(await failed).to.include({ code: 'UNKNOWN', lost: true })
      expect((await ends.client.reader.readMessage())?.number).to.equal(5)
      expect(await rejection(ends.client.reader.readMessage())).to.have.property('code', code)
    })
  }

  it('that a server’s handler serves alone are served until the client ends', async () => {
    const server = createServer(protocol, (_reader, _writer, connection) =>
      connection.serve('Accounts', { open: ({ name }) => ({ name }) }),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = await connect(protocol, { port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
    const accounts = client.client('Accounts')
    expect((await accounts.open({ name: 'ann' })).name).to.equal('ann')
    await wait(5)
    expect((await accounts.open({ name: 'bob' })).name).to.equal('bob')
    expect(await client.close()).to.equal(null)
    await server.close()
    expect(server.stats().calls).to.deep.equal({
      in: { begun: 2, underWay: 0, byCode: { OK: 2 } },
      out: { begun: 0, underWay: 0, byCode: {} },
      refused: 0,
      dropped: 0,
    })
  })

  it('whose handler throws are reported by the server, and by a warning where nobody listens', async () => {
    const bug = new Error('a bug')
    const handlers = {
      open: () => {
        throw bug
      },
    }
    const server = createServer(protocol, (_reader, _writer, connection) => connection.serve('Accounts', handlers))
    const [left, right] = duplexPair()
    const connection = server.attach(left)
    const client = new Connection(protocol, right, { role: 'client' })
    const warned = once(process, 'warning')
    expect(await rejection(client.client('Accounts').open({}))).to.include({ code: 'INTERNAL' })
    expect((await warned)[0])
      .to.have.property('message')
      .that.includes('a bug')
    const reported = once(server, 'clientError')
    expect(await rejection(client.client('Accounts').open({}))).to.include({ code: 'INTERNAL' })
    expect(await reported).to.deep.equal([bug, connection])
    client.destroy()
    await server.close()
  })

  it('are counted by stats(), and published when they end', async () => {
    const ended: { side: string; path: string; code: string; ms: number; connection: unknown }[] = []
    const note = (message: unknown) => ended.push(message as never)
    subscribe('qbp:call:end', note)
    try {
      void ends.server.serve('Accounts', {
        open: ({ name }) => {
          if (name === '') throw new CallError('NOT_FOUND')
          return {}
        },
      })
      const accounts = ends.client.client('Accounts')
      await accounts.open({ name: 'ann' })
      await rejection(accounts.open({}))
      expect(
        ended.map(({ side, path, code, connection }) => [side, path, code, connection === ends.client]),
      ).to.deep.equal([
        ['callee', 'accounts.Accounts/Open', 'OK', false],
        ['caller', 'accounts.Accounts/Open', 'OK', true],
        ['callee', 'accounts.Accounts/Open', 'NOT_FOUND', false],
        ['caller', 'accounts.Accounts/Open', 'NOT_FOUND', true],
      ])
      expect(ended.every(({ ms }) => ms > 0)).to.equal(true)
    } finally {
      unsubscribe('qbp:call:end', note)
    }
    const { calls, byName } = ends.client.stats()
    expect(calls?.out).to.deep.equal({ begun: 2, underWay: 0, byCode: { OK: 1, NOT_FOUND: 1 } })
    expect([byName.out['qbp.Call']?.messages, byName.in['qbp.Reply']?.messages]).to.deep.equal([2, 2])
  })

  it('need a protocol that carries them', async () => {
    const { client, server } = connectionPair(await loadAccounts(false))
    expect(() => client.client('Accounts')).to.throw('calls: true')
    expect(() => server.serve('Accounts', {})).to.throw('calls: true')
    expect(client.stats()).not.to.have.property('calls')
    client.destroy()
    server.destroy()
  })

  it('let other connections come first when there are many', async () => {
    void ends.server.serve('Accounts', { open: () => ({}) })
    const other = connectionPair(protocol)
    void other.server.serve('Accounts', { open: () => ({}) })
    const flood = ends.client.client('Accounts')
    let answered = 0
    const all = Array.from({ length: 5_000 }, () => flood.open({}).then(() => answered++))
    await other.client.client('Accounts').open({})
    expect(answered).to.be.lessThan(5_000)
    await Promise.all(all.map((each) => each.catch(() => {})))
    other.client.destroy()
    other.server.destroy()
  })

  it('all end where a queue that is full has no room for the word that one is given up, which ends the connection', async () => {
    const { client, server } = connectionPair(protocol, { maxQueuedBytes: 2_000 })
    void server.serve('Accounts', { open: never })
    const abort = new AbortController()
    const calls = ['a', 'b'].map((name) => client.client('Accounts').open?.({ name }, { signal: abort.signal }))
    while (server.stats().calls?.in.underWay !== 2) await wait(1)
    const size = protocol.frame({ $name: 'News', number: 5 }).bytes.length
    while (client.stats().queuedBytes + size <= 2_000) client.writer.write({ $name: 'News', number: 5 })
    abort.abort()
    const ends = await Promise.all(calls.map((call) => rejection(call as Promise<unknown>)))
    for (const end of ends) expect(end).to.include({ code: 'UNKNOWN', lost: true })
    expect(await client.closed).to.include({ code: 'ERR_QBP_QUEUE_FULL' })
    server.destroy()
  })

  it('all hear that their connection has ended, whatever a listener of clientError throws at what another left', async () => {
    const server = createServer(protocol, (_reader, _writer, connection) =>
      connection.serve('Accounts', {
        open: (_request, context) => {
          signals.push(context.signal)
          return never()
        },
        watch: () => ({ [Symbol.asyncIterator]: () => stuck }) as never,
      }),
    )
    const signals: AbortSignal[] = []
    const stuck = {
      next: never,
      return() {
        throw new Error('of return')
      },
    }
    server.on('clientError', ({ message }) => {
      throw new Error(`a listener, ${message}`)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = await connect(protocol, { port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
    const accounts = client.client('Accounts')
    const answers = accounts.watch?.({}) as AsyncIterable<unknown>
    void answers[Symbol.asyncIterator]()
      .next()
      .catch(() => {})
    for (const name of ['a', 'b']) accounts.open?.({ name }).catch(() => {})
    while (signals.length < 2) await wait(1)
    expect(await uncaught(() => client.destroy())).to.have.property('message', 'a listener, of return')
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true])
    server.removeAllListeners('clientError')
    await server.close({ graceMs: 100 })
  })
})
