// The same bytes by a bare net.Socket, in chunks of 64 KiB that are made once.

import { once } from 'node:events'
import net from 'node:net'

const CHUNK = Buffer.alloc(65_536, 7)

let socket
let left = 0
let arrived = () => {}
let all

export const functions = {
  async serve() {
    const server = net.createServer((each) => {
      each.on('data', ({ length }) => {
        left -= length
        if (left <= 0) arrived()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server.address().port
  },
  async dial(port) {
    socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
  },
  /** So much is to come. */
  await(count, size) {
    left = count * size
    all = new Promise((resolve) => {
      arrived = resolve
    })
  },
  arrived: () => all,
  async pour(size, count) {
    for (let rest = size * count; rest > 0; rest -= CHUNK.length)
      if (!socket.write(rest < CHUNK.length ? CHUNK.subarray(0, rest) : CHUNK)) await once(socket, 'drain')
  },
}
