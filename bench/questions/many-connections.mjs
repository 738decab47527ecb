// What does a message cost the server when 10,000 connections send one now and then, against 10 connections that do?

import { fixture } from '../fixtures.mjs'
import { alternate, few, row } from '../measure.mjs'
import { prepare } from '../peers/qbp.mjs'
import { start } from '../processes.mjs'
import { frames } from './frames.mjs'

const MANY = few(10_000, 100)
const FEW = 10
const MESSAGES = few(20_000, 500)
/** Fewer than connections, so that no connection has two: each message is a chunk of its own, with few as with many. */
const UNDER_WAY = 8

export async function* run({ progress, skip }) {
  const [{ name, fields }] = fixture('small')
  const bytes = await frames([prepare(name, fields)], 1)
  const turns = {}
  const processes = []
  const stop = () => {
    for (const each of processes) each.stop()
  }
  for (const peer of ['qbp', 'bare-socket']) {
    for (const count of [MANY, FEW]) {
      const server = start(peer)
      const audience = start('audience')
      processes.push(server, audience)
      progress(`${peer}: ${count} connections`)
      try {
        await audience.call('join', await server.call('listen', { echo: true }), count, false)
      } catch (error) {
        stop()
        if (!/EMFILE|EADDRNOTAVAIL|ended/.test(error.message)) throw error
        skip(`${count} connections could not be opened (see ulimit -n): ${error.message.split('\n')[0]}`)
        return
      }
      turns[`${peer} ${count}`] = async () => {
        const before = await server.call('cpu')
        await audience.call('talk', bytes, MESSAGES, UNDER_WAY)
        return ((await server.call('cpu')) - before) / MESSAGES
      }
    }
  }
  await alternate(turns, { rounds: 1, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(turns, { progress: (text) => progress(`connections: ${text}`) })
  stop()
  const compare = (peer, label, goal) =>
    row(label, 'µs/message', figures.get(`${peer} ${MANY}`), figures.get(`${peer} ${FEW}`), goal)
  yield compare('qbp', 'server CPU, 10,000 connections : 10', { most: 1.3 })
  yield compare('bare-socket', 'the same of a bare net.Socket server')
}
