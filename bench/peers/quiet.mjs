// Clients that each ask one thing every few milliseconds, and how long each answer takes.

import { once } from 'node:events'
import net from 'node:net'

const clients = []

async function join(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const client = { socket, answer: [], answered: () => {} }
  socket.on('data', (chunk) => {
    client.answer.push(chunk)
    client.answered()
  })
  clients.push(client)
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Round trips until then; the microseconds of each go into `times`. */
async function talk(client, bytes, everyMs, until, times) {
  await pause(Math.random() * everyMs) // Not all of them at the same moment.
  while (performance.now() < until) {
    const began = process.hrtime.bigint()
    client.socket.write(bytes)
    let answer
    do {
      await new Promise((resolve) => {
        client.answered = resolve
      })
      answer = Buffer.concat(client.answer)
    } while (answer.length < bytes.length)
    times.push(Number(process.hrtime.bigint() - began) / 1e3)
    client.answer = []
    if (!answer.equals(bytes)) throw new Error('a quiet client got another answer than it asked for')
    await pause(everyMs * (0.5 + Math.random()))
  }
}

export const functions = {
  async join(port, count) {
    for (let i = 0; i < count; i++) await join(port)
  },
  /** The 99th percentile of all clients' round trips in so many milliseconds, in microseconds. */
  async talk(bytes, everyMs, forMs) {
    const until = performance.now() + forMs
    const times = []
    await Promise.all(clients.map((client) => talk(client, Buffer.from(bytes), everyMs, until, times)))
    times.sort((a, b) => a - b)
    return times[Math.floor(times.length * 0.99)]
  },
}
