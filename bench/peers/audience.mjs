// Connections that count bytes: an audience that costs every server the same.

import { once } from 'node:events'
import net from 'node:net'
import { now } from '../fixtures.mjs'

/** What a WebSocket client says first; the key is the one of RFC 6455. */
const UPGRADE =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

const buffer = Buffer.alloc(65_536)
const members = []
let missing = 0
let arrived = () => {}
let tail = ''
let finished
/** While the members talk, called for every answer. */
let onAnswer = null

async function join(port, upgrade) {
  const member = { bytes: 0, counting: !upgrade }
  const socket = net.connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer,
      callback(size) {
        if (!member.counting) {
          member.counting = true // The server's answer to the upgrade.
          member.ready()
          return
        }
        if (onAnswer !== null) {
          onAnswer(size)
          return
        }
        member.bytes += size
        missing -= size
        if (missing <= 0) {
          tail = buffer.toString('hex', 0, size)
          arrived(now())
        }
      },
    },
  })
  member.socket = socket
  members.push(member)
  await once(socket, 'connect')
  if (upgrade) {
    const ready = new Promise((resolve) => {
      member.ready = resolve
    })
    socket.write(UPGRADE)
    await ready
  }
}

export const functions = {
  async join(port, count, upgrade) {
    for (let i = 0; i < count; i += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - i) }, () => join(port, upgrade)))
    }
  },
  expectBytes(each) {
    for (const member of members) member.bytes = 0
    missing = each * members.length
    finished = new Promise((resolve) => {
      arrived = resolve
    })
  },
  /** When the last byte came, and whether each connection got its share. */
  async finished(each) {
    const at = await finished
    return { at, even: members.every(({ bytes }) => bytes === each), tail }
  },
  /** Sends each of these bytes on one connection after the other, so many under way at a time, and awaits the answers. */
  async talk(bytes, count, underWay) {
    let sent = 0
    let answered = 0 // bytes
    await new Promise((resolve) => {
      const next = () => {
        if (sent < count) members[sent++ % members.length].socket.write(bytes)
      }
      onAnswer = (size) => {
        const before = Math.floor(answered / bytes.length)
        answered += size
        for (let i = before; i < Math.floor(answered / bytes.length); i++) next()
        if (answered === count * bytes.length) resolve()
      }
      for (let i = 0; i < underWay; i++) next()
    })
    onAnswer = null
  },
}
