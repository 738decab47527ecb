// A service on a Unix socket: only who may open the file may connect.
//
//   npm run example -- unix-socket
//
// It ends by itself.

import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, Protocol } from '../lib/index.ts'
import { store } from '../schemas/store.ts'

const protocol = Protocol.from(store)

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
    await connection.writer.writeMessage({ $name: 'Put', key, value })
    await connection.reader.readMessage() // Its entry: the value is kept.
  }
  const { reader, writer } = await connect(protocol, { path })
  for (const key of ['colour', 'shape', 'weight']) await writer.writeMessage({ $name: 'Get', key })
  writer.end() // The three answers still come, then the server's end.
  for await (const entry of reader) {
    if (entry.$name !== 'Entry') throw new Error(`the server sent ${entry.$name}`)
    const { key, value, owner } = entry
    console.log(Object.hasOwn(entry, 'value') ? `${key}: ${value}, put by ${owner}` : `${key}: nothing`)
  }
  await server.close()
  const gone = !existsSync(path)
  rmSync(folder, { recursive: true })
  console.log(`${visitors} visitors; the socket's file is ${gone ? 'gone' : 'left'}. All closed.`)
}

void main()
