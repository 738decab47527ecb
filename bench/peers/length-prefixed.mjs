// length-prefixed-stream: its two Transforms piped to and from the socket, protobuf inside.

import { once } from 'node:events'
import net from 'node:net'
import * as lpstream from 'length-prefixed-stream'
import { decode, encode, prepare } from './envelope.mjs'

export { prepare }

export async function listen({ received, echo }) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const incoming = socket.pipe(lpstream.decode())
    if (!echo) incoming.on('data', (bytes) => decode(bytes, received))
    else {
      const outgoing = lpstream.encode()
      outgoing.pipe(socket)
      incoming.on('data', (bytes) => outgoing.write(encode(decode(bytes, ignore))))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

export async function connect(port, { received }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const outgoing = lpstream.encode()
  outgoing.pipe(socket)
  socket.pipe(lpstream.decode()).on('data', (bytes) => decode(bytes, received))
  return {
    send(message) {
      if (!outgoing.write(encode(message))) return once(outgoing, 'drain')
    },
  }
}

function ignore() {}
