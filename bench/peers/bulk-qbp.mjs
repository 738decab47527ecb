// Long bodies by Qbp, each checked: its number, its length, its first and its last byte.

import { connect, createServer } from '../../dist/entry/index.js'
import { protocol } from './qbp.mjs'

const OPTIONS = { maxBodyBytes: 2 ** 25, maxQueuedBytes: 2 ** 27 }

let writer
let left = 0
let last = 0
let arrived = () => {}
let all

function check({ id, data }, size) {
  if (id !== last + 1 || data.length !== size || data[0] !== 7 || data[size - 1] !== 7)
    throw new Error(`message ${id} came after ${last}, with ${data.length} bytes`)
  last = id
  if (--left === 0) arrived()
}

export const functions = {
  async serve({ size, ...options }) {
    const server = createServer(protocol, { ...OPTIONS, ...options }, async (reader) => {
      for await (const message of reader) check(message, size)
    })
    server.on('clientError', (error) => {
      throw error
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  async dial(port, options) {
    ;({ writer } = await connect(protocol, { port, host: '127.0.0.1', ...OPTIONS, ...options }))
  },
  /** So many are to come. */
  await(count) {
    left = count
    last = 0
    all = new Promise((resolve) => {
      arrived = resolve
    })
  },
  arrived: () => all,
  async pour(size, count) {
    const data = Buffer.alloc(size, 7)
    for (let id = 1; id <= count; id++) await writer.writeMessage({ $name: 'Blob', id, data })
  },
}
