// socket.io over its WebSocket transport: one event each, JSON.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'

export const prepare = (name, fields) => ({ name, fields })

/** socket.io has no back-pressure: so often the sender waits until its queue is empty. */
const MOST_QUEUED = 1000

export async function listen({ received, echo }) {
  const http = createServer()
  const server = new Server(http)
  server.on('connection', (socket) => {
    socket.onAny((name, message) => {
      if (echo) socket.emit(name, message)
      else received(name, message)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return http.address().port
}

export async function connect(port, { received }) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] })
  socket.onAny((name, message) => received(name, message))
  await new Promise((resolve) => socket.once('connect', resolve))
  let queued = 0
  return {
    send({ name, fields }) {
      socket.emit(name, fields)
      if (++queued < MOST_QUEUED) return undefined
      queued = 0
      const { engine } = socket.io
      if (engine.writeBuffer.length > 0) return new Promise((resolve) => engine.once('drain', resolve))
    },
  }
}
