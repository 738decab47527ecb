import { expect } from 'chai'
import protobuf from 'protobufjs'
import { isLong, type LongClass } from '../../lib/codec/int64.ts'
import { UNKNOWN } from '../../lib/codec/wire.ts'
import { type Protocol, QbpError } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'
import { Bodies, messagesOf, rootOf, schemas } from '../support/every.ts'
import { reflectedProtocol } from '../support/reflected.ts'

const BODIES = Number(process.env.QBP_FUZZ_BODIES ?? 30_000)
const SEED = Number(process.env.QBP_FUZZ_SEED ?? 1)

type Plain = Record<string, unknown>
type MapField = protobuf.Field & { keyType: string }

const load = (text: string, name = 't', int64: 'bigint' | 'long' | 'number' = 'bigint'): Protocol =>
  reflectedProtocol(rootOf(text).lookup(name) as protobuf.Namespace, {
    header: 'length:varint',
    message: { body: 'raw' },
    int64,
  })

/** Every message of the schemas, with Qbp's protocol and protobufjs's type. */
const everyMessage = (int64: 'bigint' | 'long') =>
  Object.values(schemas).flatMap((text) => {
    const root = rootOf(text)
    const protocol = load(text, root.nestedArray[0]?.name, int64)
    return messagesOf(root).map((type) => ({ protocol, type, name: type.fullName.slice(1) }))
  })

function refusal(act: () => unknown): QbpError {
  let result: unknown
  try {
    result = act()
  } catch (error) {
    expect(error).to.be.instanceOf(QbpError)
    return error as QbpError
  }
  throw new Error(
    `It was not refused, but ${result instanceof Uint8Array ? Buffer.from(result).toString('hex') : result}`,
  )
}

/** Where a value stands in a message. */
interface Place {
  holder: Plain
  key: string
  path: string
  /** null for the message itself, which can have a key too many. */
  field: protobuf.Field | null
  /** Of a list's item or a map's value. */
  inner: boolean
}

/** The same message in other words: plain objects, 64-bit integers in any of their forms, enums by name. */
function reword(bodies: Bodies, type: protobuf.Type, message: Plain, path: string, places: Place[]): Plain {
  const plain: Plain = bodies.below(2) === 0 ? Object.create(null) : {}
  places.push({ holder: plain, key: 'not a field', path: join(path, 'not a field'), field: null, inner: false })
  for (const field of type.fieldsArray) {
    const { name } = field
    if (!Object.hasOwn(message, name)) {
      if (bodies.below(8) === 0 && !field.required) plain[name] = bodies.pick([null, undefined])
      continue
    }
    const value = message[name]
    const place = join(path, name)
    const one = (holder: Plain, key: string, item: unknown, at: string, inner: boolean): void => {
      places.push({ holder, key, path: at, field, inner })
      holder[key] =
        field.resolvedType instanceof protobuf.Type
          ? reword(bodies, field.resolvedType, item as Plain, at, places)
          : inOtherWords(bodies, field, item)
    }
    if (!field.repeated && !field.map) {
      one(plain, name, value, place, false)
      continue
    }
    places.push({ holder: plain, key: name, path: place, field, inner: false })
    const many: Plain = field.map ? {} : ([] as unknown as Plain)
    plain[name] = many
    for (const [key, item] of Object.entries(value as Plain)) {
      if (field.map && key === '__proto__') continue // An assignment would not make it an own key.
      one(many, key, item, field.map ? `${place}[${JSON.stringify(key)}]` : `${place}[${key}]`, true)
    }
  }
  const unknown = (message as { [UNKNOWN]?: string })[UNKNOWN]
  return unknown === undefined ? plain : Object.assign(plain, { [UNKNOWN]: unknown })
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

function inOtherWords(bodies: Bodies, field: protobuf.Field, value: unknown): unknown {
  if (bodies.below(2) === 0) return value
  if (field.resolvedType instanceof protobuf.Enum) {
    return bodies.pick([value, BigInt(value as number), field.resolvedType.valuesById[value as number] ?? value])
  }
  if (/int|fixed/.test(field.type)) {
    const text = String(value)
    const unsigned = field.type === 'uint64' || field.type === 'fixed64'
    const forms: unknown[] = [text, BigInt(text)]
    if (field.type.endsWith('64')) forms.push(longOf(BigInt(text), unsigned))
    if (Number.isSafeInteger(Number(text))) forms.push(Number(text))
    return bodies.pick(forms)
  }
  if (field.type === 'bytes') return new Uint8Array(value as Buffer)
  return value
}

const Long = protobuf.util.Long as unknown as LongClass
const longOf = (value: bigint, unsigned: boolean) =>
  new Long(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)), unsigned)

