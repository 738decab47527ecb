import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { type Connections, connections, createServer, Protocol, type QbpServer } from '../../lib/index.ts'
import { Accounts, type AccountsClient, accounts } from '../calls/accounts.ts'
import { rejection } from '../calls/support.ts'
import { FaultProxy } from '../support/fault-proxy.ts'

const protocol = Protocol.from(accounts, { calls: true })

describe('a client over connections that come one after another', function () {
  this.timeout(20_000)
  let server: QbpServer<typeof protocol>
  let proxy: FaultProxy
  let loop: Connections<typeof protocol>
  let client: AccountsClient
  let ran: Promise<unknown>
  let stop: AbortController
  /** How often each request was carried out, by its name. */
  let carriedOut: Map<string, number>

  beforeEach(async () => {
    carriedOut = new Map()
    const note = ({ name }: { name: string }) => {
      carriedOut.set(name, (carriedOut.get(name) ?? 0) + 1)
      return { name }
    }
    server = createServer(protocol, (_reader, _writer, connection) =>
      connection.serve(Accounts, {
        open: note,
        close: async (request) => {
          await wait(1)
          return note(request)
        },
        async *watch() {
          for (let balance = 0; ; balance++) yield { balance }
        },
      }),
    )
    server.on('clientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    proxy = await FaultProxy.start({ port: (server.address() as AddressInfo).port })
    stop = new AbortController()
    loop = connections(protocol, {
      port: proxy.port,
      host: '127.0.0.1',
      minDelayMs: 1,
      maxDelayMs: 5,
      signal: stop.signal,
    })
    client = loop.client(Accounts)
  })
  afterEach(async () => {
    stop.abort()
    await ran?.catch(() => {})
    await proxy.close()
    await server.close({ graceMs: 100 })
  })

  const run = () => {
    ran = (async () => {
      for await (const connection of loop) await connection.closed
    })()
    ran.catch(() => {})
  }

  it('waits for the first, and goes on where one is lost', async () => {
    const first = client.open({ name: 'first' })
    run()
    expect((await first).name).to.equal('first')
    await proxy.reset()
    expect((await client.close({ name: 'second' })).name).to.equal('second')
    expect([...carriedOut.values()]).to.deep.equal([1, 1])
  })

  it('goes on where the peer has ended its side, though nobody reads there', async () => {
    proxy.faults = { toClient: { cutAfterBytes: 0 } }
    run()
    const call = client.close({ name: 'one' })
    while (proxy.accepted === 0) await wait(1)
    proxy.faults = {}
    expect((await call).name).to.equal('one')
  })

  it('goes on where the peer has ended its side before the call, after one, and in the middle of a stream', async () => {
    run()
    await client.close({ name: 'first' })
    const endAll = () => {
      for (const { writer } of server.connections) writer.end()
    }
    endAll()
    await wait(20)
    expect((await client.close({ name: 'second' })).name).to.equal('second')
    const later = client.close({ name: 'third' })
    endAll()
    expect((await later).name).to.equal('third')
    const stream = rejection(
      (async () => {
        for await (const { balance } of client.watch({})) if (balance === 3) endAll()
      })(),
    )
    expect(await stream).to.include({ lost: true })
    expect((await client.close({ name: 'fourth' })).name).to.equal('fourth')
  })

  it('loses no idempotent call, and makes no other twice, whatever is reset when', async () => {
    run()
    const count = 200
    let isDone = false
    const havoc = (async () => {
      for (let i = 0; !isDone && !stop.signal.aborted; i++) {
        await wait(3 + (i % 5))
        proxy.faults =
          i % 2 === 0 ? { toClient: { resetAfterBytes: 50 + 37 * i } } : { toTarget: { cutAfterBytes: 90 + 41 * i } }
        await proxy.reset()
      }
    })()
    const unknown: string[] = []
    const workers = Array.from({ length: 20 }, async (_, worker) => {
      for (let i = worker; i < count; i += 20) {
        expect((await client.close({ name: `close ${i}` })).name).to.equal(`close ${i}`)
        try {
          expect((await client.open({ name: `open ${i}` })).name).to.equal(`open ${i}`)
        } catch (error) {
          expect(error).to.include({ code: 'UNKNOWN', sent: true, lost: true })
          unknown.push(`open ${i}`)
        }
      }
    })
    await Promise.all(workers).finally(() => {
      isDone = true
    })
    await havoc
    for (let i = 0; i < count; i++) {
      expect(carriedOut.get(`close ${i}`), `close ${i}`).to.be.at.least(1)
      const opened = carriedOut.get(`open ${i}`) ?? 0
      if (unknown.includes(`open ${i}`)) expect(opened, `open ${i}`).to.be.at.most(1)
      else expect(opened, `open ${i}`).to.equal(1)
    }
    expect(proxy.accepted).to.be.greaterThan(5)
    expect(unknown.length).to.be.greaterThan(0)
  })

  it('reads a stream on the connection that stands, and fails with it', async () => {
    run()
    const seen: number[] = []
    const loopOver = async () => {
      for await (const { balance } of client.watch({})) {
        seen.push(balance)
        if (balance === 10) void proxy.reset()
      }
    }
    expect(await rejection(loopOver())).to.include({ code: 'UNKNOWN', lost: true })
    expect(seen.slice(0, 11)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    for await (const { balance } of client.watch({})) {
      expect(balance).to.equal(0)
      break
    }
  })

  it('waits no longer than timeoutMs, its signal and the loop', async () => {
    expect(await rejection(client.open({}, { timeoutMs: 20 }))).to.include({ code: 'DEADLINE_EXCEEDED', sent: false })
    const controller = new AbortController()
    const open = rejection(client.open({}, { signal: controller.signal }))
    controller.abort()
    expect(await open).to.include({ code: 'CANCELLED', sent: false })
    expect(await rejection(client.open({}, { signal: AbortSignal.abort() }))).to.include({ code: 'CANCELLED' })
    run()
    await client.open({})
    await proxy.close()
    const waiting = rejection(client.close({}))
    await wait(5)
    stop.abort()
    expect(await waiting).to.include({ code: 'UNAVAILABLE', sent: false })
    expect(await rejection(client.close({}))).to.include({ code: 'UNAVAILABLE', sent: false })
  })
})
