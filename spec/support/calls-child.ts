// A child process that serves Accounts over its standard input and output: for spec/system/calls.spec.ts.

import { Duplex } from 'node:stream'
import { Protocol, QbpConnection } from '../../lib/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { accountsHandlers } from './accounts-handlers.ts'

export async function main(): Promise<void> {
  const duplex = Duplex.from({ readable: process.stdin, writable: process.stdout })
  const connection = new QbpConnection(Protocol.from(accounts, { calls: true }), duplex, { role: 'server' })
  await connection.serve(Accounts, accountsHandlers)
  await connection.close()
}
