import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { guess } from '../../lib/cli/guess/guess.ts'
import { sureGuess } from '../../lib/cli/guess/sure.ts'
import type { Stream } from '../../lib/cli/guess/tiling.ts'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as encode } from '../../lib/cli/verbs/encode.ts'
import { run as guessVerb } from '../../lib/cli/verbs/guess.ts'
import { run as view } from '../../lib/cli/verbs/view.ts'
import { type HeaderFields, headers, Protocol, QbpWritable, type Role } from '../../lib/index.ts'
import { chat } from '../../schemas/chat.ts'
import { cli } from '../support/cli.ts'
import { drawnSide, field, type OwnFields, random } from '../support/drawn-captures.ts'

const recorded: Record<string, { header: string; streams: string[] }> = JSON.parse(
  readFileSync(join(__dirname, 'recorded.json'), 'utf8'),
)

/** A conversation in chat.proto by a header, with as many messages: what each side has sent. */
async function capture(header: string, count: number, seed: number): Promise<Record<Role, Uint8Array>> {
  const next = random(seed)
  const word = () =>
    ['lunch', 'ramen at half past twelve', 'in', 'the build is green, nearly', ''][Math.floor(next() * 5)]
  const hasType = /\btype:/.test(header)
  const protocol = await Protocol.load('schemas/chat.proto', {
    header,
    ...(!hasType && { message: { client: 'Say', server: 'Welcome' } }),
  })
  const own = [...header.matchAll(/\b(\w+):u?(\d+|varint)/g)].map(([, name = '']) => name)
  const fields = own.filter((name) => name !== 'type' && name !== 'length')
  let id = 0
  const message = (role: Role): object => {
    const $header = Object.fromEntries(fields.map((name) => [name, name === 'id' ? ++id : 0]))
    const rest = fields.length > 0 ? { $header } : {}
    const kind = hasType ? Math.floor(next() * 3) : 0
    const at = BigInt(1_795_000_000_000 + Math.floor(next() * 1e6))
    if (role === 'client') {
      if (kind === 0) return { $name: 'Say', room: 'lobby', text: word(), ...rest }
      return kind === 1
        ? { $name: 'Join', room: word(), name: 'ann', ...rest }
        : { $name: 'Leave', room: 'lobby', ...rest }
    }
    const said = { room: 'lobby', name: 'bob', text: word(), at }
    if (kind === 0) return { $name: 'Welcome', room: 'lobby', members: ['ann', 'bob'], history: [said, said], ...rest }
    return kind === 1 ? { $name: 'Said', ...said, ...rest } : { $name: 'Left', room: 'lobby', name: 'ann', ...rest }
  }
  const bytesOf = async (role: Role): Promise<Uint8Array> => {
    const writer = new QbpWritable(protocol, { role })
    for (let i = 0; i < count; i++) writer.write(message(role) as never)
    writer.end()
    return Buffer.concat(await writer.toArray())
  }
  return { client: await bytesOf('client'), server: await bytesOf('server') }
}

