// What a user of a generated service may write, and what does not compile. Nothing here runs: `npm run lint` and the spec of
// `qbp generate` check the types.

import type { Answers, CallContext, QbpConnection } from '../../lib/index.ts'
import { Protocol } from '../../lib/index.ts'
import {
  type Account,
  Accounts,
  type AccountsClient,
  type AccountsHandlers,
  accounts,
  type Update,
} from '../calls/accounts.ts'

const protocol = Protocol.from(accounts, { calls: true })

export async function callsThatCompile(connection: QbpConnection<typeof protocol>): Promise<void> {
  const client: AccountsClient = connection.client(Accounts)
  const account: Account = await client.open({ name: 'ann' })
  const id: bigint = account.id
  const answers: Answers<Update> = client.watch({ id })
  for await (const { balance } of answers) balance.toFixed()
  await client.deposit([{ balance: 1 }], { timeoutMs: 500, metadata: { a: 'b' }, signal: AbortSignal.abort() })
  for await (const update of client.trade(client.watch(account))) void update.balance
  // By name there are no types.
  await connection.client('Accounts').open({ nme: 5 })

  // @ts-expect-error: no such method
  await client.opn({})
  // @ts-expect-error: no such field
  await client.open({ nme: 'ann' })
  // @ts-expect-error: not a text
  await client.open({ name: 5 })
  // @ts-expect-error: one request, not a stream of them
  client.watch([{ id: 1n }])
  // @ts-expect-error: a stream of requests, not one
  await client.deposit({ balance: 1 })
  // @ts-expect-error: no such field further in
  await client.deposit([{ balanc: 1 }])
  // @ts-expect-error: a stream of answers is no promise
  client.watch({}).then(() => {})
  // @ts-expect-error: one answer is no stream
  for await (const _ of client.open({}));
  // @ts-expect-error: no such setting
  await client.open({}, { timeout: 500 })
  // @ts-expect-error: a number in metadata
  await client.open({}, { metadata: { a: 5 } })
}

export function handlersThatCompile(connection: QbpConnection<typeof protocol>): void {
  const handlers: AccountsHandlers = {
    open: ({ name }) => ({ id: '7', name }),
    async *watch({ id }, context: CallContext) {
      if (!context.signal.aborted) yield { balance: Number(id) }
    },
    async deposit(updates) {
      let sum = 0n
      for await (const { balance } of updates) sum += BigInt(balance)
      return { id: sum }
    },
    trade: (updates) => updates,
  }
  void connection.serve(Accounts, handlers)
  void connection.serve(Accounts, {})
  void connection.serve(Accounts, { watch: () => [{ balance: 1 }] })
  class Bank {
    open(): { name: string } {
      return { name: 'ann' }
    }
  }
  void connection.serve(Accounts, new Bank())

  // @ts-expect-error: no such method
  void connection.serve(Accounts, { opn: () => ({}) })
  // @ts-expect-error: the answer has no such field
  void connection.serve(Accounts, { open: () => ({ nme: 'ann' }) })
  // @ts-expect-error: the request has no such field
  void connection.serve(Accounts, { open: ({ nme }) => nme })
  // @ts-expect-error: a stream is to be answered
  void connection.serve(Accounts, { watch: () => ({ balance: 1 }) })
  // @ts-expect-error: one answer is to be given
  void connection.serve(Accounts, { open: () => [{ name: 'ann' }] })
}
