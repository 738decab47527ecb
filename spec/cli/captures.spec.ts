import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { Captured } from '../../lib/cli/capture/captured.ts'
import { formatOf } from '../../lib/cli/capture/format.ts'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as encode } from '../../lib/cli/verbs/encode.ts'
import { pcapOf } from '../../lib/cli/wireshark/pcap.ts'
import type { Role } from '../../lib/index.ts'
import { fieldsFromJson, fieldsToJson } from '../../lib/protojson/fields-json.ts'
import { cli } from '../support/cli.ts'

const chat = ['--schema', 'schemas/chat.proto']
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const SAY = hex('0003 00000004 12 02 6869')
const LEFT = hex('0006 00000003 0a 01 61')

const event = (direction: Role, kind: Captured['kind'], bytes?: Uint8Array): Captured => ({
  ...{ at: 1_795_000_000_000, connection: 1, direction, kind, ...(bytes && { bytes }) },
})
async function* conversation(): AsyncGenerator<Captured> {
  yield event('client', 'open')
  yield event('server', 'open')
  for (const byte of SAY) yield event('client', 'bytes', Buffer.of(byte))
  yield event('server', 'bytes', LEFT)
  yield event('client', 'close')
  yield event('server', 'close')
}
async function pcap(): Promise<Buffer[]> {
  const parts: Buffer[] = []
  for await (const part of pcapOf(conversation(), 7000)) parts.push(part)
  return parts
}

describe('what was captured', () => {
  const shown = [
    ['client', 'Say', { text: 'hi' }],
    ['server', 'Left', { room: 'a' }],
  ]
  const decoded = async (bytes: Uint8Array, ...args: string[]) => {
    const { code, stdout, stderr } = await cli(decode, [...chat, ...args], bytes)
    expect(stderr).to.equal('')
    expect(code).to.equal(0)
    const lines = stdout.trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line)).map(({ direction, name, message }) => [direction, name, message])
  }

  it('is read from a pcap, and from what it is wrapped in', async () => {
    const bytes = Buffer.concat(await pcap())
    expect(await decoded(bytes)).to.deep.equal(shown)
    expect(await decoded(gzipSync(bytes))).to.deep.equal(shown)
    expect(await decoded(Buffer.from(bytes.toString('base64')))).to.deep.equal(shown)
    expect(await decoded(Buffer.from(gzipSync(bytes).toString('hex')))).to.deep.equal(shown)
    expect(await decoded(bytes, '--port', '7000')).to.deep.equal(shown)
    expect(await decoded(bytes, '--role', 'server')).to.deep.equal(shown.slice(1))
    expect((await cli(decode, [...chat, '--port', '7001'], bytes)).stdout).to.equal('')
  })

  it('is put together whatever order its segments come in, sent again or overlapping', async () => {
    const [head, syn, synAck, ack, ...rest] = (await pcap()) as [Buffer, Buffer, Buffer, Buffer, ...Buffer[]]
    const data = rest.slice(0, SAY.length)
    const others = rest.slice(SAY.length)
    const turned = [...data.slice(5), ...data.slice(0, 5)]
    // The first byte's place is known from the SYN.
    for (const order of [[...data].reverse(), [...data, ...data], data.flatMap((each) => [each, each]), turned])
      expect(await decoded(Buffer.concat([head, syn, synAck, ack, ...order, ...others]))).to.deep.equal(shown)
    const lost = Buffer.concat([head, syn, synAck, ack, ...data.slice(0, 4), ...data.slice(5), ...others])
    const { code, stdout, stderr } = await cli(decode, chat, lost)
    expect(stderr).to.match(/^qbp decode: #1 client: 1 bytes are missing from the capture here\n$/)
    expect([code, stdout.split('\n').length]).to.deep.equal([1, 2])
  })

  it('is read from a pcapng of either byte order', async () => {
    const [, ...packets] = (await pcap()) as [Buffer, ...Buffer[]]
    for (const little of [true, false]) {
      const u32 = (...values: number[]) => {
        const bytes = Buffer.alloc(values.length * 4)
        for (const [i, value] of values.entries())
          little ? bytes.writeUInt32LE(value, i * 4) : bytes.writeUInt32BE(value, i * 4)
        return bytes
      }
      const block = (type: number, ...parts: Buffer[]) => {
        const content = Buffer.concat(parts)
        const padded = Buffer.concat([content, Buffer.alloc((4 - (content.length % 4)) % 4)])
        return Buffer.concat([u32(type, padded.length + 12), padded, u32(padded.length + 12)])
      }
      const link = little ? u32(101, 0) : Buffer.concat([hex('0065 0000'), u32(0)])
      const section = block(0x0a0d0d0a, u32(0x1a2b3c4d, little ? 1 : 0x10000, 0xffffffff, 0xffffffff))
      const blocks = packets.map((packet) => {
        const bytes = packet.subarray(16)
        return block(6, u32(0, 417_932, 1_000, bytes.length, bytes.length), bytes)
      })
      expect(await decoded(Buffer.concat([section, block(1, link), ...blocks]))).to.deep.equal(shown)
    }
  })

  it('is read as raw bytes from any form of hex', async () => {
    const digits = Buffer.concat([SAY, SAY]).toString('hex')
    const pairs = digits.match(/../g) as string[]
    const forms = [
      digits,
      digits.toUpperCase(),
      pairs.join(' '),
      pairs.join(':'),
      pairs.map((pair) => `0x${pair}`).join(', '),
      `# a comment\n${digits.slice(0, 16)}\n\n${digits.slice(16)}\n`,
      '00000000: 0003 0000 0004 1202 6869 0003 0000 0004  ........hi......\n00000010: 1202 6869                                ..hi\n',
      '00000000  00 03 00 00 00 04 12 02  68 69 00 03 00 00 00 04  |........hi......|\n00000010  12 02 68 69  |..hi|\n00000014\n',
      '0000   00 03 00 00 00 04 12 02 68 69 00 03 00 00 00 04   ........hi......\n0010   12 02 68 69   ..hi\n',
    ]
    for (const form of forms) {
      const { stdout, stderr } = await cli(decode, chat, form)
      expect(stderr, form).to.equal('')
      expect(stdout.match(/"hi"/g), form).to.have.length(2)
    }
  })

  it('is known by its first bytes, as soon as they say so', () => {
    const format = (text: string, ended = false) => formatOf(hex(text), ended)
    expect(format('00')).to.equal('raw')
    expect(format('0a05')).to.equal('raw')
    expect(format('0a')).to.equal(undefined)
    expect(format('0a0d')).to.equal(undefined)
    expect(format('0a0d0d0a')).to.equal('pcapng')
    expect(format('1f8b08')).to.equal('gzip')
    expect(format('1f8b00')).to.equal('raw')
    expect(format('a1b2c3d4')).to.equal('pcap')
    const text = (given: string) => formatOf(Buffer.from(given), true)
    expect(text('00030000')).to.equal('hex')
    expect(text('AAMAAAAEEgJoaQ==')).to.equal('base64')
    expect(text('{"recording":1}\n')).to.equal('tap')
    expect(text('hello world')).to.equal('raw')
  })

  it('is refused where it is no whole thing of its kind', async () => {
    const refused: [bytes: Uint8Array | string, args: string[], text: RegExp][] = [
      [gzipSync(SAY).subarray(0, 12), [], /gzip does not unpack/],
      ['zz', ['--format', 'hex'], /line 1 is no hex: zz/],
      ['%%%', ['--format', 'base64'], /no base64/],
      ['x', ['--format', 'tap'], /no recording of qbp tap/],
      ['', ['--format', 'tap'], /no recording of qbp tap/],
    ]
    for (const [bytes, args, text] of refused) {
      const { code, stderr } = await cli(decode, [...chat, ...args], bytes)
      expect(stderr).to.match(text)
      expect(code).to.equal(1)
    }
  })
})

