// A reader that is given one large body in chunks.

import { QbpReadable } from '../../dist/entry/index.js'
import { protocol } from './qbp.mjs'

/** The tag of Blob.id and 1, the tag of Blob.data and a length in 4 bytes. */
const HEAD_BYTES = 7

export const functions = {
  /** The milliseconds that one message with so many bytes takes. The process needs --expose-gc. */
  async read(size, chunkSize) {
    const body = Buffer.alloc(size, 0x61)
    const head = Buffer.from([
      ...[0, 5, 0, 0, 0, 0], // type:u16 length:u32
      ...[8, 1, 0x12, (size & 127) | 128, ((size >>> 7) & 127) | 128, ((size >>> 14) & 127) | 128, size >>> 21],
    ])
    head.writeUInt32BE(size + HEAD_BYTES, 2)
    const reader = new QbpReadable(protocol, { maxBodyBytes: 2 * size })
    const message = reader.readMessage()
    globalThis.gc() // What the last one left is not this one's.
    const began = process.hrtime.bigint()
    reader.write(head)
    for (let at = 0; at < size; at += chunkSize) reader.write(body.subarray(at, at + chunkSize))
    const { data } = await message
    const took = Number(process.hrtime.bigint() - began) / 1e6
    if (!body.equals(data)) throw new Error('the body read is not the one written')
    reader.destroy()
    return took
  },
}
