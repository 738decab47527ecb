// How many messages a second go one way over TCP, from one process to another, with each library used as its README says?

import { fixture } from '../fixtures.mjs'
import { alternate, QUICK, row } from '../measure.mjs'
import { oneWayPair } from './pairs.mjs'

/** The peers, with the ratio that is to be reached for small messages. */
const PEERS = [
  ['grpc', '@grpc/grpc-js bidi streaming', 60],
  ['ws', 'ws + protobufjs', 4],
  ['length-prefixed', 'length-prefixed-stream + protobufjs', 6],
  ['protobuf-es', '@bufbuild/protobuf delimited', 3],
  ['msgpackr', 'msgpackr streams', 2],
  ['socket-io', 'socket.io, JSON', 25],
]

/** What else is sent, and against whom: the larger the body, the less a library can do about it. */
const BODIES = QUICK
  ? { '1 MiB': ['grpc', 'ws'] }
  : { '1 KiB': ['grpc', 'ws', 'length-prefixed'], '64 KiB': ['grpc', 'ws'], '1 MiB': ['grpc', 'ws'] }

export async function* run({ progress }) {
  const small = await compare(
    'small',
    PEERS.map(([peer]) => peer),
    progress,
  )
  for (const [peer, label, least] of PEERS) {
    yield row(`small messages, one way : ${label}`, 'messages/s', small.get('qbp'), small.get(peer), { least })
  }
  for (const [body, peers] of Object.entries(BODIES)) {
    const figures = await compare(body, peers, progress)
    const { length } = fixture(body)[0].fields.data
    const megabytes = (figure) => (figure instanceof Error ? figure : (figure * length) / 1e6)
    for (const [peer, label] of PEERS.filter(([peer]) => peers.includes(peer))) {
      yield row(`${body}, one way : ${label}`, 'MB/s', megabytes(figures.get('qbp')), megabytes(figures.get(peer)))
    }
  }
}

async function compare(name, peers, progress) {
  const pairs = new Map()
  const contestants = {}
  for (const peer of ['qbp', ...peers]) {
    contestants[peer] = async () => {
      if (!pairs.has(peer)) {
        progress(`${name}: ${peer}, checking`)
        pairs.set(peer, await oneWayPair(peer, name))
      }
      return pairs.get(peer).turn()
    }
  }
  try {
    return await alternate(contestants, { progress: (text) => progress(`${name}: ${text}`) })
  } finally {
    for (const pair of pairs.values()) pair.stop()
  }
}
