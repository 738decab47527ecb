// How long does one message take there and back, with no other under way, against the same bytes over bare sockets?

import { alternate, few, row } from '../measure.mjs'
import { start } from '../processes.mjs'

/** What p50 and p99 may be of a bare socket's. */
const GOALS = { p50: 1.1, p99: 1.2 }
const TRIPS = few(2000, 50)

export async function* run({ progress }) {
  const peers = { qbp: 'qbp', socket: 'bare-socket' }
  const pairs = new Map()
  const trips = new Map()
  for (const [name, peer] of Object.entries(peers)) {
    const server = start(peer)
    const client = start(peer)
    pairs.set(name, { server, client })
    await client.call('connect', await server.call('listen', { echo: true }))
    trips.set(name, [])
  }
  const turns = Object.fromEntries(
    [...pairs].map(([name, { client }]) => [name, async () => trips.get(name).push(await client.call('trips', TRIPS))]),
  )
  await alternate(turns, { rounds: 3, progress: (text) => progress(`warming up: ${text}`) })
  for (const list of trips.values()) list.length = 0
  const failed = await alternate(turns, { rounds: 11, progress })
  for (const { server, client } of pairs.values()) {
    server.stop()
    client.stop()
  }
  for (const [percentile, most] of Object.entries(GOALS)) {
    const figure = (name) => {
      const list = trips.get(name).map((trip) => trip[percentile])
      return failed.get(name) instanceof Error ? failed.get(name) : list.sort((a, b) => a - b)[list.length >> 1]
    }
    yield row(`round trip, ${percentile} : a bare net.Socket`, 'µs', figure('qbp'), figure('socket'), { most })
  }
}
