// A TCP server that takes bytes and counts them.

import net from 'node:net'

let bytes = 0

export const functions = {
  listen() {
    const server = net.createServer((socket) => {
      socket.on('data', (chunk) => {
        bytes += chunk.length
      })
      socket.on('error', () => {})
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  bytes: () => bytes,
}
