import { PassThrough, Readable } from 'node:stream'
import { expect } from 'chai'
import * as qbp from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

// What somebody who has not read the page calls first. Each is refused by a sentence that says how the call is written.

const SCHEMA = 'syntax = "proto3"; package t; message A { string text = 1; }'
const { QbpConnection, QbpReadable, QbpWritable, QbpServer, Group, BusGroup, Sessions, Protocol } =
  qbp as unknown as Record<
    string,
    // biome-ignore lint/suspicious/noExplicitAny: called as no type checker would let it
    any
  >
// biome-ignore lint/suspicious/noExplicitAny: the same
const { connect, connections, createServer } = qbp as any

describe('A call that cannot be meant so', () => {
  const protocol = reflectedProtocol(rootOf(SCHEMA), { package: 't', types: { A: 1 } })
  const CASES: [call: string, call: () => unknown, code: string, text: RegExp][] = [
    [
      'a connection of a duplex and a protocol',
      () => new QbpConnection(new PassThrough(), protocol),
      'ERR_QBP_BAD_OPTION',
      /^new QbpConnection\(protocol, duplex, options\?\) was given a PassThrough where a Protocol belongs\.$/,
    ],
    ['a connection of nothing', () => new QbpConnection(), 'ERR_QBP_BAD_OPTION', /undefined where a Protocol belongs/],
    [
      'a connection without a duplex',
      () => new QbpConnection(protocol),
      'ERR_QBP_BAD_OPTION',
      /undefined where a duplex stream of Node belongs/,
    ],
    [
      'a connection over half a duplex',
      () => new QbpConnection(protocol, new Readable()),
      'ERR_QBP_BAD_OPTION',
      /a Readable where a duplex/,
    ],
    [
      'a connection over web streams',
      () => new QbpConnection(protocol, new TransformStream()),
      'ERR_QBP_BAD_OPTION',
      /a TransformStream where a duplex/,
    ],
    ['a reader of nothing', () => new QbpReadable(), 'ERR_QBP_BAD_OPTION', /undefined where a Protocol belongs/],
    [
      'a reader of a schema',
      () => new QbpReadable({ messages: {} }),
      'ERR_QBP_BAD_OPTION',
      /a plain object where a Protocol belongs/,
    ],
    ['a writer of null', () => new QbpWritable(null), 'ERR_QBP_BAD_OPTION', /null where a Protocol belongs/],
    [
      'a server of a handler',
      () => createServer(() => {}),
      'ERR_QBP_BAD_OPTION',
      /a function where a Protocol belongs/,
    ],
    ['a server without a handler', () => createServer(protocol, {}), 'ERR_QBP_BAD_OPTION', /a server needs a handler/i],
    [
      'a server made by hand of nothing',
      () => new QbpServer(),
      'ERR_QBP_BAD_OPTION',
      /undefined where a Protocol belongs/,
    ],
    [
      'attaching nothing',
      () => createServer(protocol, () => {}).attach(),
      'ERR_QBP_BAD_OPTION',
      /attach\(duplex, options\?\) was given undefined/,
    ],
    [
      'connecting to options',
      () => connect({ port: 7000 }, protocol),
      'ERR_QBP_BAD_OPTION',
      /a plain object where a Protocol belongs/,
    ],
    ['connecting to nothing', () => connect(protocol), 'ERR_QBP_BAD_OPTION', /an object with a port/],
    ['connecting to a number', () => connect(protocol, 7000), 'ERR_QBP_BAD_OPTION', /7000, not an object/],
    ['connections to nothing', () => connections(protocol), 'ERR_QBP_BAD_OPTION', /an object with a port/],
    [
      'a group with nobody',
      () => new Group().join(),
      'ERR_QBP_BAD_OPTION',
      /undefined where a QbpWritable or a QbpConnection belongs/,
    ],
    [
      'a group with a socket',
      () => new Group().join(new PassThrough()),
      'ERR_QBP_BAD_OPTION',
      /a PassThrough where a QbpWritable/,
    ],
    [
      'a group of a protocol',
      () => new Group(protocol),
      'ERR_QBP_BAD_OPTION',
      /^A Group has no option .* It was given a Protocol\.$/,
    ],
    ['a bus group without a bus', () => new BusGroup(protocol), 'ERR_QBP_BAD_OPTION', /undefined where a bus belongs/],
    ['sessions without a bus', () => new Sessions(), 'ERR_QBP_BAD_OPTION', /undefined where a bus belongs/],
    ['a protocol from a file', () => Protocol.from('chat.proto'), 'ERR_QBP_BAD_SCHEMA', /qbp generate/],
    [
      'a protocol loaded from nothing',
      () => Protocol.load(),
      'ERR_QBP_BAD_SCHEMA',
      /This is undefined, no schema: give \.proto files/,
    ],
    [
      'a protocol loaded from a text',
      () => Protocol.load(SCHEMA),
      'ERR_QBP_BAD_SCHEMA',
      /the text of a schema; give the name of its file/,
    ],
    [
      'a protocol loaded from bytes',
      () => Protocol.load(Buffer.of(1)),
      'ERR_QBP_BAD_SCHEMA',
      /This is a Buffer, no schema/,
    ],
    [
      'encoding by the message alone',
      () => protocol.encode({ $name: 'A' } as never, {} as never),
      'ERR_QBP_BAD_TABLE',
      /The name of a message was expected, and not a plain object/,
    ],
    [
      'decoding the other way round',
      () => protocol.decode(Buffer.of(1) as never, 'A' as never),
      'ERR_QBP_BAD_TABLE',
      /and not a Buffer/,
    ],
    [
      'JSON of nothing',
      () => protocol.toJson(undefined as never, undefined as never),
      'ERR_QBP_BAD_TABLE',
      /and not undefined/,
    ],
  ]

  for (const [what, call, code, text] of CASES)
    it(`says so of ${what}`, async () => {
      const fault = await (async () => call())().then(
        () => null,
        (thrown: Error) => thrown,
      )
      expect(fault).to.include({ name: 'QbpError', code })
      expect(fault?.message).to.match(text)
    })
})
