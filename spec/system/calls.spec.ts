import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpConnection } from '../../lib/index.ts'
import { Accounts, type AccountsClient, accounts } from '../calls/accounts.ts'
import { rejection } from '../calls/support.ts'
import { accountsHandlers } from '../support/accounts-handlers.ts'
import { ROOT } from '../support/pages.ts'
import { transportsOf } from '../support/transports.ts'

const protocol = Protocol.from(accounts, { calls: true })
const COUNT = 300

/** Calls of every kind, many at a time, and of every end. */
async function converse(client: AccountsClient): Promise<void> {
  const many = Array.from({ length: 50 }, async (_, i) => {
    const { id, name } = await client.open({ name: `n${i}`, photo: new Uint8Array(i * 100) })
    expect([Number(id), name]).to.deep.equal([i * 100, `n${i}`])
  })
  const watched = (async () => {
    let next = 0
    for await (const { balance, filler } of client.watch({ id: COUNT })) {
      expect([balance, filler.length]).to.deep.equal([next++, 500])
    }
    expect(next).to.equal(COUNT)
  })()
  const updates = Array.from({ length: COUNT }, (_, balance) => ({ balance, filler: new Uint8Array(500) }))
  const deposited = client.deposit(updates)
  const traded = (async () => {
    let sum = 0
    for await (const { balance } of client.trade(updates)) sum += balance
    return sum
  })()
  const late = rejection(client.close({}, { timeoutMs: 30 }))
  const controller = new AbortController()
  const givenUp = rejection(client.close({}, { signal: controller.signal }))
  const failed = rejection(client.open({}))
  await Promise.all([...many, watched])
  controller.abort()
  const sum = (COUNT * (COUNT - 1)) / 2
  expect((await deposited).id).to.equal(BigInt(sum))
  expect(await traded).to.equal(2 * sum)
  expect(await late).to.include({ code: 'DEADLINE_EXCEEDED' })
  expect(await givenUp).to.include({ code: 'CANCELLED' })
  expect(await failed).to.include({ code: 'NOT_FOUND', message: 'no name' })
  for await (const { balance } of client.watch({ id: 1e9 })) if (balance === 5) break
}

describe('calls', function () {
  this.timeout(20_000)

  for (const [name, open] of Object.entries(transportsOf(protocol))) {
    it(`over ${name} go both ways at once, of every kind and to every end`, async () => {
      let back: Promise<void> | undefined
      await using link = await open({}, async (_reader, _writer, connection) => {
        const ended = connection.serve(Accounts, accountsHandlers)
        back = converse(connection.client(Accounts))
        await back
        await ended
      })
      const connection = await link.connect()
      void connection.serve(Accounts, accountsHandlers)
      await converse(connection.client(Accounts))
      while (back === undefined) await wait(1)
      await back
      expect(await connection.close()).to.equal(null)
      const { calls } = link.server.stats()
      expect(calls?.in.byCode).to.deep.include({ OK: 53, NOT_FOUND: 1 })
      expect(calls?.out.byCode).to.deep.include({ OK: 53, NOT_FOUND: 1 })
    })
  }

  it('over the standard input and output of a child process are served there', async () => {
    const child = spawn(process.execPath, ['scripts/ts.cjs', 'spec/support/calls-child.ts'], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin })
    const connection = new QbpConnection(protocol, duplex, { role: 'client' })
    await converse(connection.client(Accounts))
    expect(await connection.close()).to.equal(null)
    expect(await exited).to.deep.equal([0, null])
  })
})
