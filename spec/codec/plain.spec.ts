import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import { typeOf } from '../../lib/codec/type.ts'
import { type Int64Kind, type Message, type Protocol, plain, RawMessage } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const SCHEMA = `syntax = "proto2"; package t;
  enum Colour { RED = 3; GREEN = 4; }
  message Inner { optional int32 n = 1 [default = 7]; optional Inner inner = 2; }
  message M {
    optional string text = 1; optional int64 big = 2 [default = -5]; optional bytes bytes = 3 [default = "\\001"];
    optional Colour colour = 4; optional Inner inner = 5; repeated Inner list = 6; map<string, Inner> map = 7;
    oneof choice { string a = 8; Inner b = 9; uint64 c = 10; bytes d = 11; bool e = 12; }
    optional bool toJSON = 13; map<uint64, sint64> numbers = 14; repeated int64 bigs = 15; optional string __proto__ = 16;
  }`
const make = (int64: Int64Kind = 'bigint'): Protocol =>
  reflectedProtocol(rootOf(SCHEMA), { header: 'length:varint', message: 'M', package: 't', int64 })
const protocol = make()
const read = (message: object): Message => protocol.decode('M', protocol.encode('M', message))

describe('plain()', () => {
  it('makes every default an own property', () => {
    const none = plain(read({}))
    expect(Object.getPrototypeOf(none)).to.equal(Object.prototype)
    deepStrictEqual(none, {
      text: '',
      big: -5n,
      bytes: Buffer.from([1]),
      colour: 3,
      inner: null,
      list: [],
      map: {},
      a: '',
      b: null,
      c: 0n,
      d: Buffer.alloc(0),
      e: false,
      toJSON: false,
      numbers: {},
      bigs: [],
      _Proto__: '',
      choice: undefined,
      $name: 'M',
    })
  })

  it('makes messages within it plain, too: in fields, lists, maps and oneofs', () => {
    const inner = { n: 7, inner: null }
    const message = plain(
      read({ inner: { inner: {} }, list: [{}, {}], map: { x: {}, ['__proto__']: {} }, b: {} }),
    ) as never
    const { inner: own, list, map, b, choice } = message as Record<string, Record<string, unknown>>
    deepStrictEqual(own, { n: 7, inner })
    deepStrictEqual(list, [inner, inner])
    expect(Object.keys(map as object)).to.deep.equal(['x', '__proto__'])
    deepStrictEqual([b, choice], [inner, 'b'])
  })

  it('is whole in a spread, a clone, and JSON', () => {
    const message = plain(read({ big: 2n ** 60n, map: { x: { n: 1 } }, numbers: { 5: -1n } }))
    deepStrictEqual({ ...message }, message)
    const clone = structuredClone(plain(make().decode('Inner', Buffer.from('1200', 'hex'))))
    deepStrictEqual(clone, { n: 7, inner: { n: 7, inner: null }, $name: 'Inner' })
    const { toJSON: _, ...rest } = message as unknown as Record<string, unknown>
    expect(() => JSON.stringify(rest)).to.throw('BigInt')
    const json = JSON.parse(JSON.stringify(plain(make().decode('Inner', Buffer.alloc(0)))))
    expect(json).to.deep.equal({ n: 7, inner: null, $name: 'Inner' })
  })

  it('may be written, a oneof as it says which is set', () => {
    for (const sent of [{}, { a: 'x' }, { a: '' }, { b: {} }, { c: 0n }, { d: Buffer.alloc(0) }, { e: true }]) {
      const message = plain(read(sent))
      const again = protocol.decode('M', protocol.encode('M', message))
      expect([sent, again.choice]).to.deep.equal([sent, Object.keys(sent)[0]])
    }
    for (const int64 of ['long', 'number'] as const) {
      const other = make(int64)
      const again = other.decode('M', other.encode('M', plain(other.decode('M', protocol.encode('M', { c: 9n })))))
      expect([again.choice, String(again.c)]).to.deep.equal(['c', '9'])
    }
  })

  it('loses nothing of a oneof that was changed since', () => {
    const message = Object.assign(plain(read({ a: 'x' })), { c: 5n })
    expect(() => protocol.encode('M', message)).to.throw('of the oneof choice only one can be')
  })

  it('shares no list and no map with the message, and keeps unknown fields', () => {
    const message = protocol.decode('M', Buffer.from('32020807a2060101', 'hex'))
    const copy = plain(message)
    copy.list.push({})
    copy.map.x = {}
    expect([message.list.length, Object.keys(message.map)]).to.deep.equal([1, []])
    expect(protocol.encode('M', copy).toString('hex')).to.match(/a2060101$/)
  })

  it('leaves what is no message as it is', () => {
    const raw = new RawMessage('Raw', 5, Buffer.from('b'))
    deepStrictEqual(plain(raw), { $name: 'Raw', type: 5, body: Buffer.from('b') })
    expect(typeOf(raw)).to.equal(undefined)
    for (const value of [5, null, 'text', { a: 1 }]) expect(plain(value as object)).to.equal(value)
  })
})