describe('fields without a schema', () => {
  const bodies: [body: string, json: unknown][] = [
    ['', {}],
    ['0801', { '1:varint': 1 }],
    ['08ffffffffffffffffff01', { '1:varint': '18446744073709551615' }],
    ['1203616e6e', { '2:text': 'ann' }],
    ['12021005', { '2:message': { '2:varint': 5 } }],
    ['1202fffe', { '2:bytes': '//4=' }],
    ['1200', { '2:text': '' }],
    ['0801 0802 0803', { '1:varint': [1, 2, 3] }],
    ['0a0208010a020802', { '1:message': [{ '1:varint': 1 }, { '1:varint': 2 }] }],
    ['080110020803', { '*': [{ '1:varint': 1 }, { '2:varint': 2 }, { '1:varint': 3 }] }],
    ['0b08010c', { '1:group': { '1:varint': 1 } }],
    ['0d0000c03f', { '1:float': 1.5 }],
    ['0d01000000', { '1:fixed32': 1 }],
    ['09000000000000f83f', { '1:double': 1.5 }],
    ['090100000000000000', { '1:fixed64': 1 }],
    ['0a0a68656c6c6f20776f726c', { '1:text': 'hello worl' }],
  ]
  for (const [body, json] of bodies) {
    it(`are ${JSON.stringify(json)} of ${body || 'an empty body'}, and back`, () => {
      expect(fieldsToJson(hex(body))).to.deep.equal(json)
      expect(Buffer.from(fieldsFromJson(json)).toString('hex')).to.equal(hex(body).toString('hex'))
    })
  }

  it('are none of what is no protobuf, or would become other bytes', () => {
    for (const body of ['00', '07', '08010c', '0b0801', '088000', '0a0561', 'ffffffffffff', '0e'])
      expect(fieldsToJson(hex(body)), body).to.equal(undefined)
  })

  it('say which field is wrong', () => {
    const wrong: [json: unknown, text: RegExp][] = [
      [{ a: 1 }, /"a", not a number and one of varint, /],
      [{ '0:varint': 1 }, /not a number/],
      [{ '1:varint': 'x' }, /fields\["1:varint"\] is "x", not a whole number/],
      [{ '1:message': { '2:text': 5 } }, /fields\["1:message"\]\["2:text"\] is 5, not text/],
      [5, /fields is 5, not an object/],
    ]
    for (const [json, text] of wrong) expect(() => fieldsFromJson(json)).to.throw(text)
  })

  it('go through decode and encode to the same bytes, with and without a type', async () => {
    const streams: [header: string[], frames: string][] = [
      [[], '0003 00000004 12026869 0063 00000001 00 0001 00000000'],
      [['--header', 'delimited'], '04 12026869 00 02 0801'],
      [['--header', 'grpc'], '01 00000004 12026869'],
    ]
    for (const [header, frames] of streams) {
      const { code, stdout, stderr } = await cli(decode, header, hex(frames))
      expect([code, stderr]).to.deep.equal([0, ''])
      expect(stdout.split('\n')[0]).to.include('"fields":{"2:text":"hi"}')
      expect((await cli(encode, header, stdout)).bytes.toString('hex')).to.equal(hex(frames).toString('hex'))
    }
  })

  it('are shown of a type that the schema lacks, too', async () => {
    const { stdout } = await cli(decode, [...chat, '--on-fault', 'raw'], hex('0063 00000004 12026869'))
    const { name, type, fields } = JSON.parse(stdout)
    expect({ name, type, fields }).to.deep.equal({ name: null, type: 99, fields: { '2:text': 'hi' } })
  })

  it('are shown of a known message, too, at every depth, and become the same bytes again', async () => {
    // Say { room: "lobby" } with 7: 5, 8: "ann", 9: { 2: 5 }, 10: ff fe; Welcome with an unknown field in an entry of its history.
    const say = '0003 00000016 0a056c6f626279 3805 4203616e6e 4a021005 5202fffe'
    const said = await cli(decode, [...chat, '--role', 'client'], hex(say))
    expect(JSON.parse(said.stdout).message).to.deep.equal({
      room: 'lobby',
      $unknown: { '7:varint': 5, '8:text': 'ann', '9:message': { '2:varint': 5 }, '10:bytes': '//4=' },
    })
    expect((await cli(encode, [...chat, '--role', 'client'], said.stdout)).bytes).to.deep.equal(hex(say))
    const welcome = '0004 00000008 1a06 0a0161 4a0162'
    const welcomed = await cli(decode, [...chat, '--role', 'server'], hex(welcome))
    expect(JSON.parse(welcomed.stdout).message.history).to.deep.equal([{ room: 'a', $unknown: { '9:text': 'b' } }])
    expect((await cli(encode, [...chat, '--role', 'server'], welcomed.stdout)).bytes).to.deep.equal(hex(welcome))
    // What has no other way to become the same bytes again stands in base64: a varint longer than it need be.
    const long = '0003 00000003 388500'
    const { stdout } = await cli(decode, [...chat, '--role', 'client'], hex(long))
    expect(JSON.parse(stdout).message).to.deep.equal({ $unknown: 'OIUA' })
    expect((await cli(encode, [...chat, '--role', 'client'], stdout)).bytes).to.deep.equal(hex(long))
  })

  it('of a known message are refused where they are none', async () => {
    for (const [unknown, text] of [
      ['5', /\$unknown is 5, not fields by number, such as \{"7:varint": 5\}, nor their bytes in base64/],
      ['"?"', /\$unknown/],
      ['{"7:varint":"x"}', /\["7:varint"\] is "x", not a whole number/],
      ['[]', /\$unknown/],
    ] as const) {
      const line = `{"name":"Say","message":{"$unknown":${unknown}}}`
      const { code, stderr } = await cli(encode, [...chat, '--role', 'client'], line)
      expect([code, stderr.trim().split('\n').length], unknown).to.deep.equal([1, 1])
      expect(stderr).to.match(text)
    }
  })

  it('need no option that is about a schema', async () => {
    for (const args of [
      ['--types', 'X'],
      ['--message', 'X'],
      ['--package', 'x'],
    ])
      expect((await cli(decode, args)).code).to.equal(2)
  })
})
