// nice-grpc, over the definition that @grpc/proto-loader makes.

import { createChannel, createClient, createServer } from 'nice-grpc'
import { answer, callers, counted } from './calls.mjs'
import { definition } from './calls-grpc.mjs'

const { Divide: divide, List: list } = definition['bench.Calls']
const service = { divide, list }
let client

export const functions = callers(
  (question) => client.divide(question),
  (question) => counted(client.list(question)),
)

export function listen() {
  const server = createServer()
  server.add(service, {
    divide: async (question) => answer(question),
    async *list(question) {
      for (let i = 0; i < question.dividend; i++) yield answer(question)
    },
  })
  return server.listen('127.0.0.1:0')
}

export async function connect(port) {
  client = createClient(service, createChannel(`127.0.0.1:${port}`))
  return {}
}
