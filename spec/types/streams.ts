// Typed readers and writers are streams to the compiler too. Nothing here runs: `npm run lint` checks it.

import type { Socket } from 'node:net'
import { finished, PassThrough, pipeline, Readable, Writable } from 'node:stream'
import { pipeline as piped } from 'node:stream/promises'
import { Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'

export async function asStreams(socket: Socket): Promise<void> {
  const protocol = Protocol.from(chat)
  const reader = new QbpReadable(protocol)
  const writer = new QbpWritable(protocol)
  pipeline(socket, reader, () => {})
  pipeline(writer, socket, () => {})
  pipeline(socket, reader, writer, socket, () => {})
  await piped(socket, reader, writer, socket)
  await piped([{ $name: 'Say' as const, text: 'hi' }], writer, socket)
  socket.pipe(reader).pipe(writer).pipe(socket)
  Readable.from([]).pipe(writer)
  finished(writer, () => {})
  finished(reader, () => {})
  pipeline(reader, new PassThrough({ objectMode: true }), () => {})
  reader.pipe(new Writable({ objectMode: true }))

  reader.on('data', (message) => {
    if (message.$name === 'Say') message.text satisfies string
    // @ts-expect-error: no such message
    message.$name satisfies 'Shout'
  })
  reader.once('data', ({ $name }) => $name satisfies string)
  reader.on('error', (error) => error satisfies Error)
  reader.on('end', () => {})
  for await (const message of reader) if (message.$name === 'Said') message.at satisfies bigint

  writer.write({ $name: 'Say', text: 'hi' })
  writer.end({ $name: 'Say', text: 'hi' }, () => {})
  // @ts-expect-error: no message
  writer.write('hi')
  // @ts-expect-error: no message
  writer.write(Buffer.from('hi'))
  // @ts-expect-error: no such field
  writer.write({ $name: 'Say', txt: 'hi' })
  // @ts-expect-error: no such field
  writer.end({ $name: 'Say', txt: 'hi' })
}
