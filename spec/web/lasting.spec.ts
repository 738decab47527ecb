import { expect } from 'chai'
import {
  calls,
  connect,
  connections,
  Protocol,
  type StreamPair,
  type WebConnection,
  withClients,
} from '../../lib/web/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { rejection } from '../support/rejection.ts'
import { webPair } from '../support/web-pair.ts'

const protocol = Protocol.from(accounts, { calls: calls() })

describe('a client over connections of a page that come one after another', () => {
  let ends: WebConnection<typeof protocol, 'server'>[]
  /** How often each request was carried out, by its name. */
  let carriedOut: Map<string, number>
  /** What a handler does once it has carried out its request, and before it answers. */
  let then: () => unknown
  let stop: AbortController
  let ran: Promise<unknown> | undefined

  const loopOver = () => {
    const target = async (): Promise<StreamPair> => {
      const [near, far] = webPair()
      const end = await connect(protocol, far, { role: 'server' })
      const carryOut = async ({ name }: { name: string }) => {
        carriedOut.set(name, (carriedOut.get(name) ?? 0) + 1)
        await then()
        return { name }
      }
      void end.serve(Accounts, {
        open: carryOut,
        close: carryOut,
        async *watch() {
          for (let balance = 0; ; balance++) yield { balance }
        },
      })
      ends.push(end)
      return near
    }
    return withClients(protocol, connections(protocol, target, { minDelayMs: 1, maxDelayMs: 5, signal: stop.signal }))
  }
  const run = (loop: ReturnType<typeof loopOver>) => {
    ran = (async () => {
      for await (const connection of loop) await connection.closed
    })()
    ran.catch(() => {})
  }

  beforeEach(() => {
    ;[ends, carriedOut, then, stop, ran] = [[], new Map(), () => {}, new AbortController(), undefined]
  })
  afterEach(async () => {
    stop.abort()
    for (const end of ends) end.destroy()
    await ran?.catch(() => {})
  })

  it('waits for the first, and goes on where one is lost', async () => {
    const loop = loopOver()
    const client = loop.client(Accounts)
    const first = client.open({ name: 'first' })
    run(loop)
    expect((await first).name).to.equal('first')
    ends[0]?.destroy()
    expect((await client.open({ name: 'second' })).name).to.equal('second')
    ends[1]?.writer.end()
    expect((await client.close({ name: 'third' })).name).to.equal('third')
    expect([carriedOut.get('first'), carriedOut.get('second')]).to.deep.equal([1, 1])
    expect(ends).to.have.lengthOf(3)
  })

  it('makes an idempotent call again, and no other', async () => {
    const loop = loopOver()
    const client = loop.client(Accounts)
    run(loop)
    const loseOne = () => {
      then = () => {
        then = () => {}
        ends.at(-1)?.destroy()
      }
    }
    loseOne()
    expect((await client.close({ name: 'close' })).name).to.equal('close')
    loseOne()
    expect(await rejection(client.open({ name: 'open' }))).to.include({ code: 'UNKNOWN', sent: true, lost: true })
    expect([...carriedOut]).to.deep.equal([
      ['close', 2],
      ['open', 1],
    ])
  })

  it('reads a stream on the connection that stands, and fails with it', async () => {
    const loop = loopOver()
    const client = loop.client(Accounts)
    run(loop)
    const read = async () => {
      for await (const { balance } of client.watch({})) if (balance === 10) ends[0]?.destroy()
    }
    expect(await rejection(read())).to.include({ code: 'UNKNOWN', lost: true })
    for await (const { balance } of client.watch({})) {
      expect(balance).to.equal(0)
      break
    }
  })

  it('waits no longer than timeoutMs, its signal and the loop', async () => {
    const loop = loopOver()
    const client = loop.client(Accounts)
    expect(await rejection(client.open({}, { timeoutMs: 20 }))).to.include({ code: 'DEADLINE_EXCEEDED', sent: false })
    expect(await rejection(client.open({}, { signal: AbortSignal.abort() }))).to.include({ code: 'CANCELLED' })
    for await (const connection of loop) {
      await client.open({ name: 'once' })
      connection.destroy()
      break
    }
    expect(await rejection(client.close({}))).to.include({ code: 'UNAVAILABLE', sent: false })
    expect(() => loop.client('Nothing'))
      .to.throw()
      .with.property('code', 'ERR_QBP_BAD_SCHEMA')
    expect(() => loop.client(Accounts, { retries: 1 } as never))
      .to.throw()
      .with.property('code', 'ERR_QBP_BAD_OPTION')
  })
})
