// How fast are messages written into TCP, every one checked, against a bare protobufjs loop that checks nothing and sends
// nothing: one Writer, the header reserved and patched, begun again whenever 64 KiB are full?

import { once } from 'node:events'
import net from 'node:net'
import protobuf from 'protobufjs'
import { QbpConnection } from '../../dist/entry/index.js'
import { fixture, TYPES } from '../fixtures.mjs'
import { alternate, few, nanosecondsSince, row } from '../measure.mjs'
import { prepare, protocol } from '../peers/qbp.mjs'
import { start } from '../processes.mjs'
import { loadRoot } from '../schema.mjs'

const COUNT = few(200_000, 5_000)
const FULL_BYTES = 65_536

export async function* run({ progress }) {
  const small = fixture('small')
  const messages = small.map(({ name, fields }) => prepare(name, fields))
  const sink = start('sink')
  const port = await sink.call('listen')
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const { writer } = new QbpConnection(protocol, socket)

  const timed = (write) => async () => {
    const before = await sink.call('bytes')
    const began = process.cpuUsage()
    const bytes = await write()
    const took = nanosecondsSince(began)
    if (bytes !== undefined) {
      const wanted = (await bytes()) + before
      for (let tries = 0; (await sink.call('bytes')) < wanted; tries++) {
        if (tries > 5000) throw new Error('encode: bytes got lost')
      }
    }
    return took / COUNT
  }
  const bare = bareLoop(small)
  const size = bare() // Both write the same bytes: the sink counts ours.
  const ways = {
    writeMessage: timed(async () => {
      for (let i = 0; i < COUNT; i++) await writer.writeMessage(messages[i % messages.length])
      return () => size
    }),
    write: timed(async () => {
      for (let i = 0; i < COUNT; i++) if (!writer.write(messages[i % messages.length])) await once(writer, 'drain')
      return () => size
    }),
    protobufjs: timed(() => {
      bare()
    }),
  }
  await alternate(ways, { rounds: 5, progress: (text) => progress(`warming up: ${text}`) })
  const figures = await alternate(ways, { rounds: 25, progress })
  socket.destroy()
  sink.stop()
  const theirs = figures.get('protobufjs')
  yield row('writeMessage(), awaited, into TCP : bare protobufjs loop', 'ns CPU', figures.get('writeMessage'), theirs, {
    most: 1.2,
  })
  yield row('write() into TCP : bare protobufjs loop', 'ns CPU', figures.get('write'), theirs, { most: 1.2 })
}

function bareLoop(small) {
  const root = loadRoot()
  const list = small.map(({ name, fields }) => {
    const type = root.lookupType(`bench.${name}`)
    return { type, number: TYPES[name], message: type.create(fields) }
  })
  return () => {
    const writer = protobuf.Writer.create()
    writer.buf = protobuf.Writer.alloc(2 * FULL_BYTES)
    let bytes = 0
    for (let i = 0; i < COUNT; i++) {
      const { type, number, message } = list[i % list.length]
      const start = writer.pos
      writer.pos = start + 6
      type.encode(message, writer)
      const { buf, pos } = writer
      const length = pos - start - 6
      buf[start] = number >>> 8
      buf[start + 1] = number
      buf[start + 2] = length >>> 24
      buf[start + 3] = length >>> 16
      buf[start + 4] = length >>> 8
      buf[start + 5] = length
      if (pos >= FULL_BYTES) {
        bytes += pos
        writer.pos = 0
      }
    }
    return bytes + writer.pos
  }
}
