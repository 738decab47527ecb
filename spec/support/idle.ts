// Which parts of ours idle connections of a server have, by class: before anything was said, and once something was, as JSON.

import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import v8 from 'node:v8'
import { createServer } from '../../lib/index.ts'
import { Closer } from '../../lib/net/closer.ts'
import { Deadlines } from '../../lib/net/deadlines.ts'
import { Lifecycle } from '../../lib/net/lifecycle.ts'
import { Outlet } from '../../lib/net/outlet.ts'
import { Ending } from '../../lib/streams/ending.ts'
import { MessageSupply } from '../../lib/streams/message-supply.ts'
import { NodeSide } from '../../lib/streams/node-side.ts'
import { Outflow } from '../../lib/streams/outflow.ts'
import { PushBack } from '../../lib/streams/push-back.ts'
import { Receiver } from '../../lib/streams/receiver.ts'
import { Sender } from '../../lib/streams/sender.ts'
import { conversation, protocol } from './chat.ts'

const CONNECTIONS = 3
const PARTS = {
  ...{ Receiver, Ending, MessageSupply, NodeSide, Sender, Outflow, PushBack },
  ...{ Outlet, Deadlines, Lifecycle, Closer },
}

/** What `idle.ts` writes: how many of each part a connection has, before it has said anything, and after. */
export interface Idle {
  readonly silent: Readonly<Record<string, number>>
  readonly heard: Readonly<Record<string, number>>
}

type QueryObjects = (part: unknown, options: { format: 'count' }) => number

/** Those that there are, of each connection. */
function parts(): Record<string, number> {
  const { queryObjects } = v8 as unknown as { queryObjects: QueryObjects }
  const counts = Object.entries(PARTS).map(([name, part]) => [name, queryObjects(part, { format: 'count' })] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0).map(([name, count]) => [name, count / CONNECTIONS]))
}

async function measure(): Promise<Idle> {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const message of reader) if (message.$name === 'Say') await writer.writeMessage(message)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clients = Array.from({ length: CONNECTIONS }, () => net.connect((server.address() as AddressInfo).port))
  while (server.connections.size < CONNECTIONS) await once(server, 'connection')
  const silent = parts()
  for (const client of clients) client.write(conversation)
  await Promise.all(clients.map((client) => once(client, 'data')))
  return { silent, heard: parts() }
}

if (require.main === module)
  measure().then((idle) => {
    console.log(JSON.stringify(idle))
    process.exit()
  })
