// What does a call cost, of about a hundred bytes each way, against gRPC's libraries and against requests by id that one writes by
// hand? Processor time of both ends, and calls a second.

import { alternate, few, row } from '../measure.mjs'
import { start } from '../processes.mjs'

const MS = few(300, 1)
const ANSWERS = few(2_000, 100)

const PEERS = { qbp: 'calls-qbp', id: 'calls-by-id', grpc: 'calls-grpc', nice: 'calls-nice', connect: 'calls-connect' }

/** So many calls at least in a turn, and twice as many to warm up: a machine that is busy gives a process little in MS. */
const LEAST = { qbp: few(4_000, 1), id: few(4_000, 1), grpc: few(600, 1), nice: few(500, 1), connect: few(250, 1) }

/** The peers that each measure is taken against, and the goals: for the ratio of ours to theirs. */
const MEASURES = [
  [
    'one at a time',
    (client, least) => client.call('divide', 1, MS, least),
    { grpc: 1 / 12, nice: null, connect: null, id: 2 },
  ],
  [
    '100 under way',
    (client, least) => client.call('divide', 100, MS, least),
    { grpc: 1 / 25, nice: null, connect: null, id: 2 },
  ],
  [
    'streamed',
    (client, least) => client.call('list', ANSWERS, MS, 10 * least),
    { grpc: 1 / 6, nice: null, connect: null, id: null },
  ],
]

const NAMES = { grpc: '@grpc/grpc-js', nice: 'nice-grpc', connect: 'Connect', id: 'requests by id' }

export async function* run({ progress }) {
  const pairs = new Map()
  for (const [name, peer] of Object.entries(PEERS)) {
    const server = start(peer)
    const client = start(peer)
    pairs.set(name, { server, client })
    await client.call('connect', await server.call('listen', {}))
  }
  for (const [kind, call, goals] of MEASURES) {
    const rates = new Map(Object.keys(PEERS).map((name) => [name, []]))
    const turn = async (name, times = 1) => {
      const { server, client } = pairs.get(name)
      const used = async () => (await server.call('cpu')) + (await client.call('cpu'))
      const before = await used()
      const { count, ms } = await call(client, times * LEAST[name])
      rates.get(name).push((1000 * count) / ms)
      return ((await used()) - before) / count
    }
    const contestants = Object.fromEntries(Object.keys(PEERS).map((name) => [name, () => turn(name)]))
    for (const name of Object.keys(PEERS)) {
      progress(`${kind}: warming up: ${name}`)
      await turn(name, 2)
    }
    for (const list of rates.values()) list.length = 0
    const cpu = await alternate(contestants, { progress: (text) => progress(`${kind}: ${text}`) })
    const label = kind === 'streamed' ? 'CPU per streamed item' : `CPU per call, ${kind}`
    for (const [name, most] of Object.entries(goals))
      yield row(`${label} : ${NAMES[name]}`, 'µs', cpu.get('qbp'), cpu.get(name), most === null ? {} : { most })
    if (kind !== '100 under way') continue
    const rate = (name) =>
      cpu.get(name) instanceof Error
        ? cpu.get(name)
        : rates.get(name).sort((a, b) => a - b)[rates.get(name).length >> 1]
    yield row(`calls, 100 under way : ${NAMES.grpc}`, 'calls/s', rate('qbp'), rate('grpc'), { least: 25 })
  }
  for (const { server, client } of pairs.values()) {
    server.stop()
    client.stop()
  }
}
