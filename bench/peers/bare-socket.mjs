// Sockets of node:net with nothing on them: the floor that no library can be below. They send the frames that Qbp sends.

import { once } from 'node:events'
import net from 'node:net'
import { fixture } from '../fixtures.mjs'
import { frames } from '../questions/frames.mjs'
import { prepare as message } from './qbp.mjs'
import { timeTrips } from './trips.mjs'

let socket

export async function listen() {
  const server = net.createServer({ noDelay: true, keepAlive: true }, (each) => {
    each.on('data', (chunk) => {
      if (!each.write(chunk)) each.pause()
    })
    each.on('drain', () => each.resume())
    each.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

export async function connect(port) {
  socket = net.connect({ port, host: '127.0.0.1', noDelay: true, keepAlive: true })
  await once(socket, 'connect')
}

export const functions = {
  async trips(count) {
    const list = await Promise.all(fixture('small').map(({ name, fields }) => frames([message(name, fields)], 1)))
    let missing = 0
    let answered
    const onData = (chunk) => {
      missing -= chunk.length
      if (missing === 0) answered()
    }
    socket.on('data', onData)
    const times = await timeTrips(count, (i) => {
      const bytes = list[i % list.length]
      missing = bytes.length
      return new Promise((resolve) => {
        answered = resolve
        socket.write(bytes)
      })
    })
    socket.off('data', onData)
    return times
  },
}
