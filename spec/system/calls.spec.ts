import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { Protocol, QbpConnection } from '../../lib/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { accountsHandlers, converse } from '../support/accounts-handlers.ts'
import { ROOT } from '../support/pages.ts'
import { transportsOf } from '../support/transports.ts'

const protocol = Protocol.from(accounts, { calls: true })

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

  it('over the standard input and output of a child process go both ways', async () => {
    const child = spawn(process.execPath, ['scripts/ts.cjs', 'spec/support/calls-child.ts'], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin })
    const connection = new QbpConnection(protocol, duplex, { role: 'client' })
    void connection.serve(Accounts, accountsHandlers)
    await converse(connection.client(Accounts))
    expect(await connection.reader.readMessage()).to.deep.include({ $name: 'News', number: 7 }) // The child has called, too.
    expect(await connection.close()).to.equal(null)
    expect(await exited).to.deep.equal([0, null])
  })
})
