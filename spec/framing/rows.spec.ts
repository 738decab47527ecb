// Parts of the layout language one by one, where their edges are: on bytes, every way of cutting them, both ways.

import { expect } from 'chai'
import { Header } from '../../lib/framing/header.ts'
import { MessageReader, NONE, type Policy, WITHOUT_LIMITS } from '../../lib/framing/message-reader.ts'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
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
})
