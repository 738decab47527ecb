import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Tap } from '../../lib/cli/tap/proxy.ts'
import { Recorder } from '../../lib/cli/tap/recorder.ts'
import { run as wireshark } from '../../lib/cli/verbs/wireshark.ts'
import { checksums } from '../../lib/framing/checksums.ts'
import { connect, createServer, Protocol, type ProtocolOptions } from '../../lib/index.ts'
import { cli } from '../support/cli.ts'
import { peer, run } from '../support/peers.ts'

/** One layer of tshark's JSON: fields by name, one that stands there twice as a list. */
type Layer = Record<string, unknown>

describe('qbp wireshark', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-wireshark-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  /**
   * Has a conversation over loopback, each message echoed, with a recording of it in which every byte is a segment.
   *
   * @returns what tshark tells of it with our dissector: the frames that the client sent, and those of the server.
   */
  async function dissected(
    schema: string,
    change: ProtocolOptions,
    args: string[],
    messages: object[],
  ): Promise<Layer[][]> {
    const protocol = await Protocol.load(schema, change)
    const server = createServer(protocol, async (reader, writer) => {
      for await (const message of reader) await writer.writeMessage(message)
    })
    server.listen(0)
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const tap = new Tap(protocol, { connect: () => net.connect({ port, allowHalfOpen: true }) })
    const recording = join(folder, 'recording')
    const recorder = await Recorder.open(tap, recording, `localhost:${port}`, (fault) => expect.fail(fault))
    tap.listen({ port: 0 })
    await once(tap, 'listening')
    const connection = await connect(protocol, { port: (tap.address() as net.AddressInfo).port })
    for (const message of messages) await connection.writer.writeMessage(message)
    connection.writer.end()
    for await (const _ of connection.reader);
    await connection.close()
    await tap.close()
    await recorder.close()
    await server.close()

    const lines = readFileSync(recording, 'utf8')
      .trimEnd()
      .split('\n')
      .flatMap((line) => {
        const { bytes, ...rest } = JSON.parse(line)
        if (bytes === undefined) return [line]
        return [...Buffer.from(bytes, 'base64')].map((byte) =>
          JSON.stringify({ ...rest, bytes: Buffer.of(byte).toString('base64') }),
        )
      })
    writeFileSync(recording, `${lines.join('\n')}\n`)
    const [lua, pcap] = [join(folder, 'dissector.lua'), join(folder, 'capture.pcap')]
    expect((await cli(wireshark, ['--recording', recording, '--pcap', pcap, '--port', '7000'])).stderr).to.equal('')
    expect(
      (await cli(wireshark, ['--schema', schema, ...args, '--port', '7000', '--name', 'qbp', '-o', lua])).stderr,
    ).to.equal('')

    const tshark = ['-X', `lua_script:${lua}`, '-r', pcap, '-Y', 'qbp', '-T', 'json', '--no-duplicate-keys']
    const { stdout, stderr } = await run('tshark', tshark, { timeoutMs: 60_000, env: { HOME: folder } })
    expect(stderr).not.to.match(/lua|error/i)
    const packets = JSON.parse(stdout) as {
      _source: { layers: { tcp: { 'tcp.dstport': string }; qbp: Layer | Layer[] } }
    }[]
    const sentTo = (isServer: boolean) =>
      packets
        .filter(({ _source: { layers } }) => (layers.tcp['tcp.dstport'] === '7000') === isServer)
        .flatMap(({ _source: { layers } }): Layer[] => [layers.qbp].flat() as Layer[])
    return [sentTo(true), sentTo(false)]
  }

  it('dissects the default layout, across segments of one byte', async function () {
    this.timeout(90_000)
    peer(this, { needs: ['tshark'], apt: 'tshark' })
    const [sent, answered] = await dissected(
      'schemas/chat.proto',
      {},
      [],
      [
        { $name: 'Say', room: 'den', text: 'grüß dich' },
        {
          $name: 'Welcome',
          room: 'den',
          members: ['ann', 'bob'],
          history: [{ name: 'ann', at: 1795399740000n }, { text: '' }],
        },
        { $name: 'Refused', reason: 'NOT_IN_ROOM' },
        { $name: 'Leave' },
      ],
    )
    expect(sent).to.deep.equal(answered)
    expect(sent).to.deep.equal([
      { 'qbp.type': '3', 'qbp.length': '18', 'qbp.message': 'Say', 'qbp.Say.room': 'den', 'qbp.Say.text': 'grüß dich' },
      {
        ...{ 'qbp.type': '4', 'qbp.length': '31', 'qbp.message': 'Welcome', 'qbp.Welcome.room': 'den' },
        'qbp.Welcome.members': ['ann', 'bob'],
        'qbp.Welcome.history': [{ 'qbp.Said.name': 'ann', 'qbp.Said.at': '1795399740000' }, ''],
      },
      { 'qbp.type': '8', 'qbp.length': '2', 'qbp.message': 'Refused', 'qbp.Refused.reason': '2' },
      { 'qbp.type': '2', 'qbp.length': '0', 'qbp.message': 'Leave' },
    ])
  })

  it('dissects varint headers, fields of their own, and every kind of value', async function () {
    this.timeout(90_000)
    peer(this, { needs: ['tshark'], apt: 'tshark' })
    const header = '0x00ff length(rest):varint seq:zigzag type:varint'
    const message = {
      ...{
        aDouble: 1.5,
        aFloat: -0.25,
        anInt32: -7,
        anInt64: -(2n ** 63n),
        aUint64: 2n ** 64n - 1n,
        anSfixed64: -2n,
        aBool: true,
      },
      ...{
        aString: "it's",
        aBytes: Buffer.from('00ff', 'hex'),
        aColor: -5,
        itself: { maybe: 0 },
        numbers: [1, 300],
        blobs: [Buffer.of(1)],
      },
      ...{ colors: [1, -5], texts: { '-3': 'three' }, byNumber: { 4: 'BLUE' }, when: { seconds: 5, nanos: 6 } },
    }
    const [[every] = []] = await dissected(
      'spec/protos/kinds.proto',
      { header, types: { Every: 300 } },
      ['--header', header, '--types', '{Every: 300}'],
      [{ $name: 'Every', $header: { seq: -9 }, ...message }],
    )
    const entry = every as Layer
    expect(entry).to.include({
      ...{
        'qbp.header.seq': '-9',
        'qbp.type': '300',
        'qbp.message': 'Every',
        'qbp.Every.aDouble': '1.5',
        'qbp.Every.aFloat': '-0.25',
      },
      ...{
        'qbp.Every.anInt32': '-7',
        'qbp.Every.anInt64': '-9223372036854775808',
        'qbp.Every.aUint64': '18446744073709551615',
      },
      ...{
        'qbp.Every.anSfixed64': '-2',
        'qbp.Every.aString': "it's",
        'qbp.Every.aBytes': '00:ff',
        'qbp.Every.aColor': '-5',
        'qbp.Every.blobs': '01',
      },
    })
    expect(entry['qbp.Every.aBool']).to.be.oneOf(['1', true])
    expect(entry['qbp.Every.numbers']).to.deep.equal(['1', '300'])
    expect(entry['qbp.Every.colors']).to.deep.equal(['1', '-5'])
    expect(entry['qbp.Every.itself']).to.deep.equal({ 'qbp.Every.maybe': '0' })
    expect(entry['qbp.Every.texts']).to.deep.equal({
      'qbp.Every.texts.key': '-3',
      'qbp.Every.texts.value': 'three',
    })
    expect(entry['qbp.Every.byNumber']).to.deep.equal({
      'qbp.Every.byNumber.key': '4',
      'qbp.Every.byNumber.value': '1',
    })
    expect(entry['qbp.Every.when']).to.deep.equal({
      'qbp.google.protobuf.Timestamp.seconds': '5',
      'qbp.google.protobuf.Timestamp.nanos': '6',
    })
  })

  it('dissects sections, trailers, checksums, lengths and types in sections, groups and preambles', async function () {
    this.timeout(90_000)
    peer(this, { needs: ['tshark'], apt: 'tshark' })
    const schema = join(folder, 'rich.proto')
    writeFileSync(
      schema,
      `syntax = "proto3"; package w;
       message Hello { string name = 1; }
       message Head { string kind = 1; Inner inner = 2; string text = 3; }
       message Inner { sint64 length = 1; }
       message Say { string text = 1; }`,
    )
    const header =
      '"QB" length(Hello):u8 {Hello} | 0xca length(rest):u16 length(Head):varint {Head} type=Head.kind ' +
      'length=Head.inner.length body tag:bytes(2) crc32(body):u32le ( [a:3 b:5]:u8 note:bytes )?'
    const types = { Say: { type: 'say it', message: 'Say' } } as const
    const [sent] = await dissected(
      schema,
      { header, types },
      ['--header', header, '--types', JSON.stringify(types)],
      [
        { $name: 'Say', $header: { Head: { text: 'x' }, tag: Buffer.from('beef', 'hex') }, text: 'hi' },
        { $name: 'Say', $header: { a: 5, b: 9, note: Buffer.from('07', 'hex') } },
      ],
    )
    const crc32 = (hex: string) => String(checksums.get('crc32')?.([Buffer.from(hex, 'hex')]))
    expect(sent).to.deep.equal([
      { 'qbp.header.Hello': '' },
      {
        ...{
          'qbp.header.Head': {
            'qbp.Head.kind': 'say it',
            'qbp.Head.inner': { 'qbp.Inner.length': '4' },
            'qbp.Head.text': 'x',
          },
        },
        ...{ 'qbp.type_name': 'say it', 'qbp.length': '4', 'qbp.message': 'Say', 'qbp.Say.text': 'hi' },
        ...{ 'qbp.header.tag': 'be:ef', 'qbp.header.crc32': crc32('0a026869') },
      },
      {
        ...{ 'qbp.header.Head': { 'qbp.Head.kind': 'say it' }, 'qbp.type_name': 'say it', 'qbp.length': '0' },
        ...{ 'qbp.message': 'Say', 'qbp.header.tag': '00:00', 'qbp.header.crc32': crc32('') },
        ...{ 'qbp.header.a': '5', 'qbp.header.b': '9', 'qbp.header.note': '07' },
      },
    ])
  })

  it('dissects a layout for each direction, lengths as text among them', async function () {
    this.timeout(90_000)
    peer(this, { needs: ['tshark'], apt: 'tshark' })
    const header = {
      client: 'seq:u32 type:u8 length:dec 0x3b',
      server: 'type:u8 length(frame):hex8 seq:u64le body 0x0a',
    }
    const [sent, answered] = await dissected(
      'schemas/chat.proto',
      { header },
      ['--header', JSON.stringify(header)],
      [
        { $name: 'Say', $header: { seq: 7 }, text: 'hi' },
        { $name: 'Leave', $header: { seq: 8 } },
      ],
    )
    const say = {
      'qbp.type': '3',
      'qbp.length': '4',
      'qbp.message': 'Say',
      'qbp.Say.text': 'hi',
      'qbp.header.seq': '7',
    }
    const leave = { 'qbp.type': '2', 'qbp.length': '0', 'qbp.message': 'Leave', 'qbp.header.seq': '8' }
    expect(sent).to.deep.equal([say, leave])
    expect(answered).to.deep.equal([say, leave])
  })

  it('writes to standard output, and answers wrong use with exit code 2', async () => {
    const chat = ['--schema', 'schemas/chat.proto']
    const { code, stdout } = await cli(wireshark, chat)
    expect(code).to.equal(0)
    expect(stdout).to.include("local NAME = 'qbp_chat'").and.include("[3] = { name = 'Say', of = 'chat.Say' },")
    for (const args of [[], [...chat, 'x'], [...chat, '--name', 'Chat'], ['--pcap', 'x'], [...chat, '--port', '0']])
      expect((await cli(wireshark, args)).code, args.join(' ')).to.equal(2)
    expect((await cli(wireshark, ['--help'])).stdout).to.include('Example:')
  })
})
