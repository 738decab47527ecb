// A Group of all connections.

import { createServer, Group } from '../../dist/entry/index.js'
import { fixture, now } from '../fixtures.mjs'
import { protocol } from './qbp.mjs'

const group = new Group()
const messages = fixture('small').map(({ name, fields }) => ({ $name: name, ...fields }))

export const functions = {
  listen() {
    const server = createServer(protocol, async (reader, _writer, connection) => {
      group.join(connection)
      for await (const _ of reader);
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  size: () => group.size,
  /** Broadcasts one message so many times, `perTurn` of them in each turn of the event loop. */
  async broadcast(count, perTurn) {
    const began = now()
    for (let i = 0; i < count; i++) {
      group.broadcast(messages[0])
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    return began
  },
}