class Stranger {
  x = 1
}
const NO_OBJECTS = [
  5,
  'text',
  true,
  5n,
  [],
  new Map(),
  new Set(),
  new Stranger(),
  new Date(),
  () => 1,
  Buffer.from('x'),
]
const NO_SMALL = [
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  'x',
  '1.5',
  '',
  ' 1',
  '0x1',
  true,
  {},
  [],
  2n ** 64n,
  '-',
  '1e3',
]
const BAD: Record<string, unknown[]> = {
  signed32: [...NO_SMALL, 2 ** 31, -(2 ** 31) - 1, 2n ** 31n, '2147483648'],
  unsigned32: [...NO_SMALL, -1, 2 ** 32, -1n, '4294967296', '-1'],
  signed64: [
    ...NO_SMALL,
    2 ** 53,
    -(2 ** 53),
    2n ** 63n,
    -(2n ** 63n) - 1n,
    new Long(0, -1, true),
    '9223372036854775808',
  ],
  unsigned64: [...NO_SMALL, 2 ** 53, -1, -1n, '-1', new Long(-1, -1, false), '18446744073709551616'],
  bool: [0, 1, 'true', 1n, {}, []],
  string: [5, true, 5n, {}, ['a'], Buffer.from('a'), '\ud800', 'a\udc00b', `${'x'.repeat(50)}\ud83d`, new String('x')],
  bytes: ['text', 5, [1, 2], {}, new ArrayBuffer(2), new Uint16Array(2), true],
  float: ['1', 1n, true, 1e39, -3.5e38, {}, [1]],
  double: ['1', 1n, true, {}, [1]],
  enum: [1.5, 2 ** 31, 'NO_SUCH_NAME', Number.NaN, {}, true, 2n ** 40n],
  closed: [99, 99n, '99', -1],
  message: NO_OBJECTS,
  list: [5, 'text', true, {}, new Set([1]), { length: 1, 0: 1 }, new Uint8Array(1), new Map()],
  map: NO_OBJECTS,
}
const BAD_KEYS: Record<string, string[]> = {
  string: ['\ud800'],
  bool: ['1', 'TRUE', ''],
  int32: ['x', '1.0', '01', ' 1', '2147483648', '', '1e3'],
  uint32: ['-1', '4294967296', '+1'],
  int64: ['9223372036854775808', '1n', '01', ''],
  uint64: ['18446744073709551616', '-1'],
}

const sizeOf = (type: string): string =>
  type.endsWith('64')
    ? /^(u|f)/.test(type)
      ? 'unsigned64'
      : 'signed64'
    : /^(u|f)/.test(type)
      ? 'unsigned32'
      : 'signed32'

function badValues({ field, inner }: Place): unknown[] {
  if (field === null) return [1, 0, 'text', {}, false]
  if (field.map && !inner) return BAD.map as unknown[]
  if (field.repeated && !inner) return BAD.list as unknown[]
  const none = inner ? [undefined, null] : []
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) return [...none, ...(BAD.message as unknown[])]
  if (resolvedType instanceof protobuf.Enum) {
    const closed = (resolvedType as unknown as { _features: { enum_type: string } })._features.enum_type === 'CLOSED'
    return [...none, ...(BAD.enum as unknown[]), ...(closed ? (BAD.closed as unknown[]) : [])]
  }
  return [...none, ...((BAD[field.type] ?? BAD[sizeOf(field.type)]) as unknown[])]
}

