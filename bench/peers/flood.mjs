// A connection that sends the same frames as fast as the server takes them, and reads the answers: a hostile client at
// the least cost to itself.

import { once } from 'node:events'
import net from 'node:net'

/** What a socket hands to the system at once. */
const CHUNK_BYTES = 65_536

const buffer = Buffer.alloc(CHUNK_BYTES)
let socket
let cycle
let sent = 0
let answered = 0 // bytes
let wrong = false
let flooding = false
let arrived = () => {}

function onAnswer(size) {
  for (let at = 0; at < size; ) {
    const place = answered % cycle.length
    const length = Math.min(size - at, cycle.length - place)
    if (buffer.compare(cycle, place, place + length, at, at + length) !== 0) wrong = true
    answered += length
    at += length
  }
  if (!flooding && answered >= sent) arrived()
}

async function send() {
  while (flooding) {
    sent += cycle.length
    if (!socket.write(cycle)) await once(socket, 'drain')
  }
}

export const functions = {
  async join(port, frames) {
    // Whole frames, about a chunk of them.
    cycle = Buffer.concat(Array.from({ length: Math.floor(CHUNK_BYTES / frames.length) }, () => Buffer.from(frames)))
    socket = net.connect({
      port,
      host: '127.0.0.1',
      onread: { buffer, callback: onAnswer },
    })
    await once(socket, 'connect')
  },
  begin() {
    flooding = true
    void send()
  },
  /** Ends the flood and awaits the last answer. @throws if not the same bytes came back as were sent. */
  async end() {
    flooding = false
    if (answered < sent) {
      await new Promise((resolve) => {
        arrived = resolve
      })
    }
    if (wrong || answered !== sent) throw new Error(`of ${sent} bytes ${answered} came back, or others`)
    sent = answered = 0
  },
}
