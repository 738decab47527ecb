// msgpackr: PackrStream and UnpackrStream piped to and from the socket; plain objects, no schema.

import { once } from 'node:events'
import net from 'node:net'
import { PackrStream, UnpackrStream } from 'msgpackr'

export const prepare = (name, fields) => ({ name, ...fields })

export async function listen({ received, echo }) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const incoming = socket.pipe(new UnpackrStream())
    if (!echo) incoming.on('data', (message) => received(message.name, message))
    else {
      const outgoing = new PackrStream()
      outgoing.pipe(socket)
      incoming.on('data', (message) => outgoing.write(message))
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

export async function connect(port, { received }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const outgoing = new PackrStream()
  outgoing.pipe(socket)
  socket.pipe(new UnpackrStream()).on('data', (message) => received(message.name, message))
  return {
    send(message) {
      if (!outgoing.write(message)) return once(outgoing, 'drain')
    },
  }
}
