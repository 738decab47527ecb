// Does the time of one large body grow with its size and nothing else, however small the chunks?

import { QbpReadable } from '../../dist/index.js'
import { alternate, few, row } from '../measure.mjs'
import { protocol } from '../peers/qbp.mjs'

/** A chunk is cut from as much. */
const MEBIBYTE = few(2 ** 20, 2 ** 14)

export async function* run({ progress }) {
  for (const chunk of [1, 1460, 65_536]) {
    const turns = { 16: () => read(16 * MEBIBYTE, chunk), 8: () => read(8 * MEBIBYTE, chunk) }
    // 16 million chunks take seconds.
    if (chunk > 1) await alternate(turns, { rounds: 2 })
    const figures = await alternate(turns, { progress: (text) => progress(`chunks of ${chunk}: ${text} MiB`) })
    yield row(`16 MiB body in chunks of ${chunk} : 8 MiB body`, 'ms', figures.get('16'), figures.get('8'), {
      most: 2.2,
    })
  }
}

/** The milliseconds that one message with so many bytes takes. */
async function read(size, chunkSize) {
  const body = Buffer.alloc(size, 0x61)
  // Blob { id = 1, data }: the tag and varint of the length take 2 + 1 + 4 bytes.
  const head = Buffer.from([
    0,
    5,
    0,
    0,
    0,
    0,
    8,
    1,
    0x12,
    (size & 127) | 128,
    ((size >>> 7) & 127) | 128,
    ((size >>> 14) & 127) | 128,
    size >>> 21,
  ])
  head.writeUInt32BE(size + 7, 2)
  const reader = new QbpReadable(protocol, { maxBodyBytes: 2 * size })
  const message = reader.readMessage()
  const began = process.hrtime.bigint()
  reader.write(head)
  for (let at = 0; at < size; at += chunkSize) reader.write(body.subarray(at, at + chunkSize))
  const { data } = await message
  const took = Number(process.hrtime.bigint() - began) / 1e6
  if (!body.equals(data)) throw new Error('chunk-sizes: the body read is not the one written')
  reader.destroy()
  return took
}
