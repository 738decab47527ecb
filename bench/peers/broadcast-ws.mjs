// ws broadcasting as its README does, the message encoded once.

import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { fixture, now } from '../fixtures.mjs'
import { frames } from '../questions/frames.mjs'

const [{ name, fields }] = fixture('small')
const bytes = await frames([{ $name: name, ...fields }], 1)
let server

export const functions = {
  async listen() {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (socket) => socket.on('error', console.error))
    await once(server, 'listening')
    return server.address().port
  },
  size: () => server.clients.size,
  async broadcast(count, perTurn) {
    const began = now()
    for (let i = 0; i < count; i++) {
      for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN) client.send(bytes, { binary: true })
      }
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    return began
  },
}
