import { expect } from 'chai'
import { CallError, Protocol, type QbpConnection } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { Accounts, type AccountsClient, accounts } from './accounts.ts'
import { loadAccounts, rejection } from './support.ts'

type Ends = { readonly client: QbpConnection; readonly server: QbpConnection }

/** A conversation of all four kinds, and of a method that is left out. */
async function converse({ client: caller, server: callee }: Ends): Promise<unknown[]> {
  const said: unknown[] = []
  void callee.serve(Accounts, {
    open: ({ name }, { metadata }) => ({ id: 7n, name: `${name} ${metadata.who}` }),
    async *watch({ id }) {
      for (let balance = 0; balance < Number(id); balance++) yield { balance }
    },
    async deposit(updates) {
      let sum = 0n
      for await (const { balance } of updates) sum += BigInt(balance)
      if (sum < 0n) throw new CallError('OUT_OF_RANGE', `${sum}`)
      return { id: sum }
    },
    async *trade(updates) {
      for await (const { balance } of updates) yield { balance: balance * 2 }
    },
  })
  const client: AccountsClient = caller.client(Accounts)
  said.push({ ...(await client.open({ name: 'ann' }, { metadata: { who: 'bob' } })) })
  for await (const { balance } of client.watch({ id: 3 })) said.push(balance)
  said.push((await client.deposit([{ balance: 4 }, { balance: 5 }])).id)
  for await (const { balance } of client.trade([{ balance: 4 }, { balance: 5 }])) said.push(balance)
  for (const failing of [client.deposit([{ balance: -1 }]), client.close({})]) {
    const { code, message } = await rejection(failing)
    said.push([code, message])
  }
  said.push(caller.stats().bytesOut, callee.stats().bytesOut)
  caller.destroy()
  callee.destroy()
  return said
}

describe('the services of a generated module', () => {
  it('are called and served, typed, of all four kinds; a method that is left out is UNIMPLEMENTED', async () => {
    const protocol = Protocol.from(accounts, { calls: true })
    const said = await converse(connectionPair(protocol) as unknown as Ends)
    expect(said.slice(0, -2)).to.deep.equal([
      { $name: 'Account', id: 7n, name: 'ann bob' },
      ...[0, 1, 2],
      9n,
      ...[8, 10],
      ['OUT_OF_RANGE', '-1'],
      ['UNIMPLEMENTED', 'accounts.Accounts/Close is not served here'],
    ])
  })

  it('say the same as those of a schema that is read at run time, byte for byte', async () => {
    const generated = connectionPair(Protocol.from(accounts, { calls: true })) as unknown as Ends
    const loaded = connectionPair(await loadAccounts()) as Ends
    expect(await converse(loaded)).to.deep.equal(await converse(generated))
  })

  it('work without the codec of the module, which is then compiled', async () => {
    const { codec: _, ...bare } = accounts
    const ends = connectionPair(Protocol.from(bare as typeof accounts, { calls: true })) as unknown as Ends
    expect((await converse(ends))[0]).to.deep.equal({ $name: 'Account', id: 7n, name: 'ann bob' })
  })

  it('are those of another module, too, where the connection’s schema lacks them', async () => {
    const protocol = await Protocol.load('schemas/chat.proto', { calls: true, includeDirs: ['schemas'] })
    expect((await converse(connectionPair(protocol) as Ends))[0]).to.include({ name: 'ann bob' })
  })
})