describe('an encoder', () => {
  it(`writes the bytes that protobufjs writes, and whatever words they are in: ${BODIES.toLocaleString('en')} messages`, function () {
    this.timeout(0)
    const bodies = new Bodies(randomNumbers(SEED), true)
    const all = everyMessage('long').concat(everyMessage('bigint'))
    let encoded = 0
    for (let n = 0; n < BODIES; n++) {
      const { protocol, type, name } = bodies.pick(all)
      const body = Buffer.from(bodies.body(type))
      let message: Plain
      let theirs: Buffer
      try {
        message = protocol.decode(name, body)
        const reader = protobuf.Reader.create(body)
        reader.discardUnknown = false
        theirs = Buffer.from(type.encode(type.decode(reader)).finish())
      } catch {
        continue // What is a body at all is the decoder's spec.
      }
      encoded++
      const ours = protocol.encode(name, message)
      const context = `${name} ${body.toString('hex')}`
      if (!ours.equals(theirs)) expectEquivalent(type, ours, theirs, context)
      const again = protocol.encode(name, protocol.decode(name, ours))
      if (!again.equals(ours)) expectEquivalent(type, again, ours, context)
      const places: Place[] = []
      const words = protocol.encode(name, reword(bodies, type, message, '', places))
      if (!words.equals(ours) && !body.includes('__proto__')) expectEquivalent(type, words, ours, context)
    }
    expect(encoded / BODIES).to.be.within(0.4, 1)
  })

  it(`refuses one wrong value anywhere, by its path: ${(BODIES / 4).toLocaleString('en')} messages`, function () {
    this.timeout(0)
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    const bodies = new Bodies(randomNumbers(SEED + 1))
    const all = everyMessage('bigint')
    try {
      for (let n = 0; n < BODIES / 4; n++) {
        const { protocol, type, name } = bodies.pick(all)
        const body = Buffer.from(bodies.body(type))
        let message: Plain
        try {
          message = protocol.decode(name, body)
        } catch {
          continue
        }
        const places: Place[] = []
        const plain = reword(bodies, type, message, '', places)
        const place = bodies.pick(places)
        const { field, inner } = place
        let { path } = place
        if (field?.map && !inner && bodies.below(2) === 0) {
          const { keyType } = field as MapField
          const key = bodies.pick(
            BAD_KEYS[keyType] ??
              BAD_KEYS[
                { sint32: 'int32', sfixed32: 'int32', fixed32: 'uint32', fixed64: 'uint64' }[keyType] ?? 'int64'
              ] ??
              [],
          )
          const value =
            field.resolvedType instanceof protobuf.Enum ? 1 : field.resolvedType ? {} : field.type === 'string' ? '' : 0
          place.holder[place.key] = { [key]: value }
          path = `${path}[${JSON.stringify(key)}]`
        } else place.holder[place.key] = bodies.pick(badValues(place))
        const context = `${name} ${body.toString('hex')}: ${path} = ${String(place.holder[place.key])}`
        let error: unknown
        try {
          protocol.encode(name, plain)
        } catch (caught) {
          error = caught
        }
        if (!(error instanceof QbpError) || error.code !== 'ERR_QBP_INVALID_MESSAGE' || error.field !== path) {
          expect(error, context).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field: path })
        }
      }
    } finally {
      Error.stackTraceLimit = limit
    }
  })
})

/** Bytes may differ in the order of map entries (64-bit keys are hashes to protobufjs), and in what a NaN carries. */
function expectEquivalent(type: protobuf.Type, ours: Buffer, theirs: Buffer, context: string): void {
  const read = (bytes: Buffer) => type.toObject(type.decode(bytes), { longs: String, defaults: false })
  expect(ours.length, context).to.equal(theirs.length)
  expect(read(ours), context).to.deep.equal(read(theirs))
}

const KINDS = `syntax = "proto2"; package t;
  message Every { ${['double', 'float', 'int32', 'uint32', 'int64', 'uint64', 'bool', 'string', 'bytes']
    .map((type, i) => `optional ${type} ${type}_ = ${i + 1};`)
    .join(' ')}
    repeated string list = 20; map<string, Inner> map = 21; optional Inner inner = 22; repeated Inner many = 23;
    repeated int32 packed = 24 [packed = true]; }
  message Inner { required int32 a = 1; optional Every every = 2; oneof which { int32 x = 3; string y = 4; } }
  message Chain { optional Chain next = 1; repeated Chain list = 2; map<string, Chain> map = 3; optional group Group = 4 { optional Chain chain = 1; } }`

