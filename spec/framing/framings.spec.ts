// The line of every framing that docs/existing-protocols.md lists, on bytes: as the protocol documents them, with bodies and
// sections cut down to a field or two.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { MessageReader, NONE } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import { headers, type Protocol, type ProtocolOptions, type QbpError, type Role } from '../../lib/index.ts'
import { everySplit } from '../../lib/testing/splits.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const { root } = protobuf.parse(`syntax = "proto3"; package f;
  message M { string text = 1; }
  message N { string text = 1; }
  message RpcMeta { int64 correlation_id = 4; int32 attachment_size = 5; }
  message MessageMetadata { string producer_name = 1; }
  message Head { string text = 1; }
  message RequestHeader { uint32 call_id = 1; }
  message ResponseHeader { uint32 call_id = 1; }
  message RpcRequestHeaderProto { sint32 callId = 3; }
  message RpcResponseHeaderProto { uint32 callId = 1; }
  message ConnectionHeader { string service_name = 2; }
  message Hello { string device_name = 1; }
  enum Kind { CLUSTER_CONFIG = 0; INDEX = 1; }
  message Header { Kind type = 1; int32 compression = 2; }
  message BlobHeader { string type = 1; int32 datasize = 3; }
  message CMsgProtoBufHeader { fixed64 steamid = 1; }`)

type Fields = Record<string, unknown>
interface Framing {
  /** As docs/existing-protocols.md has it. */
  protocol: string
  header: NonNullable<ProtocolOptions['header']>
  preset?: keyof typeof headers
  options?: ProtocolOptions
  role?: Role
  preamble?: Fields
  /** With the body 0a026869, { text: 'hi' }, if nothing else is said. */
  hex: string
  messages?: object[]
}

const M = { message: 'M' }
const types = (M: number) => ({ types: { M } })
const HI = { $name: 'M', text: 'hi' }
const hi = ($header: Fields) => ({ ...HI, $header })

const framings: Framing[] = [
  { protocol: 'PowerDNS, dnsdist', header: 'length:u16', options: M, hex: '0004 0a026869' },
  {
    protocol: 'Embedded Sass',
    preset: 'sass',
    header: headers.sass,
    options: M,
    hex: '06 ac02 0a026869',
    messages: [hi({ id: 300 })],
  },
  { protocol: 'Perfetto trace', preset: 'perfetto', header: headers.perfetto, options: M, hex: '0a 04 0a026869' },
  { protocol: 'Perfetto IPC', header: 'length:u32le', options: M, hex: '04000000 0a026869' },
  {
    protocol: 'kRPC, RoboCup, Ratis, Drill, Apple MRP, Android TV remote, Prometheus',
    preset: 'delimited',
    header: headers.delimited,
    options: M,
    hex: '04 0a026869 00',
    messages: [HI, { $name: 'M' }],
  },
  {
    protocol: 'BookKeeper, Docker log plugin, OTel file exporter',
    preset: 'castv2',
    header: headers.castv2,
    options: M,
    hex: '00000004 0a026869',
  },
  {
    protocol: 'Kubernetes watch',
    header: 'length(rest):u32 0x6b387300',
    options: M,
    hex: '00000008 6b387300 0a026869',
  },
  {
    protocol: 'Connect',
    preset: 'connect',
    header: headers.connect,
    options: { types: { M: 0, End: { type: 2, body: 'raw' } } },
    hex: '00 00000004 0a026869 02 00000002 7b7d',
    messages: [HI, { $name: 'End', type: 2, body: Buffer.from('{}') }],
  },
  {
    protocol: 'gRPC-Web',
    preset: 'grpcWeb',
    header: headers.grpcWeb,
    options: { types: { M: 0, Trailers: { type: 128, body: 'raw' } } },
    hex: '00 00000004 0a026869 80 00000001 61',
    messages: [HI, { $name: 'Trailers', type: 128, body: Buffer.from('a') }],
  },
  {
    protocol: 'FRR FPM',
    header: 'version:u8 type:u8 length(frame):u16',
    options: types(2),
    hex: '01 02 0008 0a026869',
    messages: [hi({ version: 1 })],
  },
  {
    protocol: 'Cisco MDT',
    header: 'type:u16 encap:u16 version:u16 flags:u16 length:u32',
    options: types(1),
    hex: '0001 0001 0001 0000 00000004 0a026869',
    messages: [hi({ encap: 1, version: 1, flags: 0 })],
  },
  {
    protocol: 'OLA',
    preset: 'ola',
    header: headers.ola,
    options: M,
    hex: '04000010 0a026869',
    messages: [hi({ version: 1 })],
  },
  { protocol: 'Ostinato', header: 'type:u32 length:u32', options: types(0x10002), hex: '00010002 00000004 0a026869' },
  { protocol: 'etcd rafthttp', header: 'length:u64', options: M, hex: '0000000000000004 0a026869' },
  { protocol: 'Badger backup', header: 'length:u64le', options: M, hex: '0400000000000000 0a026869' },
  {
    protocol: 'GTFS-RT, FileDescriptorSet, bare message files',
    header: 'type:u8 length:varint',
    options: types(10),
    hex: '0a 04 0a026869',
  },
  {
    protocol: 'FCM, MCS',
    preset: 'mcs',
    header: headers.mcs,
    options: types(2),
    role: 'client',
    hex: '29 02 04 0a026869',
    preamble: {},
  },
  {
    protocol: 'FCM, MCS',
    preset: 'mcs',
    header: headers.mcs,
    options: types(2),
    role: 'server',
    hex: '26 02 04 0a026869',
    preamble: { version: 38 },
  },
  { protocol: 'Meshtastic', preset: 'meshtastic', header: headers.meshtastic, options: M, hex: '94c3 0004 0a026869' },
  { protocol: 'CometBFT WAL', header: 'crc32c(body):u32 length:u32', options: M, hex: '4ad7f7bd 00000004 0a026869' },
  {
    protocol: 'Prometheus remote read',
    header: 'length:varint crc32c(body):u32',
    options: M,
    hex: '04 4ad7f7bd 0a026869',
  },
  {
    protocol: 'TFRecord',
    preset: 'tfrecord',
    header: headers.tfrecord,
    options: M,
    hex: '0400000000000000 42455204 0a026869 8780fd91',
  },
  {
    protocol: 'brpc baidu_std',
    preset: 'brpc',
    header: headers.brpc,
    options: M,
    hex: '50525043 0000000b 00000004 2007 2803 0a026869 616263',
    messages: [hi({ RpcMeta: { correlationId: 7n, attachmentSize: 3 }, attachment: Buffer.from('abc') })],
  },
  {
    protocol: 'Pulsar',
    preset: 'pulsar',
    header: headers.pulsar,
    options: M,
    hex: '00000008 00000004 0a026869 00000018 00000004 0a026869 0e01 81339ce5 00000003 0a0170 706179',
    messages: [hi({}), hi({ MessageMetadata: { producerName: 'p' }, payload: Buffer.from('pay') })],
  },
  {
    protocol: 'A header and a body with their lengths',
    header: 'length(rest):u32 length(Head):u32 {Head} ( length:u32 body )?',
    options: M,
    hex: '0000000f 00000003 0a0168 00000004 0a026869 00000007 00000003 0a0168',
    messages: [hi({ Head: { text: 'h' } }), { $name: 'M', $header: { Head: { text: 'h' } } }],
  },
  {
    protocol: 'Hadoop IPC',
    preset: 'hadoop',
    header: headers.hadoop,
    options: M,
    role: 'client',
    preamble: {},
    hex: '68727063 090000 0000000b 02 1805 04 0a026869 027878',
    messages: [hi({ RpcRequestHeaderProto: { callId: -3 }, rest: Buffer.from('027878', 'hex') })],
  },
  {
    protocol: 'Hadoop IPC',
    preset: 'hadoop',
    header: headers.hadoop,
    options: M,
    role: 'server',
    hex: '00000008 02 0805 04 0a026869',
    messages: [hi({ RpcResponseHeaderProto: { callId: 5 } })],
  },
  {
    protocol: 'HBase',
    preset: 'hbase',
    header: headers.hbase,
    options: M,
    role: 'client',
    preamble: { ConnectionHeader: { serviceName: 'C' } },
    hex: '48426173 0050 00000003 120143 00000009 02 0801 04 0a026869 63',
    messages: [hi({ RequestHeader: { callId: 1 }, cells: Buffer.from('c') })],
  },
  {
    protocol: 'HBase',
    preset: 'hbase',
    header: headers.hbase,
    options: M,
    role: 'server',
    hex: '00000003 02 0801',
    messages: [{ $name: 'M', $header: { ResponseHeader: { callId: 1 } } }],
  },
  {
    protocol: 'Kudu, Impala KRPC',
    preset: 'kudu',
    header: headers.kudu,
    options: M,
    role: 'client',
    preamble: {},
    hex: '68727063 090000 00000008 02 0801 04 0a026869',
    messages: [hi({ RequestHeader: { callId: 1 }, rest: Buffer.alloc(0) })],
  },
  {
    protocol: 'Syncthing BEP',
    preset: 'syncthing',
    header: headers.syncthing,
    options: { types: { M: { type: 'CLUSTER_CONFIG', message: 'M' }, N: { type: 'INDEX', message: 'N' } } },
    preamble: { Hello: { deviceName: 'd' } },
    hex: '2ea7d90b 0003 0a0164 0000 00000004 0a026869 0002 0801 00000004 0a026869',
    messages: [hi({ Header: {} }), { $name: 'N', text: 'hi', $header: { Header: { type: 1 } } }],
  },
  {
    protocol: 'OpenStreetMap PBF',
    preset: 'osmpbf',
    header: headers.osmpbf,
    options: { types: { M: { type: 'OSMHeader', message: 'M' }, N: { type: 'OSMData', message: 'N' } } },
    hex: '0000000d 0a09 4f534d486561646572 1804 0a026869',
    messages: [hi({ BlobHeader: { type: 'OSMHeader', datasize: 4 } })],
  },
  { protocol: 'Steam VT01', preset: 'steam', header: headers.steam, options: M, hex: '04000000 56543031 0a026869' },
  {
    protocol: 'Steam CM in VT01',
    preset: 'steamMessage',
    header: headers.steamMessage,
    options: types(5514),
    hex: '15000000 56543031 8a150080 09000000 090100000000000000 0a026869',
    messages: [hi({ proto: 1, CMsgProtoBufHeader: { steamid: 1n } })],
  },
  { protocol: 'Gazebo', header: 'length:hex8', options: M, hex: '3030303030303034 0a026869' },
  { protocol: 'Mesos RecordIO', header: 'length:dec 0x0a', options: M, hex: '34 0a 0a026869' },
  {
    protocol: 'Valve Source 2 demo',
    header: '"PBDEMS2" 0x00 skip:bytes(8) | type:varint tick:varint length:varint',
    options: types(7),
    preamble: { skip: Buffer.from('0102030405060708', 'hex') },
    hex: '50424445 4d533200 0102030405060708 07 ffff03 04 0a026869',
    messages: [hi({ tick: 65_535 })],
  },
  { protocol: 'Mumble', preset: 'mumble', header: headers.mumble, options: types(3), hex: '0003 00000004 0a026869' },
  { protocol: 'MySQL X', preset: 'mysqlx', header: headers.mysqlx, options: types(1), hex: '05000000 01 0a026869' },
  { protocol: 'Riak', preset: 'riak', header: headers.riak, options: types(9), hex: '00000005 09 0a026869' },
  { protocol: 'ESPHome', preset: 'esphome', header: headers.esphome, options: types(7), hex: '00 04 07 0a026869' },
  {
    protocol: 'gRPC',
    preset: 'grpc',
    header: headers.grpc,
    options: M,
    hex: '00 00000004 0a026869',
    messages: [hi({ flags: 0 })],
  },
  {
    protocol: 'Tendermint up to 0.34',
    preset: 'tendermint',
    header: headers.tendermint,
    options: M,
    hex: '08 0a026869',
  },
  {
    protocol: 'ttrpc',
    preset: 'ttrpc',
    header: headers.ttrpc,
    options: types(1),
    hex: '00000004 00000001 01 00 0a026869',
    messages: [hi({ stream: 1, flags: 0 })],
  },
]

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

const PAGE = readFileSync(join(__dirname, '../../docs/existing-protocols.md'), 'utf8')

const TFRECORD = framings.find(({ preset }) => preset === 'tfrecord') as Framing

describe('the framings of protocols that exist', () => {
  for (const {
    protocol: name,
    header,
    preset,
    options = {},
    role = 'client',
    preamble,
    hex,
    messages = [HI],
  } of framings) {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    const protocol: Protocol = reflectedProtocol(root.nestedArray[0] as protobuf.Namespace, { ...options, header })
    const [own, table] = [protocol.headers[role], protocol.sent[role]]

    it(`${name}: '${own.text}' reads its bytes, however they are cut, and writes them`, () => {
      for (const { how, chunks } of everySplit(bytes, { random: 10, twoWay: 60 })) {
        const reader = new MessageReader({ ...WITHOUT_LIMITS, header: own, table })
        const list: object[] = []
        for (const chunk of chunks) {
          reader.frames.feed(chunk)
          for (let message = reader.take(); message !== NONE; message = reader.take()) list.push(message)
        }
        reader.frames.finish()
        expect(list.map(plain), how).to.deep.equal(messages.map(plain))
        expect(plain(reader.frames.preamble), how).to.deep.equal(preamble === undefined ? null : plain(preamble))
      }
      const writer = new MessageWriter(own, table, 1000)
      const frames = messages.map((message) => writer.frame(message))
      const written = Buffer.concat([writer.preamble((preamble as never) ?? null), ...frames])
      expect(written.toString('hex')).to.equal(bytes.toString('hex'))
    })

    it(`${name} is in the docs with its line${preset === undefined ? '' : `, headers.${preset}`}`, () => {
      const lines = PAGE.split('\n').filter((line) => line.startsWith(`| ${name} `))
      const texts = typeof header === 'string' ? [header] : Object.values(header)
      for (const text of texts) expect(lines.join('\n')).to.include(`\`${text.replaceAll('|', '\\|')}\``)
      if (preset !== undefined) expect(lines.join('\n')).to.include(`\`${preset}\``)
    })
  }

  it('are all that the docs list, and use every preset', () => {
    const listed = [...PAGE.matchAll(/^\| ([^`|-][^`|]*?) +\|.*\|$/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'protocol')
    expect(new Set(listed)).to.deep.equal(new Set(framings.map(({ protocol }) => protocol)))
    expect(new Set(framings.flatMap(({ preset }) => preset ?? []))).to.deep.equal(
      new Set(Object.keys(headers).filter((name) => name !== 'default')),
    )
  })

  for (const bit of [0, 40, 64, 70, 100, 130, 159]) {
    it(`refuse a TFRecord of which bit ${bit} is turned, with its offset`, () => {
      const record = Buffer.from(TFRECORD.hex.replaceAll(' ', ''), 'hex')
      const turned = Buffer.concat([record, record])
      const at = record.length + (bit >> 3)
      turned[at] = (turned[at] as number) ^ (1 << (bit & 7))
      const protocol: Protocol = reflectedProtocol(root.nestedArray[0] as protobuf.Namespace, {
        header: headers.tfrecord,
        ...M,
      })
      const reader = new MessageReader({ ...WITHOUT_LIMITS, header: protocol.header, table: protocol.sent.client })
      reader.frames.feed(turned)
      expect(plain(reader.take())).to.deep.equal(HI)
      let fault: Partial<QbpError> = {}
      try {
        reader.take()
      } catch (error) {
        fault = error as QbpError
      }
      expect(fault).to.include({ code: 'ERR_QBP_BAD_CHECKSUM', offset: record.length, frame: 1 })
    })
  }
})
