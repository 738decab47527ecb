import { CallError } from '../../lib/index.ts'
import type { AccountsHandlers } from '../calls/accounts.ts'

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
