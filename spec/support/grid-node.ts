// A node in a process of its own, to be killed: a member of a durable group that talks under load, and tells its parent what was
// acknowledged and what its client has heard.

import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { BusGroup, formatPosition, type Position } from '../../lib/index.ts'
import { Client, protocol, say } from './grid.ts'

async function run(servers: string, prefix: string): Promise<void> {
  const group = new BusGroup(protocol, await natsBus({ servers, prefix, node: 'victim' }), 'lobby', {
    durable: true,
    presenceTtlMs: 400,
    stamp: (message: object, at: Position) => ({ ...message, $name: 'Said' as const, position: formatPosition(at) }),
  })
  const client = new Client()
  client.onHeard = ({ text, position }) => process.send?.({ heard: text, position })
  await group.join(client.writer, { name: 'ann' })
  process.send?.({ ready: true })
  for (let n = 1; ; n++) {
    await group.broadcast(say(`v${n}`))
    process.send?.({ sent: n })
  }
}

const [servers = '', prefix = ''] = process.argv.slice(-2)
void run(servers, prefix)
