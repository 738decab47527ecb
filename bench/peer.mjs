// A process of one peer. What peers/<name>.mjs exports is told apart by what it can do:
//
//   listen({ received, echo })  → port            a server that tallies, or sends back, what comes
//   connect(port, { received }) → { send, close } a client; `send` returns a promise where it has to wait
//   prepare(name, fields)       → whatever `send` takes: made before the clock starts
//   functions                   → more calls, for questions that only some peers are asked

import { fixture, now, Tally } from './fixtures.mjs'
import { watchLoop } from './loop.mjs'

const [, , name] = process.argv
const peer = await import(`./peers/${name}.mjs`)
const tally = new Tally()
const received = (kind, message) => tally.add(kind, message)
const prepared = new Map()
let client
let unwatch

function messages(name) {
  if (!prepared.has(name)) {
    prepared.set(
      name,
      fixture(name).map(({ name, fields }) => peer.prepare(name, fields)),
    )
  }
  return prepared.get(name)
}

const functions = {
  listen: (options) => peer.listen({ received, ...options }),
  async connect(port) {
    client = await peer.connect(port, { received })
  },
  /** So many messages are to come to this process; `arrived` resolves when they have. */
  expect: (count, checked) => tally.expect(count, checked),
  arrived: () => tally.arrived(),
  /** What has come so far, for whoever waits in vain. */
  tally: () => ({ count: tally.count }),
  /** Sends `count` messages as fast as the peer takes them, and says when it began. */
  async send(name, count) {
    const list = messages(name)
    const began = now()
    let at = 0
    for (let i = 0; i < count; i++) {
      const wait = client.send(list[at])
      if (wait !== undefined) await wait
      if (++at === list.length) at = 0
    }
    return began
  },
  /** Microseconds of processor time that this process has had. */
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  watchLoop() {
    unwatch = watchLoop()
  },
  longestTurn: () => unwatch(),
  /** After a collection, for which the process needs --expose-gc. */
  async memory() {
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      globalThis.gc()
    }
    const { heapUsed, external, rss } = process.memoryUsage()
    return { heap: heapUsed + external, rss }
  },
  ...peer.functions,
}

process.on('SIGINT', () => {}) // The parent ends its children.
process.on('disconnect', () => process.exit())
process.on('message', async ({ id, name, args }) => {
  try {
    process.send({ id, result: await functions[name](...args) })
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) })
  }
})
