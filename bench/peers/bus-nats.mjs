// nats.js by itself: what anyone would write without a bus.

import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { now } from '../fixtures.mjs'

let nc
let missing = 0
let arrived = () => {}
let all

export const functions = {
  async open(url) {
    nc = await connect({ servers: url, noEcho: true })
  },
  async subscribe() {
    nc.subscribe('bench', {
      callback() {
        if (--missing === 0) arrived(now())
      },
    })
    await nc.flush()
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
      nc.publish('bench', frame)
      if ((i + 1) % perTurn === 0) await new Promise(setImmediate)
    }
    await nc.flush()
    return began
  },
  async fill(count, size) {
    const jsm = await jetstreamManager(nc)
    await jsm.streams.add({ name: 'bench', subjects: ['log'] })
    const js = jetstream(nc)
    const frame = new Uint8Array(size)
    for (let i = 0; i < count; i += 1000) {
      await Promise.all(Array.from({ length: 1000 }, () => js.publish('log', frame)))
    }
  },
  /** Milliseconds until a consumer of its own has read all. */
  async resume(count) {
    const began = now()
    const consumer = await jetstream(nc).consumers.get('bench')
    const messages = await consumer.consume({ max_messages: 10_000 })
    let left = count
    for await (const _ of messages) if (--left === 0) break
    return now() - began
  },
}
