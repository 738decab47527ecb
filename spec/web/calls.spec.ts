import { expect } from 'chai'
import { WebSocket } from 'ws'
import { Protocol as NodeProtocol } from '../../lib/index.ts'
import {
  CallError,
  type CallOptions,
  calls,
  connect,
  Health,
  layout,
  Protocol,
  type StreamPair,
  type WebConnection,
} from '../../lib/web/index.ts'
import { createWebSocketServer } from '../../lib/ws/index.ts'
import { Accounts, type AccountsHandlers, accounts } from '../calls/accounts.ts'
import { accountsHandlers, converse } from '../support/accounts-handlers.ts'
import { rejection } from '../support/rejection.ts'
import { webPair } from '../support/web-pair.ts'

const protocol = Protocol.from(accounts, { calls: calls() })
const node = NodeProtocol.from(accounts, { calls: true })
type Ends = [client: WebConnection<typeof protocol>, server: WebConnection<typeof protocol>]

const ends = async (own = protocol, options: CallOptions = {}): Promise<Ends> => {
  const [client, server] = webPair()
  return Promise.all([connect(own, client, options), connect(own, server, { ...options, role: 'server' })])
}

/** A callee over a pair of streams, and the bare other end of it. */
async function bareCaller(handlers: AccountsHandlers = accountsHandlers, own = protocol) {
  const [client, server] = webPair()
  const connection = await connect(own, server, { role: 'server' })
  void connection.serve(Accounts, handlers)
  return { connection, writer: client.writable.getWriter(), reader: client.readable.getReader() }
}

const call = (fields: object): Uint8Array => node.frame({ $name: 'qbp.Call', ...fields } as never).bytes
const news = (number: number): Uint8Array => node.frame({ $name: 'News', number }).bytes
const OPEN = 'accounts.Accounts/Open'
/** A handler that only its caller's end ends. */
const { close: untilGivenUp } = accountsHandlers

