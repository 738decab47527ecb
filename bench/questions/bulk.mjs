// How many bytes a second go one way in frames of one long `bytes` field, against a bare net.Socket that moves as many? As it
// comes, with a copy at each end, and where the reader shares bytes.

import { alternate, few, QUICK, row } from '../measure.mjs'
import { start } from '../processes.mjs'

const SIZES = { '64 KiB': 2 ** 16, '1 MiB': 2 ** 20, '16 MiB': 2 ** 24 }
/** Bytes of a turn. */
const TURN_BYTES = few(2 ** 27, 2 ** 20)
/** As it comes, and with shareBytes. */
const GOALS = { '64 KiB': [0.5, 0.65], '1 MiB': [0.55, 0.75], '16 MiB': [0.35, 0.45] }

export async function* run({ progress }) {
  const names = QUICK ? ['1 MiB'] : Object.keys(SIZES)
  for (const name of names) {
    const size = SIZES[name]
    const figures = await alternate(
      {
        qbp: () => speed('bulk-qbp', size, {}),
        sharing: () => speed('bulk-qbp', size, { shareBytes: true }),
        bare: () => speed('bulk-bare', size, {}),
      },
      { rounds: 11, progress: (text) => progress(`${name}: ${text}`) },
    )
    const [own, shared] = GOALS[name]
    const label = `bodies of ${name}, one way`
    yield row(`${label} : bare net.Socket`, 'MB/s', figures.get('qbp'), figures.get('bare'), { least: own })
    yield row(`${label}, shareBytes : bare net.Socket`, 'MB/s', figures.get('sharing'), figures.get('bare'), {
      least: shared,
    })
  }
}

/**
 * MB/s between two processes of their own. One and the same process is fast or slow for all of its life, by a factor of two to three,
 * bare sockets too: by whether the allocator happens to give freed buffers back to the system, page by page.
 */
async function speed(peer, size, options) {
  const [server, client] = [start(peer), start(peer)]
  const count = Math.max(1, Math.ceil(TURN_BYTES / size))
  const turn = async () => {
    await server.call('await', count, size)
    const began = process.hrtime.bigint()
    await Promise.all([server.call('arrived'), client.call('pour', size, count)])
    return (count * size) / (Number(process.hrtime.bigint() - began) / 1e3)
  }
  try {
    await client.call('dial', await server.call('serve', { size, ...options }), options)
    if (!QUICK) await turn()
    return await turn()
  } finally {
    server.stop()
    client.stop()
  }
}
