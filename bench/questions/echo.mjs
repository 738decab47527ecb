// How many messages a second go to a server in another process and back, with as many under way as the library lets?

import { alternate, row } from '../measure.mjs'
import { echoPair } from './pairs.mjs'

const PEERS = [
  ['ws', 'ws + protobufjs', 3],
  ['grpc', '@grpc/grpc-js bidi streaming', 20],
]

export async function* run({ progress }) {
  const pairs = new Map()
  const contestants = {}
  for (const peer of ['qbp', 'ws', 'grpc']) {
    contestants[peer] = async () => {
      if (!pairs.has(peer)) {
        progress(`${peer}: checking`)
        pairs.set(peer, await echoPair(peer, 'small'))
      }
      return pairs.get(peer).turn()
    }
  }
  try {
    const figures = await alternate(contestants, { progress })
    for (const [peer, label, least] of PEERS) {
      yield row(`echo of small messages : ${label}`, 'messages/s', figures.get('qbp'), figures.get(peer), { least })
    }
  } finally {
    for (const pair of pairs.values()) pair.stop()
  }
}
