import { type EventEmitter, once } from 'node:events'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { connect, createServer, headers, Protocol, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { certificates } from '../support/certificates.ts'

// Google Cast, over TLS: `length:u32` and one message for everything. The peers are the client and the server of npm's
// castv2, which encode by protobufjs 6. It brings no types.

interface CastClient extends EventEmitter {
  connect(options: { host: string; port: number }, connected: () => void): void
  send(source: string, destination: string, namespace: string, content: string | Buffer): void
  createChannel(source: string, destination: string, namespace: string, encoding: 'JSON'): CastChannel
  close(): void
}
interface CastChannel extends EventEmitter {
  send(content: object): void
}
interface CastServer extends EventEmitter {
  readonly server: NetServer
  listen(port: number, host: string, listening: () => void): void
  send(client: string, source: string, destination: string, namespace: string, content: string | Buffer): void
  close(): void
}
const castv2 = require('castv2') as {
  Client: new () => CastClient
  Server: new (options: object) => CastServer
}

const PROTO = join(__dirname, '..', '..', 'node_modules', 'castv2', 'lib', 'cast_channel.proto')
const HEARTBEAT = 'urn:x-cast:com.google.cast.tp.heartbeat'
const MEDIA = 'urn:x-cast:com.google.cast.media'

/** Bodies that the peers send each other: the least, beyond one TLS record (16 kB), and as long as the issue asks for. */
const CONTENTS: readonly (string | Buffer)[] = [
  '',
  '{"type":"PING"}',
  'grüße 日本語 😀',
  Buffer.alloc(0),
  Buffer.from([0, 0x80, 0xff]),
  Buffer.from(Array.from({ length: 16_385 }, (_, index) => (index * 31) & 255)),
  Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 7) & 255)),
  'ä'.repeat(50_000),
]

const message = (sourceId: string, destinationId: string, namespace: string, content: string | Buffer) => ({
  protocolVersion: 0,
  sourceId,
  destinationId,
  namespace,
  ...(typeof content === 'string'
    ? { payloadType: 0, payloadUtf8: content }
    : { payloadType: 1, payloadBinary: content }),
})

describe('CASTV2', function () {
  this.timeout(20_000)
  let protocol: Protocol
  before(async () => {
    protocol = await Protocol.load(PROTO, { header: headers.castv2, message: 'CastMessage' })
  })

  it("a channel of npm's client talks JSON with our server, and gets back what it sends", async () => {
    const received: unknown[] = []
    const { server: identity } = await certificates()
    await using server = createServer(protocol, { tls: identity }, async (reader, writer) => {
      for await (const { $name, ...cast } of reader) {
        received.push(cast)
        const { sourceId, destinationId, namespace, payloadUtf8 } = cast
        await writer.writeMessage(
          namespace === HEARTBEAT
            ? message(destinationId, sourceId, namespace, payloadUtf8.replace('PING', 'PONG'))
            : { ...cast, sourceId: destinationId, destinationId: sourceId },
        )
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = new castv2.Client()
    await new Promise<void>((resolve) => client.connect({ host: '127.0.0.1', port }, resolve))
    try {
      const heartbeat = client.createChannel('sender-0', 'receiver-0', HEARTBEAT, 'JSON')
      const pong = once(heartbeat, 'message')
      heartbeat.send({ type: 'PING' })
      expect((await pong)[0]).to.deep.equal({ type: 'PONG' })

      const echoed: unknown[] = []
      const all = new Promise<void>((resolve) => {
        client.on('message', (source, destination, namespace, content) => {
          if (namespace === MEDIA) echoed.push([source, destination, content])
          if (echoed.length === CONTENTS.length) resolve()
        })
      })
      for (const content of CONTENTS) client.send('sender-0', 'receiver-0', MEDIA, content)
      await all
      expect(echoed).to.deep.equal(CONTENTS.map((content) => ['receiver-0', 'sender-0', content]))
      expect(received.slice(1)).to.deep.equal(
        CONTENTS.map((content) => message('sender-0', 'receiver-0', MEDIA, content)),
      )
    } finally {
      const closed = once(client, 'close')
      client.close()
      await closed
    }
  })

  it("npm's server reads what our client sends, and our client what it answers", async () => {
    const { ca, server: identity } = await certificates()
    const server = new castv2.Server(identity)
    server.on('message', (client, source, destination, namespace, content) => {
      server.send(client, destination, source, namespace, content)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.server.address() as AddressInfo
      await using connection = await connect(protocol, { host: '127.0.0.1', port, tls: { ca } })
      for (const content of CONTENTS) connection.writer.write(message('sender-0', 'receiver-0', MEDIA, content))
      for (const content of CONTENTS) {
        expect(await connection.reader.readMessage()).to.deep.equal({
          $name: 'CastMessage',
          ...message('receiver-0', 'sender-0', MEDIA, content),
        })
      }
      connection.writer.end()
      expect(await connection.reader.readMessage()).to.equal(null)
    } finally {
      const closed = once(server, 'close')
      server.close()
      await closed
    }
  })

  it('refuses a message without a field that its .proto requires, with its path', async () => {
    const writer = new QbpWritable(protocol)
    expect(() =>
      writer.write({ protocolVersion: 0, sourceId: 'sender-0', destinationId: 'receiver-0', payloadType: 0 }),
    )
      .to.throw(/namespace/)
      .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
    const reader = new QbpReadable(protocol)
    reader.end(Buffer.from('00000002' + '0800', 'hex'))
    const fault = await reader.readMessage().catch((error: Error) => error)
    expect(fault).to.have.property('code', 'ERR_QBP_INVALID_BODY')
  })
})
