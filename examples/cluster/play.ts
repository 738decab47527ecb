// One machine, all its cores: the chat server in as many processes, its rooms spanning them, and clients that do not notice
// when one of the processes is killed:
//
//   npm run cluster [-- --rooms 5000]
//
// The processes meet on a NATS server that this starts (Debian: apt-get install nats-server). Where there is none, nodes of this one process
// stand for them, on a bus that needs nothing installed: one line differs.

import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { nodesHere, processes, work } from './grid.ts'
import { findNats } from './nats.ts'
import { count, PACE_MS, Talker } from './talker.ts'

const { values } = parseArgs({ options: { local: { type: 'boolean' }, rooms: { type: 'string', default: '3' } } })
const ROOMS = Array.from(
  { length: Number(values.rooms) },
  (_, n) => ['lobby', 'kitchen', 'garden'][n] ?? `room ${n + 1}`,
)
const CLIENTS_PER_ROOM = ROOMS.length > 100 ? 1 : 4
/** All together they say as much, however many they are; each of them some 200 times, or five times where they are many. */
const CLIENTS = ROOMS.length * CLIENTS_PER_ROOM
const TALKER_PACE_MS = PACE_MS * Math.max(1, CLIENTS / 12)
const TALK_MS = Math.max(1_600, 5 * TALKER_PACE_MS)

async function play(): Promise<void> {
  const nats = values.local ? undefined : findNats()
  const grid = nats === undefined ? await nodesHere() : await processes(nats)
  const talkers = ROOMS.flatMap((room) =>
    Array.from({ length: CLIENTS_PER_ROOM }, (_, i) => new Talker(`${room} ${i + 1}`, room, grid.port, TALKER_PACE_MS)),
  )
  console.log(`${talkers.length} clients talk in ${ROOMS.length} rooms.\n`)
  const runs: Promise<void>[] = []
  for (const talker of talkers) {
    runs.push(talker.run())
    // The processes take turns with those that connect one after the other.
    if (runs.length <= 100 || runs.length % 10 === 0) await pause(10)
  }
  while (!talkers.every((talker) => talker.isThere)) await pause(5)
  for (const talker of talkers) talker.isTalking = true
  await pause(TALK_MS / 2)
  console.log(`In the middle of it ${await grid.kill()}.`)
  await pause(TALK_MS / 2)
  for (const talker of talkers) talker.isTalking = false
  const complete = () => {
    const { delivered, sent } = count(talkers)
    return talkers.every((talker) => talker.isQuiet) && delivered === sent
  }
  for (let waited = 0; !complete() && waited < 30_000; waited += 20) await pause(20)
  for (const talker of talkers) talker.leave()
  await Promise.all(runs)
  const resumed = talkers.filter((talker) => talker.resumed > 0).length
  const refused = talkers.reduce((sum, talker) => sum + talker.refused, 0)
  console.log(
    `${resumed} clients lost their connection and resumed on another node; ${refused} were told that they cannot.\n`,
  )
  const tally = count(talkers)
  console.log(
    Object.entries(tally)
      .map(([what, n]) => `${what} ${n}`)
      .join(', '),
  )
  await grid.close()
  if (tally.lost + tally.duplicated + tally.reordered > 0 || resumed === 0) process.exitCode = 1
}

const { QBP_NATS } = process.env
if (cluster.isWorker && QBP_NATS !== undefined) void work(QBP_NATS)
else void play()