describe('a message', () => {
  const protocol = load(KINDS)
  const written = (name: string, message: object): Plain => protocol.decode(name, protocol.encode(name, message))

  it('is read back as it was written: floats to single precision, -0 as 0 in integers, nothing as the default', () => {
    const every = written('Every', { float_: 0.1, double_: -0, int32_: -0, int64_: -0, uint64_: '0', string_: null })
    expect(every.float_).to.equal(Math.fround(0.1))
    expect(Object.is(every.double_, -0)).to.equal(true)
    expect(Object.is(every.int32_, 0)).to.equal(true)
    expect(every.int64_).to.equal(0n)
    expect(every.string_).to.equal('')
    expect(Object.keys(every)).to.deep.equal(['$name', 'double_', 'float_', 'int32_', 'int64_', 'uint64_'])
  })

  it('takes NaN, the infinities and the largest float in floats and doubles', () => {
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      3.4028234663852886e38,
      1e-50,
    ]) {
      expect(written('Every', { float_: value }).float_).to.deep.equal(Math.fround(value))
      expect(written('Every', { double_: value }).double_).to.deep.equal(value)
    }
    expect(refusal(() => protocol.encode('Every', { float_: 3.5e38 }))).to.include({ field: 'float_' })
  })

  it('is refused with the path of what is wrong with it', () => {
    const faults: [message: object, field: string, problem: RegExp][] = [
      [
        { inner: { a: 1, every: { many: [{ a: 1 }, { a: 1, every: { int32_: 1.5 } }] } } },
        'inner.every.many[1].every.int32_',
        /is 1.5, not an integer of -2147483648 to 2147483647/,
      ],
      [{ map: { k: { a: 1, y: 5 } } }, 'map["k"].y', /is 5, not a string/],
      [{ map: { '"': {} } }, 'map["\\""].a', /is required and missing/],
      [{ many: Object.assign(new Array(3), { 0: { a: 1 } }) }, 'many[1]', /is undefined, not a Inner/],
      [{ packed: Object.assign(new Array(3), { 0: 1, 2: 2 }) }, 'packed[1]', /is undefined/],
      [{ list: [undefined] }, 'list[0]', /is undefined, not a string/],
      [{ inner: { a: 1, x: 1, y: 'both' } }, 'inner.y', /is set beside x/],
      [{ inner: { a: 1, nope: 1 } }, 'inner.nope', /is no field of Inner, which has a, every, x, y/],
      [{ map: new Map([['k', { a: 1 }]]) }, 'map', /is a Map, not a plain object/],
      [{ inner: Object.create({ a: 1 }) }, 'inner', /not a Inner: give a plain object or a received message/],
      [{ list: 'abc' }, 'list', /is "abc", not an array/],
      [{ string_: 'x\ud800' }, 'string_', /lone surrogate/],
      [{ map: { '\ud800': { a: 1 } } }, 'map["\\ud800"]', /key/],
      [{ int64_: 2 ** 53 }, 'int64_', /a safe integer: beyond 2\*\*53 - 1 give a bigint/],
    ]
    for (const [message, field, problem] of faults) {
      const error = refusal(() => protocol.encode('Every', message))
      expect(error).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field, messageName: error.messageName })
      expect(error.message).to.match(problem)
    }
  })

  it('may be what a getter gives; one that throws is refused by its path', () => {
    const lazy = {
      get int32_() {
        return 7
      },
    }
    expect(protocol.encode('Every', lazy).toString('hex')).to.equal('1807')
    const cause = new Error('not today')
    const fail = () => {
      throw cause
    }
    const throwing = Object.defineProperty({}, 'int32_', { get: fail, enumerable: true })
    for (const [message, field] of [
      [throwing, 'int32_'],
      [{ inner: { a: 1, every: throwing } }, 'inner.every.int32_'],
      [{ packed: Object.defineProperty([1, 2], 1, { get: fail, enumerable: true }) }, 'packed[1]'],
      [{ map: Object.defineProperty({}, 'k', { get: fail, enumerable: true }) }, 'map["k"]'],
    ] as const) {
      const error = refusal(() => protocol.encode('Every', message))
      expect(error).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field, cause })
    }
  })

  it('may be a Proxy, but not one that is something else each time', () => {
    expect(protocol.encode('Every', new Proxy({ int32_: 7 }, {})).toString('hex')).to.equal('1807')
    expect(protocol.encode('Every', { list: new Proxy(['a'], {}) }).toString('hex')).to.equal('a2010161')
    let n = 0
    const fickle = Object.defineProperty({}, 'inner', {
      get: () => (n++ % 2 === 0 ? { a: '1' } : { a: 1 }),
      enumerable: true,
    })
    expect(written('Every', fickle)).to.have.property('inner')
    const growing = [1]
    const list = new Proxy(growing, {
      get(target, key) {
        if (key === '0') growing.push(1)
        return Reflect.get(target, key)
      },
    })
    try {
      expect((written('Every', { packed: list }).packed as []).length).to.be.greaterThan(0)
    } catch (error) {
      expect(error).to.include({ code: 'ERR_QBP_INVALID_MESSAGE' })
    }
  })

  it('is no one’s but its own: enumerable keys on Object.prototype are nobody’s fields', () => {
    let bytes: Buffer
    Object.defineProperty(Object.prototype, 'polluted', { value: 1, enumerable: true, configurable: true })
    try {
      bytes = protocol.encode('Every', { int32_: 7, inner: { a: 1 }, map: { k: { a: '2' } } })
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted
    }
    expect(bytes.toString('hex')).to.equal('1807aa01070a016b12020802b201020801')
  })

  it('may nest 100 deep and no deeper, written or read, and may not hold itself', () => {
    const nest = (depth: number, wrap: (inner: object) => object): object =>
      depth === 0 ? {} : wrap(nest(depth - 1, wrap))
    for (const wrap of [
      (next: object) => ({ next }),
      (next: object) => ({ list: [next] }),
      (next: object) => ({ map: { k: next } }),
    ]) {
      const deepest = protocol.encode('Chain', nest(100, wrap))
      expect(protocol.encode('Chain', protocol.decode('Chain', deepest)).equals(deepest)).to.equal(true)
      const error = refusal(() => protocol.encode('Chain', nest(101, wrap)))
      expect(error.message).to.match(/nested deeper than 100 messages/)
      expect(error.field?.split('.').length).to.equal(101)
    }
    const groups = protocol.encode(
      'Chain',
      nest(50, (chain) => ({ group: { chain } })),
    )
    expect(protocol.encode('Chain', protocol.decode('Chain', groups)).equals(groups)).to.equal(true)
    expect(
      refusal(() =>
        protocol.encode(
          'Chain',
          nest(51, (chain) => ({ group: { chain } })),
        ),
      ).message,
    ).to.match(/deeper/)
    let body = Buffer.alloc(0)
    for (let i = 0; i < 101; i++)
      body = Buffer.concat([Buffer.from(i === 0 ? '0a00' : `0a${lengthOf(body)}`, 'hex'), body])
    expect(refusal(() => protocol.decode('Chain', body))).to.include({ code: 'ERR_QBP_INVALID_BODY' })
    const loop: Plain = {}
    loop.list = [loop, loop]
    expect(refusal(() => protocol.encode('Chain', loop)).message).to.match(/nested deeper/)
  })

  it('is written again as it was received, also inside another and by another Protocol', () => {
    const other = load(KINDS)
    const bytes = protocol.encode('Every', {
      string_: 'x',
      many: [{ a: 1, y: 'y' }],
      map: { k: { a: 2 } },
      packed: [1, 2],
    })
    const received = protocol.decode('Every', bytes)
    expect(protocol.encode('Every', received).equals(bytes)).to.equal(true)
    expect(other.encode('Every', received).equals(bytes)).to.equal(true)
    expect(other.encode('Every', { ...received }).equals(bytes)).to.equal(true)
    const inside = other.decode('Inner', protocol.encode('Inner', { a: 5, every: received }))
    expect(inside.every.many[0].y).to.equal('y')
    expect(other.encode('Every', { inner: received.many[0] }).toString('hex')).to.equal('b2010508012201' + '79')
  })

  it('keeps the fields that the schema does not know, and sends them on, inside others too', () => {
    const older = load(
      'syntax = "proto2"; package t; message Every { optional Inner inner = 22; } message Inner { required int32 a = 1; }',
    )
    const bytes = protocol.encode('Every', { double_: 1, list: ['a', 'b'], inner: { a: 1, y: 'y', x: null } })
    const received = older.decode('Every', bytes)
    expect(Object.keys(received)).to.deep.equal(['$name', 'inner'])
    const again = older.encode('Every', received)
    expect(protocol.decode('Every', again)).to.deep.equal(protocol.decode('Every', bytes))
    expect(JSON.stringify(received)).to.equal('{"$name":"Every","inner":{"a":1}}')
    const changed = older.encode('Every', { ...received, inner: { a: '2' } })
    expect(protocol.decode('Every', changed)).to.deep.include({ double_: 1, list: ['a', 'b'] })
  })
})

