// What lies between the body on the wire and the message's: here gzip, where bit 0 of a flag says so.

import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { type BodyHook, type Protocol, QbpError, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const ROOT = rootOf('syntax = "proto3"; package b; message M { string text = 1; } message N { bytes blob = 1; }')

const gzip: BodyHook = {
  read: (bytes, { flags }, maxOutputLength) => (flags & 1 ? gunzipSync(bytes, { maxOutputLength }) : bytes),
  write(bytes, header) {
    if (bytes.length < 64) return bytes
    header.flags |= 1
    return gzipSync(bytes)
  },
}

const protocolOf = (body: BodyHook, header = 'flags:u8 type:u8 length:u32'): Protocol =>
  reflectedProtocol(ROOT, { package: 'b', header, types: { M: 1, N: 2 }, body })

const framesOf = (protocol: Protocol, ...messages: object[]): Buffer => {
  const writer = new QbpWritable(protocol)
  for (const message of messages) writer.write(message)
  writer.end()
  return writer.read() as Buffer
}

const fault = async (reader: QbpReadable): Promise<Partial<QbpError>> => {
  const error = await reader.readMessage().catch((error: unknown) => error)
  expect(error).to.be.instanceOf(QbpError)
  return error as QbpError
}

describe('the body hook of a protocol', () => {
  const protocol = protocolOf(gzip)

  it('packs and unpacks bodies, each as its flag says', async () => {
    const { client, server } = connectionPair(protocol)
    const sent = ['a', 'b'.repeat(10_000), '', 'c'.repeat(64)].map((text) => ({ $name: 'M', text }))
    for (const message of sent) client.writer.write(message)
    client.writer.end()
    const received: unknown[] = []
    for await (const { text, $header } of server.reader) received.push({ text, $header })
    expect(received).to.deep.equal(sent.map(({ text }, i) => ({ text, $header: { flags: i % 2 } })))
    expect(client.stats().bytesOut).to.be.lessThan(400)
    await client.close()
  })

  it('leaves the header that the user gave alone', () => {
    const $header = Object.freeze({ flags: 0 })
    const [flags] = framesOf(protocol, { $name: 'M', text: 'a'.repeat(100), $header })
    expect(flags).to.equal(1)
    expect($header).to.deep.equal({ flags: 0 })
  })

  it('is bounded by maxBodyBytes before a bomb is unpacked whole', async () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bomb.length)
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const watching = protocolOf({
      ...gzip,
      read(bytes, header, limit) {
        try {
          return gzip.read(bytes, header, limit)
        } finally {
          most = process.memoryUsage().arrayBuffers - before
        }
      },
    })
    const watched = new QbpReadable(watching, { maxBodyBytes: 100_000 })
    watched.end(Buffer.concat([framesOf(protocol, { $name: 'M', text: 'good' }), Buffer.of(1, 1), length, bomb]))
    expect(await watched.readMessage()).to.include({ text: 'good' })
    expect(await fault(watched)).to.include({ code: 'ERR_QBP_TOO_LONG', type: 1, limit: 100_000, frame: 1 })
    expect(most).to.be.lessThan(4 << 20)
  })

  it('is refused what it unpacks beyond maxBodyBytes, also where it heeds no limit', async () => {
    const careless = protocolOf({ ...gzip, read: (bytes) => (bytes.length > 20 ? gunzipSync(bytes) : bytes) })
    const reader = new QbpReadable(careless, { maxBodyBytes: 1_000 })
    reader.end(framesOf(protocol, { $name: 'M', text: 'x'.repeat(1_001) }))
    expect(await fault(reader)).to.include({ code: 'ERR_QBP_TOO_LONG', limit: 1_000 })
  })

  it('makes a body that it refuses one that does not decode, under the policy for these', async () => {
    const bad = Buffer.concat([
      Buffer.from('010100000002beef', 'hex'),
      framesOf(protocol, { $name: 'M', text: 'good' }),
    ])
    const reader = new QbpReadable(protocol)
    reader.end(bad)
    const { code, message, cause } = await fault(reader)
    expect(code).to.equal('ERR_QBP_INVALID_BODY')
    expect(message).to.include('body.read refuses a body of 2 bytes: incorrect header check').and.to.include('frame 0')
    expect(cause).to.be.instanceOf(Error)
    const skipping = reflectedProtocol(ROOT, {
      ...{ package: 'b', header: protocol.header.text, types: { M: 1 }, body: gzip, invalid: 'skip' },
    })
    const skipper = new QbpReadable(skipping)
    skipper.end(bad)
    expect(await skipper.readMessage()).to.include({ text: 'good' })
  })

  it('blames the option for what is no bytes, on both ways', async () => {
    const wrong = protocolOf({ read: () => 'text' as never, write: () => undefined as never })
    const writer = new QbpWritable(wrong)
    expect(() => writer.write({ $name: 'M' }))
      .to.throw('body.write returned undefined')
      .with.property('code', 'ERR_QBP_BAD_OPTION')
    const reader = new QbpReadable(wrong)
    reader.end(framesOf(protocol, { $name: 'M' }))
    expect(await fault(reader)).to.include({ code: 'ERR_QBP_BAD_OPTION' })
  })

  it('refuses a message whose packing throws, and nothing of it is sent', () => {
    const moody = protocolOf({
      ...gzip,
      write(bytes) {
        if (bytes.length > 10) throw new Error('not today')
        return bytes
      },
    })
    const writer = new QbpWritable(moody)
    expect(() => writer.write({ $name: 'M', text: 'a'.repeat(20) }))
      .to.throw(QbpError, 'body.write has thrown: not today')
      .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
    writer.end({ $name: 'M', text: 'b' })
    expect((writer.read() as Buffer).toString('hex')).to.equal('0001000000030a0162')
  })

  it('passes by what no table lists', async () => {
    const raw = reflectedProtocol(ROOT, {
      ...{ package: 'b', header: protocol.header.text, types: { M: 1 }, body: gzip, unknown: 'raw' },
    })
    const packed = framesOf(protocol, { $name: 'N', blob: Buffer.alloc(200) })
    const reader = new QbpReadable(raw)
    reader.end(packed)
    const message = await reader.readMessage()
    expect(message).to.deep.include({ $name: null, type: 2, $header: { flags: 1 } })
    expect(framesOf(raw, message as object).equals(packed)).to.equal(true)
  })

  it('works with sections, trailers and checksums over the body on the wire', async () => {
    const rich = reflectedProtocol(ROOT, {
      ...{ package: 'b', header: '"Z" flags:u8 length:u32 crc32(body):u32 body 0x0a', message: 'M', body: gzip },
    })
    const bytes = framesOf(rich, { text: 'a'.repeat(500) })
    expect(bytes.length).to.be.lessThan(60)
    const reader = new QbpReadable(rich)
    reader.end(bytes)
    expect(await reader.readMessage()).to.deep.include({ text: 'a'.repeat(500), $header: { flags: 1 } })
  })
})
