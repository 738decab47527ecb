import { expect } from 'chai'
import { CallError } from '../../lib/calls/call-error.ts'
import type { AccountsClient, AccountsHandlers } from '../calls/accounts.ts'
import { rejection } from './rejection.ts'

/** The service that the specs over every transport call: a handler of each kind, and one that only a caller's end ends. */
export const accountsHandlers: AccountsHandlers = {
  open({ name, photo }) {
    if (name === '') throw new CallError('NOT_FOUND', 'no name')
    return { name, id: photo.length }
  },
  async *watch({ id }) {
    for (let balance = 0; balance < Number(id); balance++) yield { balance, filler: new Uint8Array(500) }
  },
  async deposit(updates) {
    let sum = 0n
    for await (const { balance } of updates) sum += BigInt(balance)
    return { id: sum }
  },
  async *trade(updates) {
    for await (const { balance } of updates) yield { balance: 2 * balance }
  },
  close: (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
}

/** Messages of a stream. */
const COUNT = 300

/** Calls those handlers: every kind, many at a time, and to every end. */
export async function converse(client: AccountsClient): Promise<void> {
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
