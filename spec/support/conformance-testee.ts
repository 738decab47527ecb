// The program that the protobuf conformance runner drives: it sends a body of a test message, and wants it back as this side
// encodes it. The runner's own protocol, frames of `length:u32le` over standard input and output, is spoken by Qbp too.
//
//   node scripts/ts.cjs spec/support/conformance-testee.ts INCLUDE_DIR

import { Duplex } from 'node:stream'
import { createServer, Protocol, QbpError } from '../../lib/index.ts'

const PROTOBUF = 1

export async function main([include = ''] = process.argv.slice(2)): Promise<void> {
  const dir = `${include}/google/protobuf`
  const runner = await Protocol.load(`${include}/conformance/conformance.proto`, {
    header: 'length:u32le',
    message: { client: 'ConformanceRequest', server: 'ConformanceResponse' },
  })
  const files = ['proto2', 'proto3', 'proto2_editions', 'proto3_editions', 'edition2023']
  const tested = await Protocol.load(
    files.map((name) => `${dir}/test_messages_${name}.proto`),
    { header: 'length:u32', message: { body: 'raw' }, package: '', includeDirs: [include] },
  )

  const server = createServer(runner, { maxBodyBytes: 2 ** 24 }, async (reader, writer) => {
    for await (const request of reader) {
      const skipped = request.payload !== 'protobufPayload' || request.requestedOutputFormat !== PROTOBUF
      await writer.writeMessage(
        skipped ? { skipped: 'binary only' } : answer(request.messageType, request.protobufPayload),
      )
    }
  })
  server.attach(Duplex.from({ readable: process.stdin, writable: process.stdout }))

  function answer(type: string, body: Uint8Array): object {
    let message: object
    try {
      message = tested.decode(type, body)
    } catch (error) {
      return error instanceof QbpError ? { parseError: error.message } : { runtimeError: String(error) }
    }
    try {
      return { protobufPayload: tested.encode(type, message) }
    } catch (error) {
      return { serializeError: String(error) }
    }
  }
}
