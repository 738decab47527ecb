// Where the chat server runs: in processes that meet on NATS, or as nodes of this one process.

import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { LocalHub } from '../../lib/index.ts'
import { startNats } from './nats.ts'
import { chatNode } from './node.ts'

export interface Grid {
  readonly port: () => number
  /** Ends one node without a word, and starts another in its place. */
  kill(): Promise<string>
  close(): Promise<void>
}

export async function processes(natsServer: string): Promise<Grid> {
  const nats = await startNats(natsServer)
  cluster.setupPrimary({ exec: join(__dirname, '../../scripts/ts.cjs'), args: [join(__dirname, 'play.ts')] })
  let port = 0
  const fork = async () => {
    const worker = cluster.fork({ QBP_NATS: nats.url })
    const [told] = await once(worker, 'message')
    port = told.port
    return worker
  }
  const size = Math.max(2, Math.min(4, availableParallelism()))
  const workers = await Promise.all(Array.from({ length: size }, fork))
  console.log(`${size} processes listen on 127.0.0.1:${port}, and meet on NATS at ${nats.url}.`)
  return {
    port: () => port,
    async kill() {
      const worker = workers[0]
      const gone = once(worker as Worker, 'exit')
      worker?.process.kill('SIGKILL')
      await gone
      void fork().catch(() => {})
      return `process ${worker?.process.pid} was killed with -9, and another one starts`
    },
    async close() {
      const last = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      for (const worker of last) worker.process.kill('SIGKILL')
      await Promise.all(last.map((worker) => worker.isDead() || once(worker, 'exit')))
      await nats.stop()
    },
  }
}

export async function nodesHere(): Promise<Grid> {
  const hub = new LocalHub()
  const start = async () => {
    const bus = hub.bus()
    const server = chatNode(bus).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { bus, server, port: (server.address() as AddressInfo).port }
  }
  const nodes = [await start(), await start()]
  let turn = 0
  console.log(
    `No nats-server found (apt-get install nats-server): ${nodes.length} nodes of this one process stand for processes.`,
  )
  const stop = async ({ bus, server }: Awaited<ReturnType<typeof start>>) => {
    await bus.close()
    await server.close({ graceMs: 1 })
  }
  return {
    port: () => nodes[turn++ % nodes.length]?.port ?? 0,
    async kill() {
      const [node] = nodes.splice(0, 1, await start())
      if (node !== undefined) await stop(node)
      return `node ${node?.bus.node} was ended, and another one starts`
    },
    close: async () => {
      await Promise.all(nodes.map(stop))
    },
  }
}

/** What each process does. */
export async function work(servers: string): Promise<void> {
  const { natsBus } = await import('../../lib/bus/nats/nats-bus.ts')
  const server = chatNode(await natsBus({ servers })).listen(0, '127.0.0.1')
  server.on('clientError', (error) => {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ECONNRESET' && code !== 'ERR_QBP_CLOSED') console.error(error)
  })
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port })
}
