// A node in a process of its own, to be killed: publishes to both lanes under load, reads a log, holds a lease. It reports to its parent
// what was acknowledged and how far it has read.

import { setImmediate as turn } from 'node:timers/promises'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'

async function run(servers: string, prefix: string): Promise<void> {
  const bus = await natsBus({ servers, prefix, node: 'victim' })
  const report = (message: object) => process.send?.(message)
  const frame = (n: number) => new TextEncoder().encode(String(n))
  await bus.subscribe(
    'feed',
    (bytes, { offset, epoch }) => report({ read: Number(new TextDecoder().decode(bytes)), offset: `${offset}`, epoch }),
    {
      since: 'first',
    },
  )
  const renew = () => bus.store.put(['presence', 'victim'], frame(0), { ttlMs: 400 }).catch(() => {})
  await renew()
  setInterval(renew, 100)
  report({ ready: true })
  const live = async () => {
    for (let n = 1; ; n++) {
      await bus.publish('live', frame(n))
      report({ live: n })
      if (n % 20 === 0) await turn()
    }
  }
  const log = async (lane: number) => {
    for (let n = 1; ; n++) {
      await bus.publish(`log-${lane}`, frame(n), { durable: true })
      report({ log: n, lane })
    }
  }
  await Promise.all([live(), log(0), log(1)])
}

const [servers = '', prefix = ''] = process.argv.slice(-2)
void run(servers, prefix)
