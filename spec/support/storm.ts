// A storm: many clients come back at once, and each has missed a lot. Prints how long it takes until all are back, and how long a broadcast
// takes meanwhile.
//
//   npm run storm [-- CLIENTS MISSED]        default: 1000 2000

import { setTimeout as pause } from 'node:timers/promises'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { BusGroup, type Position, QbpWritable } from '../../lib/index.ts'
import { protocol, say } from './grid.ts'
import { NatsServer } from './nats-server.ts'

const NODES = 2
const ROOMS = 5
/** Not all have seen the same last. */
const PLACES = 10

export async function storm(clients: number, missed: number) {
  const server = await NatsServer.launch()
  const buses = await Promise.all(Array.from({ length: NODES }, () => natsBus({ servers: server.url })))
  let cutOffs = 0
  for (const bus of buses) bus.on('down', () => cutOffs++)
  const rooms = Array.from({ length: ROOMS }, (_, room) =>
    buses.map((bus) => new BusGroup(protocol, bus, `room ${room}`, { durable: true })),
  )
  const text = 'x'.repeat(100)
  const places = await Promise.all(
    rooms.map(async ([group]) => {
      const all: Position[] = []
      for (let n = 0; n < PLACES; n++) all.push((await group?.broadcast(say(text))) as Position)
      await Promise.all(Array.from({ length: missed }, () => group?.broadcast(say(text))))
      return all
    }),
  )
  let isStorming = true
  const lags: number[] = []
  const broadcasts = (async () => {
    for (let n = 0; isStorming; n++) {
      const start = performance.now()
      await rooms[n % ROOMS]?.[0]?.broadcast(say(text))
      lags.push(performance.now() - start)
      await pause(20)
    }
  })()
  const start = performance.now()
  const faults = new Map<string, number>()
  await Promise.all(
    Array.from({ length: clients }, async (_, n) => {
      const writer = new QbpWritable(protocol, { role: 'server' as const })
      writer.on('error', () => {}).resume()
      const room = n % ROOMS
      const since = places[room]?.[n % PLACES] as Position
      try {
        await rooms[room]?.[(n >> 3) % NODES]?.join(writer, { since })
      } catch (error) {
        const { code } = error as { code: string }
        faults.set(code, (faults.get(code) ?? 0) + 1)
      }
    }),
  )
  const backMs = Math.round(performance.now() - start)
  isStorming = false
  await broadcasts
  await Promise.all(rooms.flat().map((group) => group.close()))
  await Promise.all(buses.map((bus) => bus.close()))
  await server.stop()
  return { clients, missed, backMs, slowestBroadcastMs: Math.round(Math.max(...lags)), cutOffs, faults }
}

export async function main(): Promise<void> {
  const [clients = 1000, missed = 2000] = process.argv.slice(2).map(Number)
  const { backMs, slowestBroadcastMs, cutOffs, faults } = await storm(clients, missed)
  console.log(
    `${clients} clients that missed ${missed} messages each are back in ${backMs} ms; a broadcast took ${slowestBroadcastMs} ms at most; ` +
      `${cutOffs} nodes were cut off; faults: ${[...faults].map((each) => each.join(' ')).join(', ') || 'none'}.`,
  )
  if (cutOffs > 0 || faults.size > 0) process.exitCode = 1
}
