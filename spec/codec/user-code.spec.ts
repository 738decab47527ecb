import { expect } from 'chai'
import protobuf from 'protobufjs'
import { type Protocol, QbpError } from '../../lib/index.ts'
import { reflectedProtocol } from '../support/reflected.ts'

// Code of the user's that runs in the middle of an encode: it may encode and decode itself, and neither message may show
// anything of the other.

const SCHEMA = `syntax = "proto3"; package t;
  enum Colour { NONE = 0; RED = 1; }
  message Inner { string text = 1; uint64 big = 2; map<string, Inner> map = 3; }
  message Other { repeated double numbers = 1; bytes bytes = 2; }
  message All {
    int64 first = 1;
    double double = 2; float float = 3; int32 int32 = 4; uint32 uint32 = 5; sint32 sint32 = 6; fixed32 fixed32 = 7;
    sfixed32 sfixed32 = 8; int64 int64 = 9; uint64 uint64 = 10; sint64 sint64 = 11; fixed64 fixed64 = 12;
    sfixed64 sfixed64 = 13; bool bool = 14; string string = 15; bytes bytes = 16; Colour colour = 17; Inner inner = 18;
    repeated sint64 list = 19; repeated Inner inners = 20; map<uint64, sint64> map = 21; map<string, Inner> by_text = 22;
    fixed64 last = 23;
  }`
const root = protobuf.parse(SCHEMA).root
const make = (int64: 'bigint' | 'long' = 'bigint'): Protocol =>
  reflectedProtocol(root, { header: 'length:varint', message: { body: 'raw' }, package: 't', int64 })
const protocol = make()

const inner = { text: 'inner', big: 2n ** 63n, map: { a: { text: 'é'.repeat(50), big: 1n } } }
const values: Record<string, unknown> = {
  first: -5n,
  double: 1.5,
  float: -0.5,
  int32: -7,
  uint32: 4_000_000_000,
  sint32: -70_000,
  fixed32: 5,
  sfixed32: -5,
  int64: -(2n ** 62n),
  uint64: 2n ** 63n + 1n,
  sint64: -(2n ** 40n),
  fixed64: 2n ** 60n,
  sfixed64: -(2n ** 60n),
  bool: true,
  string: 'outer text of more than forty-two characters, é',
  bytes: Buffer.from('outer bytes'),
  colour: 1,
  inner,
  list: [-1n, 2n ** 50n, -(2n ** 50n)],
  inners: [inner, {}, inner],
  map: { 1: -1n, [String(2n ** 63n)]: 2n ** 51n },
  byText: { x: inner, y: {} },
  last: 2n ** 61n,
}
const whole = Buffer.from(protocol.encode('All', values))
const wholeOther = Buffer.from(protocol.encode('Other', { numbers: [1, 2, 3], bytes: Buffer.alloc(300, 7) }))

/** What the user's code does: other messages, of the same type and another, of this Protocol and one of its own. */
let runs = 0
const own = make('long')
function write(): void {
  runs++
  const large = { first: 77n, string: 'x'.repeat(5_000), list: Array(500).fill(2n ** 33n), map: { 9: 9n } }
  for (const each of [protocol, own]) {
    each.encode('All', large)
    each.encode('All', { first: '-9', uint64: '123456789012345678' }) // These are coerced.
    expect(() => each.encode('All', { list: [1, 'x'] })).to.throw('list[1]')
    expect(() => each.decode('All', Buffer.from('0affffffff0f', 'hex'))).to.throw('does not decode')
    const message = each.decode('All', whole)
    expect(each.encode('All', message).equals(whole)).to.equal(true)
    expect(each.encode('Other', each.decode('Other', wholeOther)).equals(wholeOther)).to.equal(true)
  }
}

/** The message, each property a getter that writes others first. */
function withGetters(of: Record<string, unknown>): Record<string, unknown> {
  const message = {}
  for (const [key, value] of Object.entries(of)) {
    const get = () => {
      write()
      return value
    }
    Object.defineProperty(message, key, { get, enumerable: true })
  }
  return message
}

/** The message as a Proxy, whose every trap writes others first. */
const withTraps = <T extends object>(of: T): T =>
  new Proxy(
    of,
    Object.fromEntries(
      (['get', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'has'] as const).map((trap) => [
        trap,
        (...args: [never, never]) => {
          write()
          return (Reflect[trap] as (...args: unknown[]) => unknown)(...args)
        },
      ]),
    ),
  )

describe('Code of the user’s that runs while a message is encoded', () => {
  for (const [about, message] of Object.entries({
    'in getters': () => withGetters(values),
    'in getters of messages, lists and maps within it': () => ({
      ...values,
      inner: withGetters(inner),
      inners: [withGetters(inner), {}, withGetters({ ...inner, map: withGetters(inner.map) })],
      map: withGetters(values.map as object as Record<string, unknown>),
      byText: withGetters({ x: withGetters(inner), y: {} }),
    }),
    'in a Proxy': () => withTraps(values),
    'in Proxies within it': () => ({
      ...values,
      inner: withTraps(inner),
      list: withTraps(values.list as object),
      inners: withTraps([withTraps(inner), {}, inner]),
      map: withTraps(values.map as object),
      byText: withTraps({ x: withTraps(inner), y: {} }),
    }),
    'in a Long': () => {
      const long = (low: number, high: number) =>
        withGetters({ low, high, unsigned: false, __isLong__: true }) as unknown
      return { ...values, first: long(-5, -1), last: long(0, 2 ** 29), list: [long(-1, -1), 2n ** 50n, -(2n ** 50n)] }
    },
    'in a message that is coerced': () =>
      withGetters({ ...values, first: '-5', colour: 'RED', last: String(2n ** 61n) }),
  })) {
    it(`may encode and decode others ${about}`, () => {
      runs = 0
      expect(Buffer.from(protocol.encode('All', message())).toString('hex')).to.equal(whole.toString('hex'))
      expect(runs).to.be.greaterThan(2)
    })
  }

  it('may do so where a value is refused for what it is', () => {
    runs = 0
    const strange = { [Symbol.toPrimitive]: write, valueOf: write, toString: write, toJSON: write }
    for (const name of Object.keys(values)) {
      expect(() => protocol.encode('All', { ...values, [name]: strange })).to.throw(
        QbpError,
        name === 'byText' ? 'byText' : name,
      )
    }
    expect(protocol.encode('All', values).equals(whole)).to.equal(true)
  })

  it('is believed about no array’s length', () => {
    class Long extends Uint8Array {
      override get length(): number {
        return 5_000
      }
    }
    for (const bytes of [new Long(3), Object.defineProperty(new Uint8Array(3), 'length', { value: 5_000 })])
      expect(protocol.encode('Other', { bytes }).toString('hex')).to.equal('1203000000')
    for (const length of ['2', { valueOf: () => 2 }]) {
      const numbers = new Proxy([1, 2], { get: (list, key) => (key === 'length' ? length : Reflect.get(list, key)) })
      expect(protocol.encode('Other', { numbers }).length).to.equal(18)
    }
  })

  it('is refused, and soon, if it has no end', () => {
    let calls = 0
    const message = {
      get first() {
        calls++
        return protocol.encode('All', message).length
      },
    }
    expect(() => protocol.encode('All', message)).to.throw(QbpError, 'a getter of it writes a message, 32 deep')
    expect(calls).to.be.below(1_000)
    expect(protocol.encode('All', values).equals(whole)).to.equal(true)
  })
})
