// Qbp's calls, with every default.

import { createServer, connect as open, Protocol } from '../../dist/entry/index.js'
import { fileOf } from '../fixtures.mjs'
import { answer, callers, counted } from './calls.mjs'

const protocol = await Protocol.load(fileOf('calls.proto'), { includeDirs: [fileOf('../schemas')], calls: true })
let client

export const functions = callers(
  (question) => client.divide(question),
  (question) => counted(client.list(question)),
)

export function listen() {
  const server = createServer(protocol, (_reader, _writer, connection) =>
    connection.serve('Calls', {
      divide: answer,
      async *list(question) {
        for (let i = 0; i < question.dividend; i++) yield answer(question)
      },
    }),
  )
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export async function connect(port) {
  const connection = await open(protocol, { host: '127.0.0.1', port })
  client = connection.client('Calls')
  return {}
}