const lengthOf = (bytes: Buffer): string => {
  const { length } = bytes
  return length < 128
    ? Buffer.from([length]).toString('hex')
    : Buffer.from([(length & 127) | 128, length >> 7]).toString('hex')
}

describe('a schema', () => {
  it('may call its fields as Object.prototype does, and have very many of them, with the largest numbers', () => {
    const names = [
      'constructor',
      'toString',
      'hasOwnProperty',
      'length',
      'valueOf',
      'isPrototypeOf',
      'prototype',
      'name',
      'then',
      'default',
      'class',
      'm',
      'buf',
      'pos',
      'end',
      'v',
      'k',
      'tag',
      'depth',
    ]
    const many = Array.from({ length: 100 }, (_, i) => `f${i}`)
    const all = [...names, ...many]
    const text = `syntax = "proto3"; package t; message Odd { ${all.map((name, i) => `int32 ${name} = ${i < 100 ? i + 1 : 2 ** 29 - 1 - i};`).join(' ')}
      map<string, Odd> hasOwn = 200; repeated bool caller = 201; }`
    const protocol = load(text)
    const message = Object.fromEntries(all.map((name, i) => [name, i + 1]))
    const read = protocol.decode(
      'Odd',
      protocol.encode('Odd', { ...message, hasOwn: { constructor: { length: 5 } }, caller: [true] }),
    )
    for (const [name, value] of Object.entries(message)) expect(read[name], name).to.equal(value)
    expect(read.hasOwn.constructor.length).to.equal(5)
    const empty = protocol.decode('Odd', Buffer.alloc(0))
    for (const name of names) expect(empty[name], name).to.equal(0)
    expect(Object.keys(empty)).to.deep.equal(['$name'])
    for (const key of ['toJSON', '__proto__', 'constructors', '__defineGetter__']) {
      const message = Object.defineProperty({}, key, { value: 1, enumerable: true })
      expect(refusal(() => protocol.encode('Odd', message)).field).to.equal(key)
    }
    expect(refusal(() => protocol.encode('Odd', { f99: 'x' })).field).to.equal('f99')
  })

  it('may have keys of maps named like Object.prototype’s', () => {
    const protocol = load(
      'syntax = "proto3"; package t; message M { map<string, int32> map = 1; map<bool, M> flags = 2; }',
    )
    const map = Object.assign(Object.create(null), { constructor: 1, toString: 2, hasOwnProperty: 3 })
    Object.defineProperty(map, '__proto__', { value: 4, enumerable: true })
    for (const value of [map, { ...map, constructor: '1' }]) {
      const read = protocol.decode('M', protocol.encode('M', { map: value, flags: { true: {} } }))
      expect(Object.entries(read.map)).to.deep.equal(Object.entries(map))
      expect(Object.getPrototypeOf(read.map)).to.equal(Object.prototype)
    }
  })
})

