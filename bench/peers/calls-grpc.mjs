// @grpc/grpc-js, the schema loaded by @grpc/proto-loader.

import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { fileOf } from '../fixtures.mjs'
import { answer, callers, counted } from './calls.mjs'

export const definition = protoLoader.loadSync(fileOf('calls.proto'), { includeDirs: [fileOf('../schemas')] })
const { bench } = grpc.loadPackageDefinition(definition)
let client

export const functions = callers(
  (question) =>
    new Promise((resolve, reject) => {
      client.divide(question, (error, reply) => (error ? reject(error) : resolve(reply)))
    }),
  (question) => counted(client.list(question)),
)

export function listen() {
  const server = new grpc.Server()
  server.addService(bench.Calls.service, {
    divide: ({ request }, callback) => callback(null, answer(request)),
    async list(call) {
      for (let i = 0; i < call.request.dividend; i++)
        if (!call.write(answer(call.request))) await new Promise((done) => call.once('drain', done))
      call.end()
    },
  })
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error)
      else resolve(port)
    })
  })
}

export async function connect(port) {
  client = new bench.Calls(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  return {}
}
