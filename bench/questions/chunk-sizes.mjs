// Does the time of one large body grow with its size and nothing else, however small the chunks?

import { alternate, few, row } from '../measure.mjs'
import { start } from '../processes.mjs'

/** A chunk is cut from as much. */
const MEBIBYTE = few(2 ** 20, 2 ** 14)
/**
 * Most of the time goes into the first touch of fresh pages, and glibc hands out used ones or fresh ones by a threshold that
 * moves with what was freed: 8 MiB then cost no page fault and 16 MiB 10,000. A threshold that stands still charges both alike.
 */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '131072' }

export async function* run({ progress }) {
  const reader = start('chunks', ['--expose-gc'], ENVIRONMENT)
  for (const chunk of [1, 1460, 65_536]) {
    const turns = {
      16: () => reader.call('read', 16 * MEBIBYTE, chunk),
      8: () => reader.call('read', 8 * MEBIBYTE, chunk),
    }
    // 16 million chunks take seconds.
    if (chunk > 1) await alternate(turns, { rounds: 2 })
    const figures = await alternate(turns, {
      rounds: chunk > 1 ? 15 : 5,
      progress: (text) => progress(`chunks of ${chunk}: ${text} MiB`),
    })
    yield row(`16 MiB body in chunks of ${chunk} : 8 MiB body`, 'ms', figures.get('16'), figures.get('8'), {
      most: 2.2,
    })
  }
  reader.stop()
}
