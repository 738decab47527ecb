// Sockets of node:net, each given the same bytes: what one write for each delivery costs, whoever makes it.

import net from 'node:net'
import { fixture, now } from '../fixtures.mjs'
import { frames } from '../questions/frames.mjs'
import { prepare } from './qbp.mjs'

const [{ name, fields }] = fixture('small')
const frame = await frames([prepare(name, fields)], 1)
const sockets = []

export const functions = {
  listen() {
    const server = net.createServer({ noDelay: true }, (socket) => {
      sockets.push(socket)
      socket.on('error', () => {}).resume()
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  size: () => sockets.length,
  async broadcast(count, perTurn) {
    const began = now()
    for (let i = 0; i < count; i++) {
      for (const socket of sockets) socket.write(frame)
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    return began
  },
}
