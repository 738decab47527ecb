// @bufbuild/protobuf: sizeDelimitedEncode, and sizeDelimitedDecodeStream over the socket. generated/ is made by
//
//   protoc --plugin=…/protoc-gen-es --es_out=peers/generated --es_opt=target=js,import_extension=js \
//     -I . -I ../schemas messages.proto qbp/options.proto

import { once } from 'node:events'
import net from 'node:net'
import { create } from '@bufbuild/protobuf'
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from '@bufbuild/protobuf/wire'
import { NAMES } from './envelope.mjs'
import { EnvelopeSchema } from './generated/messages_pb.js'

export function prepare(name, fields) {
  const value = name === 'Reading' ? { ...fields, at: BigInt(fields.at) } : fields
  return create(EnvelopeSchema, { message: { case: name.toLowerCase(), value } })
}

export async function listen({ received, echo }) {
  const server = net.createServer({ noDelay: true }, async (socket) => {
    for await (const { message } of sizeDelimitedDecodeStream(EnvelopeSchema, socket)) {
      if (!echo) received(NAMES[message.case], message.value)
      else if (!socket.write(sizeDelimitedEncode(EnvelopeSchema, message))) await once(socket, 'drain')
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

export async function connect(port, { received }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const receive = async () => {
    for await (const { message } of sizeDelimitedDecodeStream(EnvelopeSchema, socket)) {
      received(NAMES[message.case], message.value)
    }
  }
  void receive()
  return {
    send(message) {
      if (!socket.write(sizeDelimitedEncode(EnvelopeSchema, message))) return once(socket, 'drain')
    },
  }
}
