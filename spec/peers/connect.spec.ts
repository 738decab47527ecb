import { once } from 'node:events'
import { createServer as createHttpServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { type BodyHook, type Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

// Streams of Connect and of gRPC-Web, whose lowest bit of the first byte says that the body is packed: the server is that of
// npm's @connectrpc/connect-node, gzip is ours by the body hook.

interface Connect {
  connectNodeAdapter(options: {
    routes: (router: { service(service: unknown, methods: object): void }) => void
  }): (...args: never[]) => void
}

const FIELDS = 'string text = 1; uint32 times = 2;'
const ROOT = rootOf(`syntax = "proto3"; package echo; message Ask { ${FIELDS} } message Answer { ${FIELDS} }`)

const packed: { read: number; written: number } = { read: 0, written: 0 }
const gzip: BodyHook = {
  read(bytes, { compressed }, maxOutputLength) {
    if (!compressed) return bytes
    packed.read++
    return gunzipSync(bytes, { maxOutputLength })
  },
  write(bytes, header) {
    if (bytes.length < 100) return bytes
    packed.written++
    header.compressed = 1
    return gzipSync(bytes)
  },
}

/** The service, as connect-node has it. */
function service(): { Echo: unknown; Answer: unknown; create: (type: unknown, value: object) => object } {
  const { create, createFileRegistry } = require('@bufbuild/protobuf')
  const { FileDescriptorProtoSchema, FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt')
  const field = (name: string, number: number, type: number) => ({ name, number, type, label: 1, jsonName: name })
  const fields = [field('text', 1, 9), field('times', 2, 13)]
  const file = create(FileDescriptorProtoSchema, {
    ...{ name: 'echo.proto', package: 'echo', syntax: 'proto3' },
    messageType: ['Ask', 'Answer'].map((name) => ({ name, field: fields })),
    service: [
      {
        name: 'Echo',
        method: [{ name: 'Stream', inputType: '.echo.Ask', outputType: '.echo.Answer', serverStreaming: true }],
      },
    ],
  })
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
  return { Echo: registry.getService('echo.Echo'), Answer: registry.getMessage('echo.Answer'), create }
}

describe('connect-node', function () {
  this.timeout(20_000)
  for (const [name, contentType, end, encoding, accept] of [
    ['Connect', 'application/connect+proto', 1, 'connect-content-encoding', 'connect-accept-encoding'],
    ['gRPC-Web', 'application/grpc-web+proto', 64, 'grpc-encoding', 'grpc-accept-encoding'],
  ] as const) {
    it(`streams by ${name}, packed both ways where the flag says so`, async () => {
      const { connectNodeAdapter } = require('@connectrpc/connect-node') as Connect
      const { Echo, Answer, create } = service()
      const adapter = connectNodeAdapter({
        routes: (router) =>
          router.service(Echo, {
            async *stream({ text, times }: { text: string; times: number }) {
              for (let i = 1; i <= times; i++) yield create(Answer, { text: text.slice(0, i * 1000), times: i })
            },
          }),
      })
      const server = createHttpServer(adapter as never)
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      Object.assign(packed, { read: 0, written: 0 })
      try {
        const protocol: Protocol = reflectedProtocol(ROOT, {
          ...{ package: 'echo', header: '[type:7 compressed:1]:u8 length:u32', body: gzip },
          types: { client: { Ask: 0 }, server: { Answer: 0, End: { type: end, body: 'raw' } } },
        })
        const call = request({
          ...{ host: '127.0.0.1', port, method: 'POST', path: '/echo.Echo/Stream' },
          headers: {
            'content-type': contentType,
            'connect-protocol-version': '1',
            [encoding]: 'gzip',
            [accept]: 'gzip',
          },
        })
        const writer = new QbpWritable(protocol, { role: 'client' })
        pipeline(writer, call, () => {})
        const text = 'hello, '.repeat(1000)
        writer.end({ $name: 'Ask', text, times: 3 })
        const [response] = await once(call, 'response')
        const reader = new QbpReadable(protocol, { role: 'client' })
        pipeline(response, reader, () => {})
        const answers: unknown[] = []
        let last = ''
        for await (const message of reader) {
          if (message.$name === 'End') last = String(message.body)
          else answers.push([message.times, message.text])
        }
        expect(answers).to.deep.equal([1, 2, 3].map((i) => [i, text.slice(0, i * 1000)]))
        expect(last).to.match(name === 'Connect' ? /^\{.*\}$/ : /^grpc-status: ?0/m)
        expect(packed.written).to.equal(1)
        expect(packed.read).to.be.greaterThan(0)
      } finally {
        server.closeAllConnections()
        server.close()
      }
    })
  }
})
