// Presence in numbers: many nodes, each with as many rooms, each with as many members. Prints what it takes until one node knows all of
// them, and what it costs when nothing happens.
//
//   npm run crowd [-- NODES ROOMS MEMBERS]        default: 40 1000 10

import { setTimeout as pause } from 'node:timers/promises'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import { BusGroup } from '../../lib/index.ts'
import { Client, protocol } from './grid.ts'
import { NatsServer } from './nats-server.ts'

const IDLE_MS = 5_000

export async function main(): Promise<void> {
  const [nodes = 40, rooms = 1000, members = 10] = process.argv.slice(2).map(Number)
  const server = await NatsServer.launch()
  const buses = await Promise.all(
    Array.from({ length: nodes }, (_, n) => natsBus({ servers: server.url, node: `node ${n}` })),
  )
  let downs = 0
  for (const bus of buses) bus.on('down', () => downs++)
  const took = async (work: () => Promise<unknown>) => {
    const start = performance.now()
    await work()
    return Math.round(performance.now() - start)
  }
  const groups = buses.map((bus) => Array.from({ length: rooms }, (_, n) => new BusGroup(protocol, bus, `room ${n}`)))
  const joinMs = await took(async () => {
    for (const [n, own] of groups.entries()) {
      const clients = Array.from({ length: members }, () => new Client())
      await Promise.all(
        own.flatMap((group) => clients.map((client, i) => group.join(client.writer, { name: `member ${n} ${i}` }))),
      )
    }
  })
  const [first] = groups
  const expected = nodes * members
  let rounds = 0
  const knowMs = await took(async () => {
    for (let known = 0; known < rooms; rounds++) {
      const lists = await Promise.all((first ?? []).map((group) => group.members()))
      known = lists.filter((list) => list.length === expected).length
      if (known < rooms) await pause(50)
    }
  })
  const again = await took(() => Promise.all((first ?? []).map((group) => group.members())))
  const before = process.cpuUsage()
  await pause(IDLE_MS)
  const { user, system } = process.cpuUsage(before)
  const idle = ((user + system) / 1000 / IDLE_MS / nodes) * 100
  const left = first?.[0] as BusGroup<typeof protocol>
  const leaver = groups.at(-1)?.[0] as BusGroup<typeof protocol>
  const leaveMs = await took(async () => {
    await leaver.close()
    while ((await left.members()).length > expected - members) await pause(1)
  })
  console.log(
    `${nodes} nodes with ${rooms} rooms of ${members} members each: all joined in ${joinMs} ms; one node knew all ${expected * rooms} after ` +
      `${knowMs} ms (${rounds} rounds), and lists them again in ${again} ms; who left was gone after ${leaveMs} ms; idle, a node takes ` +
      `${idle.toFixed(1)} % of a core; ${downs} nodes were cut off.`,
  )
  await Promise.all(groups.flat().map((group) => group.close()))
  await Promise.all(buses.map((bus) => bus.close()))
  await server.stop()
  process.exit(downs > 0 ? 1 : 0)
}
