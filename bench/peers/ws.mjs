// ws: one binary message each, protobuf inside.

import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { decode, encode, prepare } from './envelope.mjs'

export { prepare }

/** Where a sender waits, as it would have to with any number of messages. */
const MOST_BUFFERED = 2 ** 20

export async function listen({ received, echo }) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => {
    socket.on('error', console.error)
    if (echo) socket.on('message', (data) => socket.send(encode(decode(data, ignore))))
    else socket.on('message', (data) => decode(data, received))
  })
  await once(server, 'listening')
  return server.address().port
}

export async function connect(port, { received }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`)
  socket.on('message', (data) => decode(data, received))
  await once(socket, 'open')
  return {
    send(message) {
      if (socket.bufferedAmount < MOST_BUFFERED) socket.send(encode(message))
      else return new Promise((resolve) => socket.send(encode(message), resolve))
    },
  }
}

function ignore() {}
