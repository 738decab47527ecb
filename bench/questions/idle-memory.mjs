// What does a connection that says nothing take in the server, against a bare net.Socket's?

import { alternate, few, median, row } from '../measure.mjs'
import { start } from '../processes.mjs'

const CONNECTIONS = few(3000, 50)
/** They compile code, fill caches and let V8 grow its young generation, of which nothing is the next connection's. */
const UNCOUNTED = few(1000, 10)

export async function* run({ progress }) {
  const kinds = { heap: new Map(), rss: new Map() }
  const turn = (peer) => async () => {
    const server = start(peer, ['--expose-gc'])
    const audience = start('audience')
    try {
      const port = await server.call('listen', {})
      await audience.call('join', port, UNCOUNTED, false)
      const before = await server.call('memory')
      await audience.call('join', port, CONNECTIONS, false)
      const after = await server.call('memory')
      for (const kind of Object.keys(kinds)) {
        const list = kinds[kind].get(peer) ?? []
        kinds[kind].set(peer, [...list, (after[kind] - before[kind]) / CONNECTIONS])
      }
    } finally {
      server.stop()
      audience.stop()
    }
  }
  const failed = await alternate({ qbp: turn('qbp'), 'bare-socket': turn('bare-socket') }, { progress })
  const figure = (kind, peer) => (failed.get(peer) instanceof Error ? failed.get(peer) : median(kinds[kind].get(peer)))
  yield row(
    'idle connection, resident : a bare net.Socket',
    'bytes',
    figure('rss', 'qbp'),
    figure('rss', 'bare-socket'),
    { most: 1.6 },
  )
  yield row('idle connection, heap : a bare net.Socket', 'bytes', figure('heap', 'qbp'), figure('heap', 'bare-socket'))
}
