// What rooms cost as their number grows: one node that has joined them all, on a NATS server of its own. Prints a table.
//
//   npm run growth [-- ROOMS …]        default: 100 1000 5000 50000

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { natsBus } from '../../lib/bus/nats/nats-bus.ts'
import type { Position } from '../../lib/index.ts'
import { NatsServer } from './nats-server.ts'

const MESSAGES_PER_ROOM = 3
const RESUMES = 50
const IDLE_MS = 4_000
const TICKS_PER_S = 100

/** Of a process: resident memory in MB, and CPU time in ms. */
function usage(pid: number): { mb: number; cpuMs: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { mb: Number(rss) / 1024, cpuMs: ((Number(stat[11]) + Number(stat[12])) * 1000) / TICKS_PER_S }
}

async function measure(rooms: number) {
  const server = await NatsServer.launch()
  const [node, other] = [await natsBus({ servers: server.url }), await natsBus({ servers: server.url })]
  const frame = new Uint8Array(100)
  await other.publish('before', frame, { durable: true })
  const [nats0, own0] = [usage(server.pid), usage(process.pid)]
  let heard = 0
  const name = (n: number) => `room ${n % rooms}`
  const since = async (work: () => Promise<unknown>) => {
    const start = performance.now()
    await work()
    return Math.round(performance.now() - start)
  }
  const until = async (happened: () => boolean) => {
    while (!happened()) await pause(1)
  }
  const joinMs = await since(() =>
    Promise.all(
      Array.from({ length: rooms }, (_, n) => node.subscribe(name(n), () => heard++, { since: 'now', echo: true })),
    ),
  )
  const total = rooms * MESSAGES_PER_ROOM
  const positions: Position[] = []
  const publishMs = await since(async () => {
    let n = 0
    await Promise.all(
      Array.from({ length: 256 }, async () => {
        for (let i = n++; i < total; i = n++) positions[i] = await other.publish(name(i), frame, { durable: true })
      }),
    )
    await until(() => heard === total)
  })
  const [nats1, own1] = [usage(server.pid), usage(process.pid)]
  await pause(IDLE_MS)
  const [nats2, own2] = [usage(server.pid), usage(process.pid)]
  const resumes: number[] = []
  for (let i = 0; i < RESUMES; i++) {
    const room = (i * 97) % rooms
    let caughtUp = () => {}
    const done = new Promise<void>((resolve) => {
      caughtUp = resolve
    })
    resumes.push(
      await since(async () => {
        const options = { since: positions[room] as Position, onCaughtUp: () => caughtUp() }
        const subscription = await other.subscribe(name(room), () => {}, { ...options, echo: true })
        await done
        subscription.close()
      }),
    )
  }
  await server.kill()
  await server.up()
  const returnMs = await since(async () => {
    await until(() => node.isUp && other.isUp)
    heard = 0
    await Promise.all(
      Array.from({ length: Math.min(rooms, 100) }, (_, n) => other.publish(name(n), frame, { durable: true })),
    )
    await until(() => heard === Math.min(rooms, 100))
  })
  await Promise.all([node.close(), other.close()])
  await server.stop()
  resumes.sort((a, b) => a - b)
  return {
    rooms,
    'join ms': joinMs,
    'NATS MB': Math.round(nats1.mb - nats0.mb),
    'node MB': Math.round(own1.mb - own0.mb),
    'idle NATS %': Math.round((nats2.cpuMs - nats1.cpuMs) / (IDLE_MS / 100)),
    'idle node %': Math.round((own2.cpuMs - own1.cpuMs) / (IDLE_MS / 100)),
    'published and heard /s': Math.round((total / publishMs) * 1000),
    'resume ms p50': resumes[RESUMES >> 1] ?? 0,
    'resume ms max': resumes.at(-1) ?? 0,
    'back after kill -9 ms': returnMs,
  }
}

export async function main(): Promise<void> {
  const asked = process.argv.slice(2).map(Number)
  const rows: Awaited<ReturnType<typeof measure>>[] = []
  for (const rooms of asked.length > 0 ? asked : [100, 1_000, 5_000, 50_000]) rows.push(await measure(rooms))
  const [first] = rows
  if (first === undefined) return
  const line = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(' | ')} |`)
  line(Object.keys(first))
  line(Object.keys(first).map(() => '--:'))
  for (const row of rows) line(Object.values(row))
}
