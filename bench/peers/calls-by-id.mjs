// Requests and replies by an id in the message, as one writes them by hand over Qbp: no deadline, no cancel, no status, no window.

import { createServer, connect as open, Protocol } from '../../dist/entry/index.js'
import { fileOf } from '../fixtures.mjs'
import { answer, callers } from './calls.mjs'

const protocol = await Protocol.load(fileOf('calls.proto'), { includeDirs: [fileOf('../schemas')] })
const waiting = new Map()
let writer

export const functions = callers(
  (question) =>
    new Promise((resolve) => {
      waiting.set(question.id, resolve)
      writer.write({ $name: 'Question', ...question })
    }),
  // It asks for as many as there are to come; what comes has its id.
  (question) =>
    new Promise((resolve) => {
      let count = 0
      waiting.set(question.id, () => {
        if (++count < question.dividend) return false
        resolve(count)
        return true
      })
      writer.write({ $name: 'Question', ...question })
    }),
)

export function listen() {
  const server = createServer(protocol, async (reader, writer) => {
    for await (const question of reader) {
      if (question.id > 0) writer.write({ $name: 'Answer', ...answer(question) })
      else
        for (let i = 0; i < question.dividend; i++)
          if (!writer.write({ $name: 'Answer', ...answer(question) }))
            await new Promise((done) => writer.once('drain', done))
    }
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export async function connect(port) {
  const connection = await open(protocol, { host: '127.0.0.1', port })
  writer = connection.writer
  void (async () => {
    for await (const message of connection.reader) {
      const { id } = message
      if (waiting.get(id)(message) !== false) waiting.delete(id)
    }
  })()
  return {}
}
