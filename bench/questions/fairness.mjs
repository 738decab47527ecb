// What does a client that floods tiny frames, each of which the handler answers, do to the server's event loop and to the
// other clients, against the same flood on a bare net.Socket that echoes?

import { fixture } from '../fixtures.mjs'
import { alternate, few, median, row } from '../measure.mjs'
import { prepare } from '../peers/qbp.mjs'
import { start } from '../processes.mjs'
import { frames } from './frames.mjs'

const ROUNDS = 9
const ROUND_MS = few(700, 100)
/** The flood fills the buffers between the processes before anything is measured. */
const LEAD_MS = 150
const CLIENTS = 20
/** Each client pauses so long, on average, between an answer and its next question. */
const EVERY_MS = 5
/** How long readers may hold the event loop at a time. */
const TURN_MS = 10

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function* run({ progress }) {
  const [{ name, fields }] = fixture('small')
  const question = await frames([prepare(name, fields)], 1)
  const tiny = await frames([prepare('Say', { id: 1 })], 1)
  const figures = {}
  const turns = {}
  const processes = []
  for (const peer of ['qbp', 'bare-socket']) {
    const [server, quiet, flood] = [start(peer), start('quiet'), start('flood')]
    processes.push(server, quiet, flood)
    const port = await server.call('listen', { echo: true })
    await quiet.call('join', port, CLIENTS)
    await flood.call('join', port, tiny)
    figures[peer] = { turn: [], calm: [], flooded: [] }
    const talk = () => quiet.call('talk', question, EVERY_MS, ROUND_MS)
    turns[`${peer}, calm`] = async () => figures[peer].calm.push(await talk())
    turns[`${peer}, flooded`] = async () => {
      await flood.call('begin')
      await pause(LEAD_MS)
      await server.call('watchLoop')
      figures[peer].flooded.push(await talk())
      figures[peer].turn.push(await server.call('longestTurn'))
      await flood.call('end')
    }
  }
  await alternate(turns, { rounds: 1, progress: (text) => progress(`warming up: ${text}`) })
  for (const lists of Object.values(figures)) for (const list of Object.values(lists)) list.length = 0
  const ended = await alternate(turns, { rounds: ROUNDS, progress })
  for (const each of processes) each.stop()
  const figure = (peer, what, of = (each) => each) => {
    const fault = ['calm', 'flooded'].map((state) => ended.get(`${peer}, ${state}`)).find((end) => end instanceof Error)
    return fault ?? median(figures[peer][what].map(of))
  }
  const [wall, held] = [({ wall }) => wall, ({ held }) => held]
  const bare = 'bare-socket'
  yield row('longest turn of the event loop, flooded : 10 ms', 'ms', figure('qbp', 'turn', held), TURN_MS, { most: 1 })
  yield row(
    'longest turn with its waits for a core, flooded : bare net.Socket',
    'ms',
    figure('qbp', 'turn', wall),
    figure(bare, 'turn', wall),
  )
  yield row("other clients' p99, flooded : not flooded", 'µs', figure('qbp', 'flooded'), figure('qbp', 'calm'), {
    most: 3,
  })
  yield row(
    "other clients' p99 of a bare net.Socket, flooded : not flooded",
    'µs',
    figure(bare, 'flooded'),
    figure(bare, 'calm'),
  )
}
