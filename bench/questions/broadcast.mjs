// One message to 1,000 connections, encoded once: how many deliveries a second, against ws broadcasting the
// same bytes, and a loop over bare sockets that writes them?

import { fixture } from '../fixtures.mjs'
import { alternate, few, row } from '../measure.mjs'
import { prepare } from '../peers/qbp.mjs'
import { start } from '../processes.mjs'
import { frames } from './frames.mjs'

const CONNECTIONS = few(1000, 50)
const BROADCASTS = few(60, 10)
/** A header of 2 bytes stands before a short WebSocket message. */
const OVERHEAD = { 'broadcast-qbp': 0, 'broadcast-ws': 2, 'broadcast-bare': 0 }

export async function* run({ progress }) {
  const [{ name, fields }] = fixture('small')
  const frame = await frames([prepare(name, fields)], 1)
  const sides = {}
  for (const peer of Object.keys(OVERHEAD)) {
    progress(`${peer}: ${CONNECTIONS} connections`)
    const server = start(peer)
    const audience = start('audience')
    await audience.call('join', await server.call('listen'), CONNECTIONS, peer === 'broadcast-ws')
    while ((await server.call('size')) < CONNECTIONS) await new Promise((resolve) => setTimeout(resolve, 10))
    sides[peer] = { server, audience }
  }
  for (const perTurn of [1, 10]) {
    const turns = Object.fromEntries(
      Object.entries(sides).map(([peer, { server, audience }]) => [
        peer,
        async () => {
          const each = BROADCASTS * (frame.length + OVERHEAD[peer])
          await audience.call('expectBytes', each)
          const began = await server.call('broadcast', BROADCASTS, perTurn)
          const { at, even, tail } = await audience.call('finished', each)
          if (!even || !tail.endsWith(frame.toString('hex')))
            throw new Error(`${peer}: not everyone got the same bytes`)
          return ((BROADCASTS * CONNECTIONS) / (at - began)) * 1000
        },
      ]),
    )
    await alternate(turns, { rounds: 2, progress: (text) => progress(`warming up: ${text}`) })
    const figures = await alternate(turns, { progress: (text) => progress(`${perTurn} a turn: ${text}`) })
    const compare = (other, label, least) =>
      row(label, 'deliveries/s', figures.get('broadcast-qbp'), figures.get(other), { least })
    const label = `broadcast to 1,000, ${perTurn} a turn`
    yield compare('broadcast-ws', `${label} : ws`, 2)
    if (perTurn === 1) yield compare('broadcast-bare', `${label} : the same loop over bare sockets`, 0.95)
  }
  for (const { server, audience } of Object.values(sides)) {
    server.stop()
    audience.stop()
  }
}
