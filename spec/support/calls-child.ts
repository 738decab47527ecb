// A child process that serves Accounts over its standard input and output, and calls those of its parent, then says so by a message: for spec/system/calls.spec.ts.

import { Duplex } from 'node:stream'
import { Protocol, QbpConnection } from '../../lib/index.ts'
import { Accounts, accounts } from '../calls/accounts.ts'
import { accountsHandlers, converse } from './accounts-handlers.ts'

export async function main(): Promise<void> {
  const duplex = Duplex.from({ readable: process.stdin, writable: process.stdout })
  const connection = new QbpConnection(Protocol.from(accounts, { calls: true }), duplex, { role: 'server' })
  const ended = connection.serve(Accounts, accountsHandlers)
  await converse(connection.client(Accounts))
  connection.writer.write({ $name: 'News', number: 7 })
  await ended
  await connection.close()
}
