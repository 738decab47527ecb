import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { checksums } from '../../lib/framing/checksums.ts'
import { headers, Protocol, QbpError, QbpReadable, QbpWritable, RawMessage } from '../../lib/index.ts'
import { connectionPair } from '../../lib/testing/index.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

const crc32 = (hex: string): string =>
  checksums
    .get('crc32')?.([bytes(hex)])
    .toString(16)
    .padStart(8, '0') ?? ''

async function readAll(protocol: Protocol, stream: Buffer): Promise<RawMessage[]> {
  const reader = new QbpReadable(protocol)
  reader.end(stream)
  const messages: RawMessage[] = []
  for await (const message of reader) messages.push(message as RawMessage)
  return messages
}

function write(protocol: Protocol, messages: readonly object[]): string {
  const writer = new QbpWritable(protocol)
  for (const message of messages) writer.write(message)
  writer.end()
  return (writer.read() as Buffer).toString('hex')
}

describe('Protocol.raw', () => {
  for (const [header, hex, shown] of [
    [
      'type:u16 length:u32',
      '0007 00000002 beef 0000 00000000',
      [
        { type: 7, body: 'beef' },
        { type: 0, body: '' },
      ],
    ],
    [
      'length:varint',
      '02 beef 00',
      [
        { type: 0, body: 'beef' },
        { type: 0, body: '' },
      ],
    ],
    ['"Q" id:u64 length:u8 body crc32(body):u32', `51 00000000000000ff 02 beef ${crc32('beef')}`, null],
    [
      headers.osmpbf.replace(' type=BlobHeader.type length=BlobHeader.datasize', ' length:u8'),
      '00000002 0801 01 aa',
      null,
    ],
    ['a:u8 | type:u8 length:u8', '09 01 01 aa', [{ type: 1, body: 'aa' }]],
  ] as const) {
    it(`reads and writes frames of any layout without a schema: ${header}`, async () => {
      const protocol = Protocol.raw({ header })
      const stream = bytes(hex)
      const messages = await readAll(protocol, stream)
      for (const message of messages) expect(message).to.be.instanceOf(RawMessage)
      if (shown !== null) {
        expect(messages.map(({ type, body }) => ({ type, body: Buffer.from(body).toString('hex') }))).to.deep.equal(
          shown,
        )
      }
      const preamble = header.includes('|') ? { preamble: { a: 9 } } : {}
      const writer = new QbpWritable(protocol, preamble)
      for (const message of messages) writer.write(message)
      writer.end()
      expect((writer.read() as Buffer).toString('hex')).to.equal(stream.toString('hex'))
    })
  }

  it('has sections as bytes, and says that a length in one takes a schema, or a number', async () => {
    const protocol = Protocol.raw({ header: 'length(Head):u8 {Head} length:u8' })
    const [message] = await readAll(protocol, bytes('02 0801 01 aa'))
    expect(message?.$header).to.deep.equal({ Head: bytes('0801') })
    expect(() => Protocol.raw({ header: 'length(Head):u8 {Head} length=Head.size' }))
      .to.throw(QbpError, 'takes a schema to say')
      .with.property('code', 'ERR_QBP_BAD_LAYOUT')
  })

  it('writes `{ $name: null, type, body }`, and refuses bodies that are no bytes and types that do not fit', () => {
    const protocol = Protocol.raw({ header: 'type:u8 length:u8' })
    expect(write(protocol, [{ $name: null, type: 5, body: bytes('aa') }])).to.equal('0501aa')
    for (const [message, code] of [
      [{ $name: null, type: 256, body: bytes('aa') }, 'ERR_QBP_FIELD_OVERFLOW'],
      [{ $name: null, type: 5, body: 'aa' }, 'ERR_QBP_INVALID_MESSAGE'],
      [{ $name: null, type: 5, body: Buffer.alloc(256) }, 'ERR_QBP_FIELD_OVERFLOW'],
      [{ $name: 'M', type: 5, body: bytes('aa') }, 'ERR_QBP_INVALID_MESSAGE'],
      [{ $name: null, type: 'x', body: bytes('aa') }, 'ERR_QBP_INVALID_MESSAGE'],
    ] as const) {
      expect(() => write(protocol, [message]))
        .to.throw(QbpError)
        .with.property('code', code)
    }
  })

  it('is the default layout without options, differs by direction, and carries connections', async () => {
    expect(Protocol.raw().header.text).to.equal(headers.default)
    const protocol = Protocol.raw({ header: { client: 'length:u8', server: 'type:u8 length:u8' } })
    const { client, server } = connectionPair(protocol)
    await client.writer.writeMessage({ body: bytes('01') })
    await server.writer.writeMessage({ $name: null, type: 9, body: bytes('02') })
    expect(await server.reader.readMessage()).to.deep.include({ body: bytes('01') })
    expect(await client.reader.readMessage()).to.deep.include({ $name: null, type: 9, body: bytes('02') })
    await Promise.all([client.close(), server.close()])
  })

  it('unpacks by a body hook where there is no type', async () => {
    const protocol = Protocol.raw({
      header: 'length:u8',
      body: {
        read: (packed, _, maxOutputLength) => gunzipSync(packed, { maxOutputLength }),
        write: (plain) => gzipSync(plain),
      },
    })
    const [message] = await readAll(protocol, bytes(write(protocol, [{ body: Buffer.from('hi') }])))
    expect(Buffer.from(message?.body ?? []).toString()).to.equal('hi')
  })

  it('refuses options that need a schema, by their names', () => {
    expect(() => Protocol.raw({ types: { M: 1 } } as never))
      .to.throw(QbpError, 'types')
      .with.property('code', 'ERR_QBP_BAD_OPTION')
  })
})
