// Parts of the layout language one by one, where their edges are: on bytes, every way of cutting them, both ways.

import { expect } from 'chai'
import { Header } from '../../lib/framing/header.ts'
import { MessageReader, NONE, type Policy } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { readFrame } from '../../lib/framing/read-frame.ts'
import { WITHOUT_LIMITS } from '../../lib/framing/without-limits.ts'
import { type Protocol, type ProtocolOptions, QbpError } from '../../lib/index.ts'
import { everySplit } from '../../lib/testing/splits.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const ROOT = rootOf(`syntax = "proto3"; package r;
  message M { string text = 1; }
  message Head { string text = 1; uint32 size = 2; Inner inner = 3; uint64 wide = 4; string kind = 5; }
  message Inner { uint64 length = 1; }`)

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** A protocol of the layout, of message M, with the type 1 where there is one. */
const protocolOf = (header: string, options: ProtocolOptions = {}): Protocol =>
  reflectedProtocol(ROOT, {
    package: 'r',
    header,
    ...(/\btype[=:]/.test(header) ? { types: { M: 1 } } : { message: 'M' }),
    ...options,
  })

/** What comes of bytes: messages, and the fault after them. */
function read({ header, sent }: Protocol, chunks: readonly Uint8Array[], policy: Policy = 'error') {
  const settings = { ...WITHOUT_LIMITS, maxBodyBytes: 1000, maxHeaderBytes: 1000, unknown: policy, invalid: policy }
  const reader = new MessageReader({ ...settings, header, table: sent.client })
  const messages: object[] = []
  try {
    for (const chunk of chunks) {
      reader.frames.feed(chunk)
      for (let message = reader.take(); message !== NONE; message = reader.take()) messages.push(message)
    }
    reader.frames.finish()
    return { messages, fault: null }
  } catch (error) {
    expect(error).to.be.instanceOf(QbpError)
    const { code, message, offset, frame } = error as QbpError
    return { messages, fault: { code, message, offset, frame } }
  }
}

/** The same, however the bytes are cut. */
function readAll(protocol: Protocol, bytes: Buffer, policy: Policy = 'error') {
  const whole = read(protocol, [bytes], policy)
  for (const { how, chunks } of everySplit(bytes)) expect(read(protocol, chunks, policy), how).to.deep.equal(whole)
  return whole
}

const writerOf = ({ header, sent }: Protocol) => new MessageWriter(header, sent.client, 1000)

const write = (protocol: Protocol, message: object): string =>
  Buffer.from(writerOf(protocol).frame(message)).toString('hex')

describe('a part of a layout', () => {
  describe('beyond the end that a length gives its frame', () => {
    for (const [layout, hex] of [
      ['length(rest):u8 a:u32 body', '02 01020304 0a00'],
      ['length(rest):u8 0xcafe body a:u8', '01 ca00 00'],
      ['length(rest):u8 a:varint body b:u8', '02 808001 00'],
      ['length(rest):u8 length(Head):u8 {Head} body', '03 05 0a03616263'],
      ['length(frame):u8 a:bytes(4) body', '03 01020304'],
      ['length(rest):u8 a:dec 0x3b body', '02 313233 3b'],
      ['length(rest):u8 ( length:u8 body )?', '02 05 0a03616263'],
      ['length(rest):u8 body a:u16', '01 0000'],
    ] as const) {
      it(`is one and the same fault, however the bytes are cut: ${layout}`, () => {
        const { messages, fault } = readAll(protocolOf(layout), bytesOf(hex))
        expect(messages).to.deep.equal([])
        expect(fault).to.include({ code: 'ERR_QBP_BAD_LENGTH', offset: 0, frame: 0 })
      })
    }
  })

  it('that is a section which does not decode arrives as bytes, and is written from them', () => {
    const protocol = protocolOf('length(Head):u8 {Head} length:u8')
    const hex = '0200ff' + '020a00'
    const { messages, fault } = readAll(protocol, bytesOf(hex), 'raw')
    expect(fault).to.equal(null)
    expect(messages).to.have.length(1)
    expect(messages[0]).to.deep.include({ $name: null, $header: { Head: bytesOf('00ff') } })
    expect(write(protocol, messages[0] as object)).to.equal(hex.toLowerCase())
  })

  it('that is a section may be written as bytes, unless the header fills a field of it in', () => {
    expect(write(protocolOf('length(Head):u8 {Head} length:u8'), { $header: { Head: bytesOf('0a0161') } })).to.equal(
      '030a016100',
    )
    const protocol = protocolOf('length(Head):u8 {Head} length=Head.size')
    expect(() => write(protocol, { $header: { Head: bytesOf('0a0161') } }))
      .to.throw(QbpError, '$header.Head is bytes; it must be a message')
      .with.property('code', 'ERR_QBP_INVALID_MESSAGE')
  })

  it('that is a length in a message of a section leaves that one out where it counts nothing', () => {
    const protocol = protocolOf('length(Head):u8 {Head} length=Head.inner.length')
    const frame = bytesOf(write(protocol, { $name: 'M' }))
    expect(frame.toString('hex')).to.equal('00')
    expect(readAll(protocol, frame).messages).to.have.length(1)
    expect(write(protocol, { $name: 'M', text: 'a' })).to.equal('04' + '1a020803' + '0a0161')
  })

  describe('with a value to begin with', () => {
    for (const [layout, hex, changed, other] of [
      ['version:u8=3 length:u8', '0300', { version: 4 }, '0400'],
      ['length:u8 v:u64le=18446744073709551615', '00ffffffffffffffff', { v: 1n }, '000100000000000000'],
      ['v:zigzag=-2 length:u8', '0300', { v: 0 }, '0000'],
      ['v:varint=300 length(frame):u8', 'ac0203', { v: 1 }, '0102'],
      ['[version:4=1 length:28]:u32le', '00000010', { version: 2 }, '00000020'],
      ['v:hex8=255 length:u8 body 0x00', '303030303030464600' + '00', { v: 0 }, '303030303030303000' + '00'],
    ] as const) {
      it(`is written so where nothing is given, compiled or not: ${layout}`, () => {
        const protocol = protocolOf(layout)
        expect(write(protocol, { $name: 'M' })).to.equal(hex)
        expect(write(protocol, { $name: 'M', $header: changed })).to.equal(other)
        expect(readAll(protocol, bytesOf(hex)).messages).to.have.length(1)
        const interpreted = new Header(layout, { isInterpreted: true })
        expect(Buffer.from(new MessageWriter(interpreted, protocol.sent.client, 9).frame({})).toString('hex')).to.equal(
          hex,
        )
      })
    }

    for (const [layout, problem] of [
      ['v:u8=256 length:u8', 'v=256 does not fit u8, which holds integers of 0 to 255'],
      ['v:u8=-1 length:u8', 'v=-1 does not fit u8'],
      ['[v:4=16 length:4]:u8', 'v=16 does not fit 4 bits'],
      ['length:u8=4', 'only a field of your own'],
      ['type:u8=4 length:u8', 'only a field of your own'],
      ['length:u8 crc32(body):u32=4', 'only a field of your own'],
      ['v:u8=x length:u8', "'v:u8=x'"],
    ] as const) {
      it(`is refused: ${layout}`, () => {
        expect(() => protocolOf(layout))
          .to.throw(QbpError, problem)
          .with.property('code', 'ERR_QBP_BAD_LAYOUT')
      })
    }
  })

  /** Bytes that are one message, both ways, however they are cut: compiled where the layout is plain, and interpreted. */
  for (const [what, layout, hex, header, text = ''] of [
    ['bits of odd widths', '[a:1 b:3 length:5 c:7]:u16', '9207' + '0a026869', { a: 1, b: 1, c: 7 }, 'hi'],
    ['bits in 24, little-endian', '[a:5 length:11 b:8]:u24le', 'aa0400' + '0a026869', { a: 0, b: 0xaa }, 'hi'],
    ['bits of 53 and 11', '[a:53 length:11]:u64', 'fffffffffffff804' + '0a026869', { a: 2 ** 53 - 1 }, 'hi'],
    [
      'bits of 54, which are a bigint',
      '[a:54 length:10]:u64le',
      '04fcffffffffffff' + '0a026869',
      { a: 2n ** 54n - 1n },
      'hi',
    ],
    ['the type in bits', '[type:3 length:29]:u32le', '04000020' + '0a026869', undefined, 'hi'],
    ['a u64 length', 'length:u64le', '0400000000000000' + '0a026869', undefined, 'hi'],
    ['a length as text', 'length:dec 0x0d0a', '34' + '0d0a' + '0a026869', undefined, 'hi'],
    ['hex8 in capitals', 'length:hex8 v:hex8', '30303030303030343030303030304246' + '0a026869', { v: 191 }, 'hi'],
    ['a section of zero bytes', 'length(Head):u8 {Head} length:u8', '00' + '04' + '0a026869', { Head: {} }, 'hi'],
    ['own bytes of zero', 'length(a):u8 a:bytes length:u8', '00' + '04' + '0a026869', { a: '' }, 'hi'],
    [
      'an optional group that is there',
      'length(rest):u8 length:u8 body ( a:u8 b:bytes )?',
      '08' + '04' + '0a026869' + '07' + 'beef',
      { a: 7, b: 'beef' },
      'hi',
    ],
    [
      'groups, one after the other',
      'length(rest):u8 length:u8 body ( a:u8 )? ( b:u8 )?',
      '06' + '04' + '0a026869' + '07',
      { a: 7 },
      'hi',
    ],
    [
      'a group in a group',
      'length(rest):u8 ( length:u8 body ( a:u8 )? )?',
      '06' + '04' + '0a026869' + '07',
      { a: 7 },
      'hi',
    ],
    [
      'a body in the middle',
      'length(frame):u8 body tail:u16le 0xff',
      '08' + '0a026869' + '0100' + 'ff',
      { tail: 1 },
      'hi',
    ],
    ['a zigzag that counts the frame', 'length(frame):zigzag', '0a' + '0a026869', undefined, 'hi'],
    [
      'a sum with a number',
      'length(Head+body+2):u8 length(Head):u8 {Head} body',
      '06' + '00' + '0a026869',
      { Head: {} },
      'hi',
    ],
  ] as [string, string, string, Record<string, unknown> | undefined, string?][]) {
    it(`is read and written: ${what}, ${layout}`, () => {
      const protocol = protocolOf(layout)
      const { messages, fault } = readAll(protocol, bytesOf(hex))
      expect(fault).to.equal(null)
      expect(messages).to.have.length(1)
      const [message] = messages as [{ $header?: Record<string, unknown>; text: string }]
      expect(message.text).to.equal(text)
      for (const [name, value] of Object.entries(header ?? {})) {
        const found = message.$header?.[name]
        if (typeof value === 'object') expect(found).to.be.an('object')
        else expect(found instanceof Uint8Array ? Buffer.from(found).toString('hex') : found, name).to.equal(value)
      }
      expect(write(protocol, message)).to.equal(hex.toLowerCase())
      const section = (name: string) => protocol.messageType(name)
      const interpreted = new Header(layout, { isInterpreted: true, section })
      const settings = { ...WITHOUT_LIMITS, header: interpreted, table: protocol.sent.client }
      expect(readFrame(new MessageReader(settings), bytesOf(hex))).to.deep.equal(message)
      const byHand = new MessageWriter(interpreted, protocol.sent.client, 1000)
      expect(Buffer.from(byHand.frame(message)).toString('hex')).to.equal(hex.toLowerCase())
    })
  }

  for (const [what, layout, hex, code, messages = 0] of [
    ['a u64 length of 2**53', 'length:u64', '0020000000000000', 'ERR_QBP_BAD_LENGTH'],
    ['a u64 length of 2**53 - 1', 'length:u64', '001fffffffffffff', 'ERR_QBP_TOO_LONG'],
    ['a u64 length of 2**64 - 1', 'length:u64le', 'ffffffffffffffff', 'ERR_QBP_BAD_LENGTH'],
    ['a u64 type over 2**53', 'type:u64 length:u8', '8000000000000001' + '00', 'ERR_QBP_BAD_LENGTH'],
    ['a length as text with a sign', 'length:dec 0x0a', '2b34' + '0a', 'ERR_QBP_BAD_CONSTANT'],
    ['a length as text with a minus', 'length:dec 0x0a', '2d34' + '0a', 'ERR_QBP_BAD_CONSTANT'],
    ['a length as text with a space', 'length:dec 0x0a', '2034' + '0a', 'ERR_QBP_BAD_CONSTANT'],
    ['no digit', 'length:dec 0x0a', '0a', 'ERR_QBP_BAD_CONSTANT'],
    ['seventeen zeros', 'length:dec 0x0a', `${'30'.repeat(17)}0a`, 'ERR_QBP_BAD_VARINT'],
    ['hex8 with a sign', 'length:hex8', '2b30303030303030', 'ERR_QBP_BAD_CONSTANT'],
    ['hex8 of 0x', 'length:hex8', '3078303030303030', 'ERR_QBP_BAD_CONSTANT'],
    ['a negative zigzag length', 'length:zigzag', '01', 'ERR_QBP_BAD_LENGTH'],
    ['a negative zigzag type', 'type:zigzag length:u8', '0100', 'ERR_QBP_BAD_LENGTH'],
    [
      'a group cut in its middle',
      'length(rest):u8 length:u8 body ( a:u32 )?',
      '03' + '00' + '0102',
      'ERR_QBP_BAD_LENGTH',
    ],
    [
      'a group without its length',
      'length(rest):u8 ( length(Head):u16 {Head} length:u8 body )?',
      '01' + '00',
      'ERR_QBP_BAD_LENGTH',
    ],
    ['bytes after a group', 'length(rest):u8 length:u8 body ( a:u8 )?', '03' + '00' + '0102', 'ERR_QBP_BAD_LENGTH'],
    [
      'a checksum over named parts',
      'length(Head):u8 length:u8 {Head} body crc32(Head+body):u32',
      '00' + '04' + '0a026869' + '00000000',
      'ERR_QBP_BAD_CHECKSUM',
    ],
    ['a checksum over itself and more', 'length:u8 crc32(frame):u32', '00' + '00000000', 'ERR_QBP_BAD_CHECKSUM'],
    ['a type that is not listed', 'type:u8 length:u8', '0900', 'ERR_QBP_UNKNOWN_TYPE'],
    [
      'two ends that do not agree',
      'length(frame):u8 length(rest):u8 body',
      '05' + '04' + '0a026869',
      'ERR_QBP_BAD_LENGTH',
    ],
    [
      'a length in a section over the limit',
      'length(Head):u8 {Head} length=Head.wide',
      '03' + '20e80f',
      'ERR_QBP_TOO_LONG',
    ],
    [
      'a length in a section of 2**64 - 1',
      'length(Head):u8 {Head} length=Head.wide',
      '0b' + '20ffffffffffffffffff01',
      'ERR_QBP_BAD_LENGTH',
    ],
    [
      'a section that does not decode, with a length in it',
      'length(Head):u8 {Head} length=Head.size',
      '01' + 'ff',
      'ERR_QBP_INVALID_BODY',
    ],
    ['a section over maxHeaderBytes', 'length(Head):u16 {Head} length:u8', '03e9', 'ERR_QBP_TOO_LONG'],
    ['a preamble that is another', '"QB" | length:u8', '5143', 'ERR_QBP_BAD_CONSTANT'],
  ] as [string, string, string, string, number?][]) {
    it(`is one fault however it is cut: ${what}, ${layout}`, () => {
      const { messages: found, fault } = readAll(protocolOf(layout), bytesOf(hex))
      expect(fault?.code).to.equal(code)
      expect(found).to.have.length(messages)
      expect(fault).to.include({ offset: 0, frame: 0 })
    })
  }

  it('is truncated at each byte of a preamble, and of a frame after it', () => {
    const protocol = protocolOf('"QB" v:u16 length(Head):varint {Head} | 0xca length:u8')
    const writer = writerOf(protocol)
    const preamble = writer.preamble({ v: 3, Head: { text: 'x'.repeat(200) } })
    const stream = Buffer.concat([preamble, writer.frame({ text: 'hi' })])
    for (let length = 1; length < stream.length; length++) {
      const { messages, fault } = read(protocol, [stream.subarray(0, length)])
      expect(messages).to.deep.equal([])
      if (length === preamble.length) expect(fault).to.equal(null)
      else expect(fault, String(length)).to.include({ code: 'ERR_QBP_TRUNCATED' })
    }
    expect(readAll(protocol, stream).messages).to.have.length(1)
  })

  it('that is a type as text may be one that is not listed', () => {
    const protocol = protocolOf('length(Head):u8 {Head} type=Head.kind length:u8', {
      types: { M: { type: 'm', message: 'M' } },
      unknown: 'raw',
    })
    for (const hex of ['03' + '2a017a' + '01' + 'aa', '00' + '01' + 'aa']) {
      const { messages, fault } = readAll(protocol, bytesOf(hex), 'raw')
      expect(fault).to.equal(null)
      expect(messages[0]).to.deep.include({ $name: null, type: hex.startsWith('03') ? 'z' : '' })
      expect(write(protocol, messages[0] as object)).to.equal(hex)
    }
    const absent = protocolOf('length(rest):u8 length:u8 body ( length(Head):u8 {Head} type=Head.kind )?', {
      types: { M: { type: 'm', message: 'M' } },
      unknown: 'raw',
    })
    const { messages, fault } = readAll(absent, bytesOf('0201aa'), 'raw')
    expect(fault).to.equal(null)
    expect(write(absent, messages[0] as object)).to.equal('0201aa')
  })
})
