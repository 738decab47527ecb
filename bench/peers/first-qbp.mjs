// A process whose first message goes through a writer and a reader, then prints the milliseconds of processor time it has had.

import { Protocol, QbpReadable, QbpWritable } from '../../dist/entry/index.js'

/** The path of a file of bench/; fixtures.mjs would bring protobufjs along. */
const fileOf = (name) => new URL(`../${name}`, import.meta.url).pathname

const [, , module] = process.argv
const protocol =
  module === undefined
    ? await Protocol.load(fileOf('messages.proto'), { includeDirs: [fileOf('../schemas')] })
    : Protocol.from(await schemaOf(module))

/** What a module of `qbp generate` exports. */
async function schemaOf(path) {
  const exported = Object.values(await import(path))
  return exported.find((each) => typeof each === 'object' && each !== null && 'int64' in each)
}

const writer = new QbpWritable(protocol)
const reader = writer.pipe(new QbpReadable(protocol))
writer.write({ $name: 'Say', id: 1, room: 'room', text: 'hello' })
const { text } = await reader.readMessage()
if (text !== 'hello') throw new Error(`${text} was read`)
const { user, system } = process.cpuUsage()
console.log((user + system) / 1000)
process.exit()
