// One machine, all its cores: the chat server in as many processes, its rooms spanning them, and clients that do not notice
// when one of the processes is killed:
//
//   npm run cluster
//
// The processes meet on a NATS server that this starts (Debian: apt-get install nats-server). Where there is none, nodes of this one process
// stand for them, on a bus that needs nothing installed: one line differs.

import cluster from 'node:cluster'
import { setTimeout as pause } from 'node:timers/promises'
import { nodesHere, processes, work } from './grid.ts'
import { findNats } from './nats.ts'
import { count, Talker } from './talker.ts'

const ROOMS = ['lobby', 'kitchen', 'garden']
const CLIENTS_PER_ROOM = 4
const TALK_MS = 1_600

async function play(): Promise<void> {
  const nats = process.argv.includes('--local') ? undefined : findNats()
  const grid = nats === undefined ? await nodesHere() : await processes(nats)
  const talkers = ROOMS.flatMap((room) =>
    Array.from({ length: CLIENTS_PER_ROOM }, (_, i) => new Talker(`${room} ${i + 1}`, room, grid.port)),
  )
  console.log(`${talkers.length} clients talk in ${ROOMS.length} rooms.\n`)
  const runs: Promise<void>[] = []
  for (const talker of talkers) {
    runs.push(talker.run())
    await pause(10) // The processes take turns with those that connect one after the other.
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
  for (let waited = 0; !complete() && waited < 10_000; waited += 20) await pause(20)
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
