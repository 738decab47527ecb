// Qbp for servers that want all of it: `readMessages`, and an answer awaited only where the writer is full.

import { once } from 'node:events'
import { createServer } from '../../dist/entry/index.js'
import { protocol } from './qbp.mjs'

export { connect, prepare } from './qbp.mjs'

const AT_ONCE = 1024

export function listen({ received, echo }) {
  const server = createServer(protocol, async (reader, writer) => {
    for (;;) {
      const messages = await reader.readMessages(AT_ONCE)
      if (messages.length === 0) return
      if (echo) {
        let hasRoom = true
        for (const message of messages) hasRoom = writer.write(message)
        if (!hasRoom) await once(writer, 'drain')
      } else for (const message of messages) received(message.$name, message)
    }
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}
