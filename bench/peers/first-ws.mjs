// The same by ws and protobufjs as their READMEs use them: a message goes to a server of this process.

import protobuf from 'protobufjs'
import { WebSocket, WebSocketServer } from 'ws'

const root = new protobuf.Root()
const fileOf = (name) => new URL(`../${name}`, import.meta.url).pathname
root.resolvePath = (_, target) => {
  if (target === 'qbp/options.proto') return fileOf('../schemas/qbp/options.proto')
  if (target === 'google/protobuf/descriptor.proto')
    return new URL('google/protobuf/descriptor.proto', import.meta.resolve('protobufjs')).pathname
  return target
}
await root.load(fileOf('messages.proto'))
const Say = root.lookupType('bench.Say')

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
server.on('connection', (socket) =>
  socket.on('message', (bytes) => {
    const { text } = Say.decode(bytes)
    if (text !== 'hello') throw new Error(`${text} was read`)
    const { user, system } = process.cpuUsage()
    console.log((user + system) / 1000)
    process.exit()
  }),
)
server.on('listening', () => {
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`)
  client.on('open', () => client.send(Say.encode({ id: 1, room: 'room', text: 'hello' }).finish()))
})
