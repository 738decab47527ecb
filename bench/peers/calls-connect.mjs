// Connect, over HTTP/2 in gRPC's protocol.

import http2 from 'node:http2'
import { createClient } from '@connectrpc/connect'
import { connectNodeAdapter, createGrpcTransport } from '@connectrpc/connect-node'
import { answer, callers, counted } from './calls.mjs'
import { Calls } from './generated/calls_pb.js'

let client

export const functions = callers(
  (question) => client.divide(question),
  (question) => counted(client.list(question)),
)

export function listen() {
  const routes = (router) =>
    router.service(Calls, {
      divide: answer,
      async *list(question) {
        for (let i = 0; i < question.dividend; i++) yield answer(question)
      },
    })
  const server = http2.createServer(connectNodeAdapter({ routes }))
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

export async function connect(port) {
  client = createClient(Calls, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))
  return {}
}
