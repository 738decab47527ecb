// What does a gateway take that looks at one field of ten and passes the message on: by decoding and encoding all of it, and by a
// peek at the body that came? Of bodies by themselves, and from a reader to a writer.

import { Protocol, QbpReadable, QbpWritable } from '../../dist/entry/index.js'
import { fileOf } from '../fixtures.mjs'
import { alternate, few, nanosecondsSince, row } from '../measure.mjs'

const COUNT = few(50_000, 2_000)
const CHUNK_BYTES = 65_536
const PARCEL = {
  ...{ id: 123_456_789n, to: 'room 17', from: 'ann', subject: 'about the weather', sentAt: 1.8e12, marks: [1, 2, 3] },
  ...{ digest: Buffer.alloc(16, 7), place: { latitude: 52.5, longitude: 13.4, name: 'Berlin' }, urgent: true },
  text: 'it has been raining since yesterday morning',
}

export async function* run({ progress }) {
  const load = (entry) => Protocol.load(fileOf('parcel.proto'), { types: { Parcel: entry } })
  const [whole, raw] = [await load(1), await load({ type: 1, body: 'raw' })]
  const peek = raw.peek('Parcel', ['to'])
  const body = whole.encode('Parcel', PARCEL)
  const frames = await bytesOf(whole)

  const timed = (act) => async () => {
    const began = process.cpuUsage()
    await act()
    return nanosecondsSince(began) / COUNT
  }
  let seen = 0
  const look = (to) => {
    if (to !== PARCEL.to) throw new Error(`forward: ${to} was read`)
    seen++
  }
  const bodies = {
    peek: timed(() => {
      for (let i = 0; i < COUNT; i++) look(peek(body).to)
    }),
    whole: timed(() => {
      for (let i = 0; i < COUNT; i++) {
        const parcel = whole.decode('Parcel', body)
        look(parcel.to)
        if (whole.encode('Parcel', parcel).length !== body.length) throw new Error('forward: another body was written')
      }
    }),
  }
  const streams = {
    // The writer takes what it is given at once, so the reader need not copy it.
    peek: timed(() => forward(raw, frames, (message) => look(peek(message.body).to), { shareBytes: true })),
    whole: timed(() => forward(whole, frames, (message) => look(message.to))),
  }
  for (const [measure, ways, goal] of [
    ['a look at one field of ten : decoding and encoding the body', bodies, { most: 1 / 3 }],
    ['the same from a reader, with shareBytes, to a writer : by whole messages', streams, { most: 1 / 3 }],
  ]) {
    await alternate(ways, { rounds: 5, progress: (text) => progress(`warming up: ${text}`) })
    const figures = await alternate(ways, { rounds: 25, progress })
    yield row(measure, 'ns CPU', figures.get('peek'), figures.get('whole'), goal)
  }
  if (seen === 0) throw new Error('forward: nothing was read')
}

async function bytesOf(protocol) {
  const writer = new QbpWritable(protocol, { maxQueuedBytes: Number.POSITIVE_INFINITY })
  for (let i = 0; i < COUNT; i++) writer.write({ $name: 'Parcel', ...PARCEL })
  writer.end()
  return Buffer.concat(await writer.toArray())
}

/** All frames from a reader to a writer, whose bytes must be the same. */
async function forward(protocol, frames, look, options = {}) {
  const reader = new QbpReadable(protocol, options)
  const writer = new QbpWritable(protocol)
  let out = 0
  writer.on('data', ({ length }) => {
    out += length
  })
  let at = 0
  const feed = () => {
    while (at < frames.length) {
      const hasRoom = reader.write(frames.subarray(at, at + CHUNK_BYTES))
      at += CHUNK_BYTES
      if (!hasRoom) return
    }
    reader.end()
  }
  reader.on('drain', feed)
  feed()
  for (;;) {
    const messages = await reader.readMessages(500)
    if (messages.length === 0) break
    for (const message of messages) {
      look(message)
      writer.write(message)
    }
  }
  writer.end()
  await new Promise((resolve) => writer.once('end', resolve))
  if (out !== frames.length) throw new Error(`forward: ${out} bytes of ${frames.length} came out`)
}
