import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { CallError, connect, createServer, Protocol, type QbpServer } from '../../lib/index.ts'
import { Accounts, type AccountsClient, accounts } from '../calls/accounts.ts'
import { accountsHandlers } from '../support/accounts-handlers.ts'
import { type ConnectionFaults, FaultProxy } from '../support/fault-proxy.ts'
import { portOf } from '../support/transports.ts'

// A conversation of calls of every kind through a network that fails at every byte of it, each way. Every call ends, with its
// answer or with a code that says what is known; a handler was called at most once for each; nothing is left under way.

const LANES = 8
const protocol = Protocol.from(accounts, { calls: true })

/** What a call came to: 'OK', or its code. */
const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'OK',
    (error: unknown) => {
      if (!(error instanceof CallError)) throw error
      if (error.lost) expect(error.code).to.equal(error.sent ? 'UNKNOWN' : 'UNAVAILABLE')
      return error.code
    },
  )

async function read(answers: AsyncIterable<{ balance: number }>): Promise<void> {
  let next = 0
  for await (const { balance } of answers) expect(balance).to.equal(next++)
}

/** Calls of each kind at once. */
function converse(client: AccountsClient): Promise<string[]> {
  const updates = [{ balance: 0 }, { balance: 1 }, { balance: 2 }]
  return Promise.all([
    outcome(client.open({ name: 'ann' })),
    outcome(read(client.watch({ id: 2 }))),
    outcome(client.deposit(updates)),
    outcome(read(client.trade([{ balance: 0 }]))),
  ])
}

describe('calls through a network that fails', function () {
  this.timeout(60_000)
  let server: QbpServer<typeof protocol>
  /** One for each of the conversations that go on at a time. */
  let proxies: FaultProxy[]
  /** How often each handler was called, by the number that its caller gives. */
  let begun: Map<string, number>

  beforeEach(async () => {
    begun = new Map()
    server = createServer(protocol, (_reader, _writer, connection) =>
      connection.serve(Accounts, accountsHandlers, {
        interceptors: [
          async ({ metadata: { id = '' }, path }, next) => {
            begun.set(`${id} ${path}`, (begun.get(`${id} ${path}`) ?? 0) + 1)
            await next()
          },
        ],
      }),
    )
    server.on('clientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxies = await Promise.all(Array.from({ length: LANES }, () => FaultProxy.start({ port: portOf(server) })))
  })
  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await server.close({ graceMs: 500 })
  })

  async function through(
    faults: ConnectionFaults,
    id = '',
    lane = 0,
  ): Promise<{ outcomes: string[]; bytes: number[] }> {
    const proxy = proxies[lane] as FaultProxy
    proxy.faults = faults
    const connection = await connect(protocol, { port: proxy.port, host: '127.0.0.1' })
    const outcomes = await converse(connection.client(Accounts, { metadata: { id } }))
    const { bytesOut, bytesIn, calls } = connection.stats()
    expect(calls?.out.underWay).to.equal(0)
    connection.destroy()
    await connection.closed
    return { outcomes, bytes: [bytesOut, bytesIn] }
  }

  for (const [name, faultsAt] of [
    ['the way to the server is cut', (at: number) => ({ toTarget: { cutAfterBytes: at } })],
    ['the way back is cut', (at: number) => ({ toClient: { cutAfterBytes: at } })],
    ['it is reset after bytes to the server', (at: number) => ({ toTarget: { resetAfterBytes: at } })],
    ['it is reset after bytes back', (at: number) => ({ toClient: { resetAfterBytes: at } })],
  ] as const) {
    it(`end each of them, wherever ${name}`, async () => {
      const whole = await through({}, 'w')
      expect(whole.outcomes).to.deep.equal(['OK', 'OK', 'OK', 'OK'])
      const isBack = 'toClient' in faultsAt(0)
      const last = whole.bytes[isBack ? 1 : 0] as number
      const seen = new Set<string>()
      let at = 0
      const lanes = proxies.map(async (_, lane) => {
        while (at < last) {
          const here = at++
          const { outcomes } = await through(faultsAt(here), `${here}`, lane)
          for (const each of outcomes) seen.add(each)
          // The last byte back is of an answer that somebody waits for.
          if (isBack) expect(outcomes, `at ${here}`).not.to.deep.equal(['OK', 'OK', 'OK', 'OK'])
        }
      })
      await Promise.all(lanes)
      // What the callee says itself: that no last request came.
      const codes = ['OK', 'UNKNOWN', 'UNAVAILABLE', 'CANCELLED']
      expect([...seen].filter((code) => !codes.includes(code))).to.deep.equal([])
      expect([...begun].filter(([, count]) => count > 1)).to.deep.equal([])
      while ((server.stats().calls?.in.underWay ?? 0) > 0) await wait(5)
    })
  }

  it('are the same byte by byte', async () => {
    const faults = { toTarget: { sliceBytes: 1 }, toClient: { sliceBytes: 1 } }
    expect((await through(faults)).outcomes).to.deep.equal(['OK', 'OK', 'OK', 'OK'])
  })
})
