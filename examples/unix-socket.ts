// A service on a Unix socket: only who may open the file may connect.
//
//   npm run example -- unix-socket
//
// It ends by itself.

import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type Outgoing, Protocol, type QbpConnection } from '../lib/index.ts'
import { store } from '../schemas/store.ts'

const protocol = Protocol.from(store)

/** Asks for one thing. @throws if the connection ends first. */
async function ask(
  { reader, writer }: QbpConnection<typeof protocol, 'client'>,
  message: Extract<Outgoing<typeof protocol>, { $name: 'Put' | 'Get' }>,
) {
  await writer.writeMessage(message)
  const entry = await reader.readMessage()
  if (entry?.$name !== 'Entry') throw new Error('the connection ended before the entry came')
  return entry
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'qbp-')) // Of mode 0700: nobody else gets at what is in it.
  const path = join(folder, 'store.sock')
  const entries = new Map<string, { value: string; owner: string }>()
  let visitors = 0
  const server = createServer(protocol, async (reader, writer) => {
    const owner = `visitor ${++visitors}`
    for await (const message of reader) {
      const { key } = message
      if (message.$name === 'Put') entries.set(key, { value: message.value, owner })
      await writer.writeMessage({ $name: 'Entry', key, ...entries.get(key) })
    }
  })
  server.listen(path)
  await once(server, 'listening')
  chmodSync(path, 0o600)
  console.log(`The store listens on ${path}, mode ${(statSync(path).mode & 0o777).toString(8)}.`)

  for (const [key, value] of Object.entries({ colour: 'green', shape: 'round' })) {
    await using connection = await connect(protocol, { path })
    await ask(connection, { $name: 'Put', key, value })
  }
  const connection = await connect(protocol, { path })
  for (const key of ['colour', 'shape', 'weight']) {
    const entry = await ask(connection, { $name: 'Get', key })
    console.log(Object.hasOwn(entry, 'value') ? `${key}: ${entry.value}, put by ${entry.owner}` : `${key}: nothing`)
  }
  await connection.close()
  await server.close()
  const gone = !existsSync(path)
  rmSync(folder, { recursive: true })
  console.log(`${visitors} visitors; the socket's file is ${gone ? 'gone' : 'left'}. All closed.`)
}

void main()
