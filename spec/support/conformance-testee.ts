// The program that the protobuf conformance runner drives: it sends a body of a test message, or its ProtoJSON, and wants it back
// in either form, as this side writes it. The runner's own protocol, frames of `length:u32le` over standard input and output, is spoken by Qbp too.
//
//   node scripts/ts.cjs spec/support/conformance-testee.ts INCLUDE_DIR

import { Duplex } from 'node:stream'
import { createServer, Protocol, QbpError } from '../../lib/index.ts'
import { parseJson } from '../../lib/protojson/parse-json.ts'

const PROTOBUF = 1
const JSON_FORMAT = 2
/** The category of test in which keys that are no field are to be left out. */
const JSON_IGNORE_UNKNOWN_PARSING_TEST = 3

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
      await writer.writeMessage(answer(request as unknown as Request))
    }
  })
  server.attach(Duplex.from({ readable: process.stdin, writable: process.stdout }))

  function answer(request: Request): object {
    const { payload, messageType: type, requestedOutputFormat: wanted } = request
    const isSpoken = payload === 'protobufPayload' || payload === 'jsonPayload'
    if (!isSpoken || (wanted !== PROTOBUF && wanted !== JSON_FORMAT)) return { skipped: 'binary and JSON only' }
    let message: object
    try {
      message = payload === 'jsonPayload' ? fromText(request) : tested.decode(type, request.protobufPayload)
    } catch (error) {
      const isFault = error instanceof QbpError || error instanceof SyntaxError
      return isFault ? { parseError: error.message } : { runtimeError: String(error) }
    }
    try {
      if (wanted === JSON_FORMAT) return { jsonPayload: JSON.stringify(tested.toJson(type, message)) }
      return { protobufPayload: tested.encode(type, message) }
    } catch (error) {
      return { serializeError: String(error) }
    }
  }

  function fromText({ messageType: type, jsonPayload, testCategory }: Request): object {
    const ignoreUnknown = testCategory === JSON_IGNORE_UNKNOWN_PARSING_TEST
    return tested.fromJson(type, parseJson(jsonPayload), { ignoreUnknown })
  }
}

interface Request {
  readonly payload: string
  readonly messageType: string
  readonly requestedOutputFormat: number
  readonly testCategory: number
  readonly protobufPayload: Uint8Array
  readonly jsonPayload: string
}
