// Qbp as its README uses it: `for await` and `writeMessage`, with every default.

import { createServer, connect as open, Protocol } from '../../dist/entry/index.js'
import { fileOf, fixture } from '../fixtures.mjs'
import { timeTrips } from './trips.mjs'

export const protocol = await Protocol.load(fileOf('messages.proto'), { includeDirs: [fileOf('../schemas')] })

export const prepare = ($name, fields) => ({ $name, ...fields })

let connection

export function listen({ received, echo }) {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const message of reader) {
      if (echo) await writer.writeMessage(message)
      else received(message.$name, message)
    }
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export async function connect(port, { received }) {
  connection = await open(protocol, { host: '127.0.0.1', port })
  const { reader, writer } = connection
  let receiving = false
  return {
    send(message) {
      if (!receiving) {
        receiving = true
        void receive(reader, received)
      }
      return writer.writeMessage(message)
    },
  }
}

async function receive(reader, received) {
  for await (const message of reader) received(message.$name, message)
}

export const functions = {
  async trips(count) {
    const { reader, writer } = connection
    const messages = fixture('small').map(({ name, fields }) => prepare(name, fields))
    return timeTrips(count, async (i) => {
      const message = messages[i % messages.length]
      await writer.writeMessage(message)
      const answer = await reader.readMessage()
      if (answer.id !== message.id) throw new Error('another answer than was asked for')
    })
  },
}
