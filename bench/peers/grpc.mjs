// @grpc/grpc-js: a bidirectional streaming call, the schema loaded by @grpc/proto-loader.

import { once } from 'node:events'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { fileOf } from '../fixtures.mjs'
import { NAMES } from './envelope.mjs'

const definition = protoLoader.loadSync(fileOf('messages.proto'), {
  includeDirs: [fileOf('../schemas')],
  longs: Number,
  oneofs: true,
})
const { bench } = grpc.loadPackageDefinition(definition)

export const prepare = (name, fields) => ({ [name.toLowerCase()]: fields })

export function listen({ received, echo }) {
  const server = new grpc.Server()
  server.addService(bench.Bench.service, {
    exchange(call) {
      if (echo) call.on('data', (envelope) => call.write(envelope))
      else call.on('data', (envelope) => unpack(envelope, received))
      call.on('end', () => call.end())
    },
  })
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error)
      else resolve(port)
    })
  })
}

export async function connect(port, { received }) {
  const client = new bench.Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  const call = client.exchange()
  call.on('data', (envelope) => unpack(envelope, received))
  call.on('error', console.error)
  return {
    send(message) {
      if (!call.write(message)) return once(call, 'drain')
    },
  }
}

function unpack(envelope, received) {
  received(NAMES[envelope.message], envelope[envelope.message])
}