describe('calls of qbp-stream/web', () => {
  let open: { destroy(): void }[] = []
  const kept = <C extends readonly { destroy(): void }[]>(all: C): C => {
    open.push(...all)
    return all
  }
  afterEach(() => {
    for (const each of open) each.destroy()
    open = []
  })

  it('go both ways at once over a pair of web streams, of every kind and to every end', async () => {
    const both = kept(await ends())
    for (const end of both) void end.serve(Accounts, accountsHandlers)
    await Promise.all(both.map((end) => converse(end.client(Accounts))))
    expect(await Promise.all(both.map((end) => end.close()))).to.deep.equal([null, null])
  })

  it('go both ways over a WebSocket, to createWebSocketServer', async () => {
    let back: Promise<void> | undefined
    const server = createWebSocketServer(node, async (_reader, _writer, connection) => {
      const ended = connection.serve(Accounts, accountsHandlers)
      back = converse(connection.client(Accounts))
      await back
      await ended
    })
    const { port } = await server.listen(0, '127.0.0.1')
    const connection = await connect(protocol, new WebSocket(`ws://127.0.0.1:${port}`))
    const ended = connection.serve(Accounts, accountsHandlers)
    await converse(connection.client(Accounts))
    await back
    expect(await connection.close()).to.equal(null)
    await ended
    await server.close()
    expect(server.connections.stats().faults).to.deep.equal({})
  })

  it('answer a health check, and make one, without a codec in the module', async () => {
    const [client, server] = kept(await ends())
    const health = new Health()
    void health.serve(server)
    const checks = client.client(Health.service)
    expect((await checks.check({})).status).to.equal(1)
    health.set('accounts.Accounts', 'NOT_SERVING')
    for await (const { status } of checks.watch({ service: 'accounts.Accounts' })) {
      if (status === 1) break
      expect(status).to.equal(2)
      health.set('accounts.Accounts', 'SERVING')
    }
    expect(await rejection(checks.check({ service: 'none' }))).to.include({ code: 'NOT_FOUND' })
  })

  it('keep to their order, and pushed messages to theirs, which the reader alone sees', async () => {
    const [client, server] = kept(await ends())
    void server.serve(Accounts, accountsHandlers)
    const remote = client.client(Accounts)
    const asked: Promise<unknown>[] = []
    for (let number = 1; number <= 300; number++) {
      client.writer.write({ $name: 'News', number })
      if (number % 3 === 0) asked.push(remote.open({ name: `n${number}` }).then(({ name }) => name))
    }
    expect(await Promise.all(asked)).to.deep.equal(Array.from({ length: 100 }, (_, i) => `n${3 * (i + 1)}`))
    for (let number = 1; number <= 300; number++)
      expect(await server.reader.readMessage()).to.include({ $name: 'News', number })
  })

  it('come however the bytes are cut, a header and a trailer included', async () => {
    for (const header of [
      'length:u16 type:u8',
      'type:u16 length:u32 body crc32c(body):u32',
      '"QB" version:u8=3 | type:u8 length:u16',
    ]) {
      const own = Protocol.from(accounts, { calls: calls(200), header: layout(header) })
      const [far, near] = [webPair(), webPair()]
      void slice(far[1].readable, near[0].writable)
      void slice(near[0].readable, far[1].writable)
      const [client, server] = kept([
        await connect(own, far[0]),
        await connect(own, near[1], { role: 'server' }),
      ] as const)
      void server.serve(Accounts, accountsHandlers)
      client.writer.write({ $name: 'News', number: 1 })
      const { name } = await client.client(Accounts).open({ name: 'ann' })
      client.writer.write({ $name: 'News', number: 2 })
      const numbers = [await server.reader.readMessage(), await server.reader.readMessage()]
      expect([name, ...numbers.map((message) => (message as { number: number }).number)]).to.deep.equal(['ann', 1, 2])
    }
  })

  it('of one stream that nobody reads hold up no other, and cost no more than its window', async () => {
    const [client, server] = kept(await ends())
    let sent = 0
    void server.serve(Accounts, {
      ...accountsHandlers,
      async *watch() {
        for (; ; sent++) yield { filler: new Uint8Array(1_000) }
      },
    })
    const remote = client.client(Accounts)
    const stream = remote.watch({})
    await stream.next()
    for (let i = 0; i < 100; i++) expect((await remote.open({ name: 'ann' })).name).to.equal('ann')
    expect(sent).to.be.lessThan(80)
    await stream.return?.()
  })

  it('fail with their connection, and say whether they were sent', async () => {
    const [client, server] = kept(await ends())
    const given: string[] = []
    const begun = new Promise<void>((resolve) => {
      void server.serve(Accounts, {
        close: (request, context) => {
          resolve()
          context.signal.addEventListener('abort', () => given.push((context.signal.reason as CallError).code))
          return untilGivenUp?.(request, context) as never
        },
      })
    })
    const remote = client.client(Accounts)
    const lost = rejection(remote.close({}))
    await begun
    client.destroy()
    expect(await lost).to.include({ code: 'UNKNOWN', sent: true, lost: true })
    expect(await rejection(remote.close({}))).to.include({ code: 'UNAVAILABLE', sent: false, lost: true })
    await server.closed
    expect(given).to.deep.equal(['UNAVAILABLE'])
  })

  it('that have not left when the connection is destroyed were not sent', async () => {
    const [client] = kept(await ends())
    const lost = rejection(client.client(Accounts).open({ name: 'ann' }))
    client.destroy()
    expect(await lost).to.include({ code: 'UNAVAILABLE', sent: false, lost: true })
  })

  it('under way are let finish by close(), which takes no others', async () => {
    const [client, server] = kept(await ends())
    let answer = (): void => {}
    let isAsked = (): void => {}
    const asked = new Promise<void>((resolve) => (isAsked = resolve))
    void server.serve(Accounts, {
      open: ({ name }) =>
        new Promise((resolve) => {
          answer = () => resolve({ name })
          isAsked()
        }),
    })
    const remote = client.client(Accounts)
    const first = remote.open({ name: 'ann' })
    await asked
    const closed = server.close()
    expect(await rejection(remote.open({ name: 'bob' }))).to.include({ code: 'UNAVAILABLE' })
    answer()
    expect((await first).name).to.equal('ann')
    expect(await Promise.all([closed, client.close()])).to.deep.equal([null, null])
  })

  it('that do not finish are given up when graceMs is over', async () => {
    const [client, server] = kept(await ends())
    void server.serve(Accounts, accountsHandlers)
    const lost = rejection(client.client(Accounts).close({}))
    expect(await client.close({ graceMs: 20 })).to.include({ code: 'ERR_QBP_CLOSED', limit: 20 })
    expect(await lost).to.include({ code: 'UNKNOWN' })
  })

  it('answer INTERNAL where a handler throws, without its text, which the console of this side has', async () => {
    const [client, server] = kept(await ends())
    void server.serve(Accounts, {
      open: () => {
        throw new Error('a secret')
      },
    })
    const { error } = console
    const shown: unknown[] = []
    console.error = (...args) => shown.push(...args)
    try {
      const failure = await rejection(client.client(Accounts).open({}))
      expect(failure).to.include({ code: 'INTERNAL' }).and.to.be.an.instanceOf(CallError)
      expect(failure.message).to.not.include('secret')
    } finally {
      console.error = error
    }
    expect(shown.map(String).join(' ')).to.include('a secret')
    expect(server.closing).to.equal(false)
  })

  it('of a peer that breaks their rules end the connection, after what came before', async () => {
    const { connection, writer, reader } = await bareCaller({ close: untilGivenUp as never })
    kept([connection])
    void reader.read()
    const twice = call({ id: 1, method: 'accounts.Accounts/Close' })
    await writer.write(Uint8Array.from([...news(1), ...twice, ...news(2), ...twice, ...news(3)]))
    const numbers = [await connection.reader.readMessage(), await connection.reader.readMessage()]
    expect(numbers.map((message) => (message as { number: number }).number)).to.deep.equal([1, 2])
    expect(await rejection(connection.reader.readMessage())).to.include({ code: 'ERR_QBP_BAD_CALL', frame: 3 })
    connection.destroy()
    expect(await connection.closed).to.include({ code: 'ERR_QBP_BAD_CALL' })
  })

  it('end a connection that nobody reads, by a frame that is none', async () => {
    const { connection, writer, reader } = await bareCaller()
    kept([connection])
    void reader.read()
    await writer.write(Uint8Array.of(0, 1, 255, 255, 255, 255))
    expect(await connection.closed).to.include({ code: 'ERR_QBP_TOO_LONG' })
  })

  it('leave a clean end clean, and a cut inside one of them a cut', async () => {
    const whole = call({ id: 1, method: OPEN })
    for (const [length, code] of [
      [whole.length, null],
      [whole.length - 1, 'ERR_QBP_TRUNCATED'],
    ] as const) {
      const { connection, writer, reader } = await bareCaller()
      kept([connection])
      void reader.read()
      void writer.write(whole.slice(0, length)).then(() => writer.close())
      await connection.ended
      const end = await connection.reader.readMessage().catch((fault) => fault.code)
      expect(end).to.equal(code)
      const outcome = await connection.close()
      expect(outcome === null ? null : (outcome as { code?: string }).code).to.equal(code)
    }
  })

  it('still answer a peer that has ended its side', async () => {
    const { connection, writer, reader } = await bareCaller()
    kept([connection])
    await writer.write(call({ id: 1, method: OPEN, body: node.encode('OpenRequest', { name: 'ann' }) }))
    await writer.close()
    const { value } = await reader.read()
    expect(Buffer.from(value as Uint8Array).toString('latin1')).to.include('ann')
    expect(await connection.close()).to.equal(null)
  })

  it('hold the limits of the main entry', async () => {
    const [client, server] = kept(await ends(protocol, { maxCalls: 1, maxMetadataBytes: 10 }))
    void server.serve(Accounts, accountsHandlers)
    const remote = client.client(Accounts)
    const stream = remote.trade(never())
    expect(await rejection(remote.open({ name: 'ann' }))).to.include({ code: 'RESOURCE_EXHAUSTED' })
    await stream.return?.()
    const tooMuch = rejection(remote.open({}, { metadata: { key: 'x'.repeat(10) } }))
    expect(await tooMuch).to.include({ code: 'RESOURCE_EXHAUSTED', sent: false })
    const [hasty, callee] = kept(await ends(protocol, { callTimeoutMs: 20 }))
    void callee.serve(Accounts, accountsHandlers)
    expect(await rejection(hasty.client(Accounts).close({}))).to.include({ code: 'DEADLINE_EXCEEDED' })
    const [target] = webPair()
    expect(await rejection(connect(protocol, target, { callWindowBytes: 1 }))).to.include({
      code: 'ERR_QBP_BAD_OPTION',
    })
  })

  it('are refused where the protocol carries none, or has not got their code', async () => {
    expect(() => Protocol.from(accounts, { calls: true })).to.throw('calls: calls()')
    expect(() => Protocol.from(accounts, { calls: calls(-1) })).to.throw('calls is -1')
    expect(() => Protocol.from(accounts, { calls: calls(), header: layout('length:u32'), message: 'News' })).to.throw(
      'Calls need a header with a type',
    )
    const [client] = kept(await ends(Protocol.from(accounts) as typeof protocol))
    expect(() => client.client(Accounts)).to.throw('calls: calls()')
    expect(() => client.serve(Accounts, {})).to.throw('calls: calls()')
    const [other] = kept(await ends())
    expect(() => other.client('Accouts')).to.throw("no service 'Accouts'")
    expect(() => other.serve(Accounts, { opne: () => ({}) } as never)).to.throw('did you mean open?')
  })
})

/** Requests that never come. */
async function* never(): AsyncGenerator<never> {
  await new Promise(() => {})
}

/** Passes bytes on one by one. */
async function slice(from: StreamPair['readable'], to: StreamPair['writable']): Promise<void> {
  const [reader, writer] = [from.getReader(), to.getWriter()]
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read())
      for (const byte of value ?? []) await writer.write(Uint8Array.of(byte))
    await writer.close()
  } catch {} // One of its ends was destroyed.
}
