// The bus over NATS, and groups on it.

import { natsBus } from '../../dist/entry/bus/nats/nats-bus.js'
import { BusGroup, createServer, QbpWritable } from '../../dist/entry/index.js'
import { fixture, now } from '../fixtures.mjs'
import { protocol } from './qbp.mjs'

const messages = fixture('small').map(({ name, fields }) => ({ $name: name, ...fields }))
let bus
let group
let log
let start
let missing = 0
let arrived = () => {}
let all

export const functions = {
  async open(url) {
    bus = await natsBus({ servers: url })
    group = new BusGroup(protocol, bus, 'bench')
    log = new BusGroup(protocol, bus, 'bench', { durable: true })
  },
  async subscribe() {
    await bus.subscribe('frames', () => {
      if (--missing === 0) arrived(now())
    })
  },
  expectFrames(count) {
    missing = count
    all = new Promise((resolve) => {
      arrived = resolve
    })
  },
  arrived: () => all,
  async publish(count, size, perTurn) {
    const frame = new Uint8Array(size)
    const began = now()
    for (let i = 0; i < count; i++) {
      await bus.publish('frames', frame)
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    return began
  },
  listen() {
    const server = createServer(protocol, async (reader, _writer, connection) => {
      await group.join(connection)
      for await (const _ of reader);
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
  size: () => group.size,
  async broadcast(count, perTurn) {
    const began = now()
    for (let i = 0; i < count; i++) {
      await group.broadcast(messages[0])
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    return began
  },
  async fill(count) {
    start = await log.broadcast(messages[0])
    for (let i = 0; i < count; i += 1000) {
      await Promise.all(Array.from({ length: 1000 }, () => log.broadcast(messages[0])))
    }
  },
  /** Milliseconds until a client has been given all that it missed. */
  async resume(count) {
    const writer = new QbpWritable(protocol, { role: 'server' })
    let bytes = 0
    writer.on('data', (chunk) => {
      bytes += chunk.length
    })
    const began = now()
    await log.join(writer, { since: start })
    await new Promise(setImmediate)
    const took = now() - began
    // All are of one length; positions do not count them.
    if (bytes === 0 || bytes % count !== 0) throw new Error(`${bytes} bytes resumed, of ${count} messages`)
    writer.destroy()
    return took
  },
}
