// Two processes of a peer, warmed up and checked, and how much they do in one turn.

import { assertTally, expected, fixture } from '../fixtures.mjs'
import { few } from '../measure.mjs'
import { start } from '../processes.mjs'

/** How long a turn takes, about. */
const TURN_MS = few(250, 20)
const WARM_UP_TURNS = few(8, 0)

/** Client to server; the server counts. */
export const oneWayPair = (peer, name) => pair(peer, name, false)
/** Client to server and back; the client counts. */
export const echoPair = (peer, name) => pair(peer, name, true)

/**
 * @returns `turn()`, which sends for about TURN_MS, checks what arrives and resolves to messages per second, and `stop()`.
 * @throws where messages are lost, changed or out of order.
 */
async function pair(peer, name, echo) {
  const messages = fixture(name)
  const server = start(peer)
  const client = start(peer)
  const counting = echo ? client : server
  const stop = () => {
    server.stop()
    client.stop()
  }
  const send = async (count, checked = 0) => {
    await counting.call('expect', count, checked)
    const [tally, began] = await Promise.all([counting.call('arrived'), client.call('send', name, count)])
    assertTally(peer, tally, expected(messages, count, checked))
    return (count / (tally.at - began)) * 1000
  }
  try {
    await client.call('connect', await server.call('listen', { echo }))
    await send(messages.length, messages.length)
    // Compiling goes on beside the work: the rate rises for some turns before it stays.
    const fit = (rate) => Math.max(1, Math.round((rate * TURN_MS) / 1000 / messages.length)) * messages.length
    let count = messages.length
    for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
      const rate = await send(count)
      count = Math.min(fit(rate), count * 32)
    }
    return { turn: () => send(count), stop }
  } catch (error) {
    stop()
    throw error
  }
}