describe('64-bit integers', () => {
  const text =
    'syntax = "proto3"; package t; message M { int64 i = 1; uint64 u = 2; sint64 s = 3; fixed64 f = 4; sfixed64 g = 5; repeated int64 list = 6; map<uint64, int64> map = 7; }'
  const edges = [
    0n,
    1n,
    -1n,
    255n,
    256n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n - 1n,
    2n ** 53n,
    -(2n ** 53n),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ]

  it('are read as bigints, as Longs or as numbers, whatever they were written as', () => {
    const [bigint, long, number] = [load(text), load(text, 't', 'long'), load(text, 't', 'number')]
    for (const value of edges) {
      const unsigned = BigInt.asUintN(64, value)
      const message = {
        i: value,
        u: unsigned,
        s: value,
        f: unsigned,
        g: value,
        list: [value],
        map: { [String(unsigned)]: value },
      }
      const bytes = bigint.encode('M', message)
      const words = {
        i: String(value),
        u: String(unsigned),
        s: longOf(value, false),
        f: longOf(unsigned, true),
        g: value,
        list: [String(value)],
        map: { [String(unsigned)]: longOf(value, false) },
      }
      for (const protocol of [bigint, long, number]) expect(protocol.encode('M', words).equals(bytes)).to.equal(true)
      const read = bigint.decode('M', bytes)
      expect({ ...read }).to.deep.equal({ $name: 'M', ...(value === 0n ? { list: [0n], map: { 0: 0n } } : message) })
      const longs = long.decode('M', bytes)
      expect(String(longs.u)).to.equal(String(unsigned))
      expect(longs.u.unsigned).to.equal(true)
      expect(isLong(longs.list[0])).to.equal(true)
      expect(long.encode('M', longs).equals(bytes)).to.equal(true)
      if (Number.isSafeInteger(Number(unsigned))) expect(number.decode('M', bytes).list).to.deep.equal([Number(value)])
      else expect(refusal(() => number.decode('M', bytes))).to.include({ code: 'ERR_QBP_INVALID_BODY' })
      expect(JSON.parse(JSON.stringify(read)).map ?? {}).to.deep.equal({ [String(unsigned)]: String(value) })
      expect(JSON.stringify(longs)).to.equal(JSON.stringify(read))
    }
  })
})
