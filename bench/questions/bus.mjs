// How fast is the bus, against nats.js by itself over the same server? How fast does one message reach 1,000 connections of two nodes,
// against one process that has them all? How long does it take to catch up with 10,000 missed messages?

import { fixture } from '../fixtures.mjs'
import { alternate, few, row } from '../measure.mjs'
import { startNats } from '../nats-server.mjs'
import { prepare } from '../peers/qbp.mjs'
import { start } from '../processes.mjs'
import { frames } from './frames.mjs'

const FRAMES = few(100_000, 2_000)
const FRAME_BYTES = 100
const PER_TURN = 500
const CONNECTIONS = few(1000, 50)
const BROADCASTS = few(60, 10)
const MISSED = few(10_000, 1_000)

export async function* run({ progress, skip }) {
  const nats = await startNats()
  if (nats === null) {
    skip('No nats-server found: apt-get install nats-server.')
    return
  }
  try {
    yield* delivery(nats.url, progress)
    yield* fanOut(nats.url, progress)
    yield* resume(nats.url, progress)
  } finally {
    nats.stop()
  }
}

async function opened(peer, url) {
  const child = start(peer)
  await child.call('open', url)
  return child
}

async function* delivery(url, progress) {
  const turns = {}
  const children = []
  for (const peer of ['bus-qbp', 'bus-nats']) {
    const [from, to] = [await opened(peer, url), await opened(peer, url)]
    children.push(from, to)
    await to.call('subscribe')
    turns[peer] = async () => {
      await to.call('expectFrames', FRAMES)
      const began = await from.call('publish', FRAMES, FRAME_BYTES, PER_TURN)
      return (FRAMES / ((await to.call('arrived')) - began)) * 1000
    }
  }
  await alternate(turns, { rounds: 1, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(turns, { progress: (text) => progress(`publish to delivery: ${text}`) })
  for (const child of children) child.stop()
  const [ours, theirs] = [figures.get('bus-qbp'), figures.get('bus-nats')]
  yield row('bus, publish to delivery : bare nats.js', 'frames/s', ours, theirs, { least: 0.7 })
}

async function* fanOut(url, progress) {
  const [{ name, fields }] = fixture('small')
  const [frame] = [await frames([prepare(name, fields)], 1)]
  const each = BROADCASTS * frame.length
  const sides = {}
  const children = []
  for (const [side, peer, count] of [
    ['two nodes', 'bus-qbp', 2],
    ['one process', 'broadcast-qbp', 1],
  ]) {
    const audience = start('audience')
    const servers = []
    for (let i = 0; i < count; i++) {
      const server = peer === 'bus-qbp' ? await opened(peer, url) : start(peer)
      servers.push(server)
      await audience.call('join', await server.call('listen'), CONNECTIONS / count, false)
      while ((await server.call('size')) < CONNECTIONS / count) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    children.push(audience, ...servers)
    sides[side] = async () => {
      await audience.call('expectBytes', each)
      const began = await servers[0].call('broadcast', BROADCASTS, 1)
      const { at, even } = await audience.call('finished', each)
      if (!even) throw new Error(`${side}: not everyone got the same bytes`)
      return ((BROADCASTS * CONNECTIONS) / (at - began)) * 1000
    }
  }
  await alternate(sides, { rounds: 1, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(sides, { progress: (text) => progress(`fan-out: ${text}`) })
  for (const child of children) child.stop()
  const [ours, theirs] = [figures.get('two nodes'), figures.get('one process')]
  yield row('fan-out to 1,000 connections, two nodes : one process', 'deliveries/s', ours, theirs)
}

async function* resume(url, progress) {
  const turns = {}
  const children = []
  for (const peer of ['bus-qbp', 'bus-nats']) {
    progress(`${peer}: ${MISSED} messages into a log`)
    const child = await opened(peer, url)
    children.push(child)
    await child.call('fill', MISSED, FRAME_BYTES)
    turns[peer] = () => child.call('resume', MISSED)
  }
  const figures = await alternate(turns, { progress: (text) => progress(`resume: ${text}`) })
  for (const child of children) child.stop()
  const [ours, theirs] = [figures.get('bus-qbp'), figures.get('bus-nats')]
  yield row('resume of 10,000 missed messages : bare JetStream consumer', 'ms', ours, theirs)
}