describe('qbp guess', () => {
  const captures: [header: string, frames: number, both: boolean][] = [
    ['type:u16 length:u32', 5, false],
    ['type:u16 length:u32', 300, true],
    ['length:u32', 6, true],
    ['length:varint', 12, true],
    ['length:varint', 1500, false],
    ['length(rest):u32 type:u8', 8, true],
    ['length(rest):u32le type:u8', 40, true],
    ['0x00 length:varint type:varint', 60, true],
    ['flags:u8 length:u32', 10, true],
    ['length:u32le 0x56543031', 10, true],
    ['type:varint length:varint', 200, true],
    ['length:u16le type:u16le', 50, true],
    ['0xcafe type:u8 length:u16', 20, true],
    ['length(frame):u32 type:u16 id:u16', 100, true],
    ['type:u8 length:u24', 200, true],
    ['length:u16', 9, true],
  ]
  /** The names of a layout's own fields are nobody's to guess. */
  const shape = (line: string) => {
    let count = 0
    return line.replaceAll(/\b(\w+):/g, (whole, name) => (name === 'length' ? whole : `${++count}:`))
  }

  // None of these was looked at while the first costs were chosen.
  const heldOut: [header: string, frames: number, both: boolean][] = [
    ['type:u8 length:u32', 15, true],
    ['length:u24 type:u8', 30, true],
    ['0x51425031 length:u32', 12, true],
    ['type:u32le length:u32le', 25, true],
    ['id:u32 type:u16 length:u32', 80, true],
    ['length:u32le', 400, false],
    ['type:u8 length:varint', 35, true],
    ['length(frame):u32 type:u8', 45, true],
    ['length:varint type:u8', 22, false],
    ['0x4d type:u16le length:u16le', 70, true],
    ['type:u16 id:u64 length:u16', 60, true],
    ['length(frame):u16 type:u16', 18, true],
  ]

  type Sample = { streams: Stream[]; header: string }
  const sample = (header: string, sides: Uint8Array[]): Sample => ({
    header,
    streams: sides.map((bytes) => ({ bytes: bytes.subarray(0, 65536), cut: bytes.length > 65536 })),
  })
  /** Where the right line stands among the guesses, 0 if it is none of them. */
  const rank = ({ header, streams }: Sample) =>
    guess(streams).findIndex(({ line }) => shape(line) === shape(header)) + 1
  const ranks = (samples: Sample[]) => {
    const all = samples.map((each): [string, number] => [each.header, rank(each)])
    return {
      notFirst: all.filter(([, place]) => place !== 1),
      notAmongThree: all.filter(([, place]) => place < 1 || place > 3),
    }
  }
  const chats = (list: typeof captures, seed: number) =>
    Promise.all(
      list.map(async ([header, frames, both], i) => {
        const { client, server } = await capture(header, frames, i + seed)
        return sample(header, both ? [client, server] : [client])
      }),
    )

  it('has the right line among the first three of all conversations, and as the first of nearly all', async () => {
    const tuned = ranks(await chats(captures, 1))
    expect(tuned.notAmongThree).to.deep.equal([])
    // Of types below 128 nobody knows whether they are bytes or varints.
    expect(tuned.notFirst.map(([header]) => header)).to.deep.equal(['type:varint length:varint'])
    const others = ranks(await chats(heldOut, 1000))
    expect(others).to.deep.equal({ notFirst: [], notAmongThree: [] })
  }).timeout(60_000)

  const one = () => 1
  const drawn: [header: string, count: number, seed: number, own?: OwnFields][] = [
    ['length:u16', 40, 81],
    ['length:varint', 300, 83],
    ['length:u32', 3, 84],
    ['length:u64le', 50, 87],
    ['length(rest):varint id:varint', 30, 91, { id: (i) => 1 + (i % 7) }],
    ['0x0a length:varint', 60, 92],
    ['version:u8 type:u8 length(frame):u16', 12, 93, { version: one }],
    ['type:u16 encap:u16 version:u16 flags:u16 length:u32', 25, 95, { encap: one, version: one, flags: () => 0 }],
    ['0x94c3 length:u16', 5, 98],
    ['length(rest):u32 0x6b387300', 14, 100],
    ['length:u32 stream:u32 type:u8 flags:u8', 300, 102, { stream: (i) => 2 * i + 1 }],
    ['[version:4 length:28]:u32le', 16, 103, { version: one }],
    ['length:hex8', 18, 104],
    ['length:dec 0x0a', 18, 105],
    ['crc32c(body):u32 length:u32', 40, 106],
    ['length:u64le maskedcrc32c(length):u32le body maskedcrc32c(body):u32le', 30, 107],
    ['length(rest):u32 id:u64 type:u16', 100, 111, { id: (i) => BigInt(i) }],
    ['length(frame):u16le type:u8', 11, 113],
  ]
  it('has it first where the schema is drawn, too', () => {
    const samples = drawn.map((each) => sample(each[0], [drawnSide(...each)]))
    expect(ranks(samples)).to.deep.equal({ notFirst: [], notAmongThree: [] })
  }).timeout(60_000)

  /** A message of a header: a service, one of its methods, a number that goes up. */
  const called = (number: number) =>
    Buffer.concat([field(1, 'Service'), field(2, ['Get', 'Put', 'List'][number % 3] as string), field(3, number + 1)])
  const packed = (seed: number, length: number) => {
    const draw = random(seed)
    return Uint8Array.from({ length }, () => draw() * 256)
  }
  const connecting = { ConnectionHeader: Buffer.concat([field(1, 'user'), field(2, 'ClientService')]) }
  const bySections: [name: keyof typeof headers, count: number, both: boolean, own: OwnFields, preamble?: object][] = [
    ['brpc', 30, false, { RpcMeta: called }],
    ['brpc', 5, true, { RpcMeta: called, attachment: (number) => packed(number, (number % 3) * 50) }],
    ['brpc', 2, false, { RpcMeta: called }],
    ['hbase', 6, false, { RequestHeader: called }, connecting],
    ['hbase', 20, true, { RequestHeader: called, ResponseHeader: called }, connecting],
    ['hadoop', 20, true, { RpcRequestHeaderProto: called, RpcResponseHeaderProto: called }],
    ['pulsar', 20, true, {}],
    ['pulsar', 15, false, { MessageMetadata: called, payload: (number) => packed(number, 20 + number) }],
    ['steamMessage', 20, true, { CMsgProtoBufHeader: called, proto: () => 1 }],
    ['syncthing', 9, true, { Header: (number) => field(2, number % 2) }, { Hello: called(1) }],
    ['osmpbf', 6, false, { BlobHeader: (number) => field(2, `index ${number}`) }],
    ['mcs', 20, true, {}],
    ['mcs', 12, false, {}],
    ['steam', 20, false, {}],
    ['tfrecord', 2, false, {}],
    ['meshtastic', 4, false, {}],
    ['perfetto', 3000, false, {}],
    ['ola', 8, true, { version: () => 1 }],
  ]
  /** What each side sends by a layout that has a name; a side's own fields are those that its layout has. */
  const named = (index: number): Stream[] => {
    const [name, count, both, own, preamble] = bySections[index] as (typeof bySections)[number]
    return (both ? (['client', 'server'] as const) : (['client'] as const)).map((role) => {
      const has = Protocol.raw({ header: headers[name] }).headers[role]
      const fields = Object.entries(own).filter(([each]) => has.fieldNames.includes(each))
      const first = preamble !== undefined && has.preamble !== null ? { preamble: preamble as HeaderFields } : {}
      const bytes = drawnSide(headers[name], count, 200 + index, Object.fromEntries(fields), { role, ...first })
      return { bytes, cut: false, direction: role }
    })
  }
  for (const [index, [name, count, both]] of bySections.entries()) {
    it(`has ${name} first in ${count} frames of ${both ? 'both sides' : 'a client'}`, () => {
      const [best] = guess(named(index))
      expect(best).to.include({ name, frames: count * (both ? 2 : 1) })
      expect(best?.left.flat().every((bytes) => bytes === 0)).to.equal(true)
    })
  }

  it('finds frames of layouts with sections in bytes that are cut, and after a preamble that is not there', () => {
    const [{ bytes } = { bytes: new Uint8Array() }] = named(0)
    const [brpc] = guess([{ bytes: bytes.subarray(33, -17), cut: true }])
    expect(brpc).to.include({ name: 'brpc', frames: 28 })
    // What the program sent after its Hello.
    const whole = Buffer.from(recorded.syncthing?.streams[1] ?? '', 'base64')
    const lines = guess([{ bytes: whole.subarray(6 + whole.readUInt16BE(4)), cut: false }]).map(({ line }) => line)
    expect(lines.slice(0, 3)).to.include('length(Header):u16 {Header} type=Header.type length:u32')
  }).timeout(30_000)

  it('finds lengths that stand in a message before the body', () => {
    const lines = ['length(Head):u32 {Head} length=Head.4', 'length(Head):varint {Head} type=Head.1 length=Head.2']
    for (const [i, line] of lines.entries()) {
      const bytes = drawnSide(line, 12, 22 + i, {
        Head: (number) => Buffer.concat([field(3, number), field(5, 'svc')]),
      })
      const [best] = guess([{ bytes, cut: false }])
      expect(best?.line.replace(/ type=\S+/, '')).to.equal(line.replace(/ type=\S+/, ''))
    }
  })

  it('finds frames whose bodies are mostly packed', () => {
    const frames = Array.from({ length: 20 }, (_, i) => {
      const body = Buffer.concat([field(1, i), Buffer.from('128008', 'hex'), packed(i + 1, 1024)])
      const length = Buffer.alloc(4)
      length.writeUInt32BE(body.length)
      return Buffer.concat([length, body])
    })
    expect(guess([{ bytes: Buffer.concat(frames), cut: false }])[0]?.line).to.equal('length:u32')
  })

  for (const [peer, { header, streams }] of Object.entries(recorded)) {
    it(`has it first in what was recorded of ${peer}`, () => {
      expect(
        rank(
          sample(
            header,
            streams.map((text) => Buffer.from(text, 'base64')),
          ),
        ),
      ).to.equal(1)
    })
  }

  it('finds where frames begin in bytes that are cut at both ends, and a preamble', () => {
    for (const header of ['type:u16 length:u32', 'length:varint', 'length:u32le type:u8']) {
      const bytes = drawnSide(header, 40, 5)
      const cut = bytes.subarray(11, -3)
      const [best] = guess([{ bytes: cut, cut: true }])
      expect(shape(best?.line ?? '')).to.equal(shape(header))
      const [[before = 0, after = 0] = []] = best?.left ?? []
      expect(after).to.be.greaterThan(0)
      expect(guess([{ bytes: bytes.subarray(11 + before), cut: false }])[0]?.left).to.deep.equal([[0, 0]])
    }
    const bytes = Buffer.concat([Buffer.from('29ca', 'hex'), drawnSide('type:u16 length:u32', 30, 6)])
    expect(guess([{ bytes, cut: false }])[0]?.line).to.equal('0x29ca | type:u16 length:u32')
  }).timeout(60_000)

  it('leaves to the body what all bodies begin with', async () => {
    const protocol = await Protocol.load('schemas/chat.proto')
    const writer = new QbpWritable(protocol, { role: 'client', highWaterMarkBytes: 2 ** 30 })
    for (let i = 0; i < 3000; i++) writer.write({ $name: 'Say', room: 'lobby', text: `hello ${i}` } as never)
    writer.end()
    const bytes = writer.read() as Buffer
    expect(guess([{ bytes, cut: false }])[0]?.line).to.equal('type:u16 length:u32')
  })

  it('finds none in noise, in zeros and in text', () => {
    const draw = random(7)
    for (const length of [10, 40, 300]) {
      const noise = Uint8Array.from({ length }, () => draw() * 256)
      for (const bytes of [noise, new Uint8Array(length), Buffer.from('GET a\r\n'.repeat(length))])
        expect(guess([{ bytes, cut: false }])).to.deep.equal([])
    }
  }).timeout(60_000)

  it('is never sure of a protocol whose bodies are no protobuf', () => {
    const framed = (body: (number: number) => Buffer, lengthOf: (bytes: number) => Buffer) =>
      Buffer.concat(
        Array.from({ length: 20 }, (_, i) => {
          const bytes = body(i)
          return Buffer.concat([lengthOf(bytes.length), bytes])
        }),
      )
    const u32 = (number: number) => Buffer.of(0, 0, number >> 8, number & 255)
    const others = {
      postgres: framed(
        (i) => Buffer.from(`SELECT * FROM t WHERE id = ${i}\0`),
        (bytes) => Buffer.concat([Buffer.from('Q'), u32(bytes + 4)]),
      ),
      mysql: framed(
        (i) => Buffer.from(`\x03SELECT ${i} FROM things`),
        (bytes) => Buffer.of(bytes, 0, 0, 0),
      ),
      mqtt: framed(
        (i) => Buffer.from(`\0\x05a/b/c{"temp":${i}}`),
        (bytes) => Buffer.of(0x30, bytes),
      ),
      json: framed((i) => Buffer.from(`{"id":${i},"method":"x.y","params":[${i * 3}]}`), u32),
      thrift: framed((i) => Buffer.from(`8001000100000003676574000000${i + 10}0b0001000000036b657900`, 'hex'), u32),
    }
    for (const bytes of Object.values(others))
      expect(sureGuess(guess([{ bytes, cut: false }], { fromStart: true }))).to.equal(undefined)
  })

  describe('as a verb', () => {
    let folder: string
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'qbp-guess-'))
    })
    after(() => rmSync(folder, { recursive: true }))
    const file = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }

    it('prints the layouts, and the command to go on with, which works', async () => {
      const { client } = await capture('length(rest):u32 type:u8', 30, 5)
      const path = file('riak.bin', client)
      const { code, stdout } = await cli(guessVerb, [path, '--most', '1'])
      expect(code).to.equal(0)
      expect(stdout).to.match(
        /^length\(rest\):u32 type:u8 \(riak\) {2}30 frames, \d+ fields\n {2}qbp decode \S+ --header riak\n$/,
      )
      const [best] = (await cli(guessVerb, [path, '--json'])).stdout.split('\n')
      expect(JSON.parse(best ?? '')).to.include({ header: 'length(rest):u32 type:u8', name: 'riak', frames: 30 })
      const decoded = await cli(decode, [path, '--header', 'riak'])
      expect(decoded).to.include({ code: 0, stderr: '' })
      expect(decoded.stdout.trim().split('\n')).to.have.length(30)
      const again = await cli(encode, ['--header', 'riak'], decoded.stdout)
      expect(again.bytes.toString('hex')).to.equal(Buffer.from(client).toString('hex'))
    })

    it('reads a map of OpenStreetMap, which the command that it names shows in fields', async () => {
      const path = file('map.osm.pbf', Buffer.from(recorded['osmium, without compression']?.streams[0] ?? '', 'base64'))
      const { stdout } = await cli(guessVerb, [path, '--most', '1'])
      expect(stdout).to.match(/\(osmpbf\) {2}2 frames, \d+ fields\n {2}qbp decode \S+ --header osmpbf\n$/)
      const decoded = await cli(decode, [path, '--header', 'osmpbf'])
      expect(decoded).to.include({ code: 0, stderr: '' })
      const lines = decoded.stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text))
      expect(lines.map(({ type }) => type)).to.deep.equal(['OSMHeader', 'OSMData'])
      expect(lines[0].header.BlobHeader).to.deep.equal({ '1:text': 'OSMHeader', '3:varint': lines[0].length })
      expect(lines[1]).to.have.nested.property('fields.1:message')
      const again = await cli(encode, ['--header', 'osmpbf'], decoded.stdout)
      expect(again.bytes.toString('base64')).to.equal(recorded['osmium, without compression']?.streams[0])
    })

    it('is what decode and view do where neither schema nor header is given, and only then', async () => {
      const path = file('unknown.bin', drawnSide('length:u32', 12, 3))
      const decoded = await cli(decode, [path])
      expect(decoded).to.include({
        code: 0,
        stderr: 'qbp decode: the header is guessed by 12 frames: --header castv2\n',
      })
      const lines = decoded.stdout.trim().split('\n')
      expect(lines).to.have.length(12)
      expect(JSON.parse(lines[0] as string)).to.have.property('fields')
      const viewed = await cli(view, [path])
      expect(viewed.stdout.match(/#1 → Raw \{/g)).to.have.length(12)
      expect((await cli(decode, [path, '--header', 'default'])).code).to.equal(1)
      expect((await cli(decode, [path, '-s', 'schemas/chat.proto'])).stderr).to.not.match(/guessed/)
      const ours = file('ours.bin', drawnSide('type:u16 length:u32', 12, 3))
      expect(await cli(decode, [ours])).to.include({ code: 0, stderr: '' })
    })

    it('says whose the bytes are, where both sides have layouts of their own', async () => {
      const [client, server] = named(4)
      for (const [role, stream] of Object.entries({ client, server })) {
        const path = file(`${role}.bin`, stream?.bytes ?? '')
        const { stdout } = await cli(guessVerb, [path, '--most', '1'])
        const [, words = ''] = /qbp decode (.*)\n$/.exec(stdout) ?? []
        const decoded = await cli(decode, words.replaceAll("'", '').split(' '))
        expect(decoded).to.include({ code: 0, stderr: '' })
        expect(decoded.stdout.trim().split('\n')).to.have.length(20)
        if (role === 'client') expect(words).to.match(/--header hbase --role client$/)
      }
    })

    it('finds frames of long bodies that are the same byte throughout', async () => {
      const protocol = Protocol.from(chat, { types: { Say: 1, Said: 2 } })
      const frames = Array.from({ length: 12 }, (_, i) => {
        const text = '\0'.repeat(60_000)
        return protocol.frame(i % 3 === 0 ? { $name: 'Said', text } : { $name: 'Say', text }).bytes
      })
      const { stdout } = await cli(guessVerb, [file('same-bodies', Buffer.concat(frames))])
      expect(stdout).to.match(/^type:u16 (0x00 length:u24|length:u32)/)
    }).timeout(60_000)

    it('comes to an end with a file that has none, and with one that says the same for a megabyte', async () => {
      const path = join(folder, 'same')
      writeFileSync(path, Buffer.alloc(2 ** 20, Buffer.from([1, 0])))
      for (const file of ['/dev/zero', path]) {
        const { code, stderr } = await cli(guessVerb, [file])
        expect([code, stderr]).to.deep.equal([
          1,
          `qbp guess: ${file}: no layout fits. Its bodies may be no protobuf, be compressed or encrypted, or there are too few frames.\n`,
        ])
      }
    })

    it('takes the bytes as hex, and both directions of a capture together', async () => {
      const { client, server } = await capture('type:u16 length:u32', 4, 7)
      const line = (direction: Role, all: Uint8Array) => {
        const bytes = Buffer.from(all).toString('base64')
        return `${JSON.stringify({ at: 1, connection: 1, direction, kind: 'bytes', bytes })}\n`
      }
      const tap = `{"recording":1,"at":1,"target":"a"}\n${line('client', client)}${line('server', server)}`
      const { stdout } = await cli(guessVerb, [file('two.tap', tap)])
      expect(stdout).to.match(/^type:u16 length:u32 \(default\) {2}8 frames, .*\n {2}qbp decode \S+\n/)
      const hex = await cli(guessVerb, ['-'], Buffer.from(client).toString('hex'))
      expect(hex.stdout).to.match(/^type:u16 length:u32 \(default\)/)
    })

    const others: [what: string, bytes: Uint8Array, text: RegExp][] = [
      ['TLS', Buffer.from(`16030100c8010000c40303${'a7'.repeat(194)}`, 'hex'), /It is TLS/],
      ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n'), /It is HTTP\/1/],
      ['nothing known', Buffer.from('ff'.repeat(40), 'hex'), /no layout fits/],
      ['nothing', Buffer.alloc(0), /there are no bytes/],
      ['text', Buffer.from('220 mail ESMTP\r\nEHLO x\r\n250 mail\r\n'), /it is text/],
      ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /It is a picture/],
    ]
    for (const [what, bytes, text] of others) {
      it(`says so of ${what}`, async () => {
        const { code, stderr } = await cli(guessVerb, [file('other', bytes), '--format', 'raw'])
        expect(code).to.equal(1)
        expect(stderr).to.match(text)
      })
    }
  })
})
