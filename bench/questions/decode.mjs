// How fast are messages read, against a bare protobufjs loop: one Reader moved over one buffer, nothing checked, nobody
// asked for, no stream?

import { Readable } from 'node:stream'
import protobuf from 'protobufjs'
import { QbpReadable } from '../../dist/entry/index.js'
import { expected, fixture, TYPES } from '../fixtures.mjs'
import { alternate, few, nanosecondsSince, row } from '../measure.mjs'
import { prepare, protocol } from '../peers/qbp.mjs'
import { loadRoot } from '../schema.mjs'
import { frames } from './frames.mjs'

const COUNT = few(200_000, 5_000)
/** What a busy socket hands over at once. */
const CHUNK_BYTES = 65_536

export async function* run({ progress }) {
  const messages = fixture('small')
  const bytes = await frames(
    messages.map(({ name, fields }) => prepare(name, fields)),
    COUNT,
  )
  const wanted = expected(messages, COUNT).checksum
  const chunks = []
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES))

  /** The nanoseconds per message of one way of reading all; `read` gets a function to call with each. */
  const timed = (read) => async () => {
    let checksum = 0
    const began = process.cpuUsage()
    await read((message) => {
      checksum = (Math.imul(checksum, 31) + message.id) | 0
    })
    const took = nanosecondsSince(began)
    if (checksum !== wanted) throw new Error('decode: the messages read are not those written')
    return took / COUNT
  }
  const reader = () => source(chunks).pipe(new QbpReadable(protocol))

  const ways = {
    data: timed((each) => {
      const stream = reader()
      stream.on('data', each)
      return new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
    }),
    readMessages: timed(async (each) => {
      const stream = reader()
      for (;;) {
        const list = await stream.readMessages(1000)
        if (list.length === 0) return
        for (const message of list) each(message)
      }
    }),
    'for await': timed(async (each) => {
      for await (const message of reader()) each(message)
    }),
    readMessage: timed(async (each) => {
      const stream = reader()
      for (let message = await stream.readMessage(); message !== null; message = await stream.readMessage())
        each(message)
    }),
    // What the loop costs by itself: nothing is read, and every message is there.
    nothing: timed(async (each) => {
      for await (const message of ready(messages, COUNT)) each(message)
    }),
    protobufjs: timed(bare(bytes)),
  }
  await alternate(ways, { rounds: 5, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(ways, { rounds: 25, progress })
  const theirs = figures.get('protobufjs')
  yield row("on('data') : bare protobufjs loop", 'ns CPU', figures.get('data'), theirs, { most: 0.7 })
  yield row('readMessages(1000) : bare protobufjs loop', 'ns CPU', figures.get('readMessages'), theirs, {
    most: 0.75,
  })
  yield row('for await : bare protobufjs loop', 'ns CPU', figures.get('for await'), theirs, { most: 1.05 })
  yield row('for await of what is there : bare protobufjs loop', 'ns CPU', figures.get('nothing'), theirs)
  yield row('readMessage() : bare protobufjs loop', 'ns CPU', figures.get('readMessage'), theirs)
}

/** Messages that are there, by the least that an asynchronous iterator can do. */
function ready(messages, count) {
  let at = 0
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const value = messages[at % messages.length].fields
        return Promise.resolve(at++ < count ? { value, done: false } : { value: undefined, done: true })
      },
    }),
  }
}

/** The loop that anyone would write by hand for the best case: all bytes there, in one buffer. */
function bare(bytes) {
  const root = loadRoot()
  const types = []
  for (const [name, number] of Object.entries(TYPES)) types[number] = root.lookupType(`bench.${name}`)
  return (each) => {
    const reader = protobuf.Reader.create(bytes)
    let pos = 0
    while (pos < bytes.length) {
      const type = types[bytes.readUInt16BE(pos)]
      const length = bytes.readUInt32BE(pos + 2)
      reader.pos = pos + 6
      each(type.decode(reader, length))
      pos += 6 + length
    }
  }
}

/** Chunks that are there when they are wanted, at the least cost that a stream has. */
function source(chunks) {
  let next = 0
  return new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      this.push(next < chunks.length ? chunks[next++] : null)
    },
  })
}
