import { deepStrictEqual } from 'node:assert'
import { expect } from 'chai'
import fc from 'fast-check'
import { createServer, Protocol, plain, type QbpConnection, type QbpError } from '../../lib/index.ts'
import { connectionPair, ScriptedPeer } from '../../lib/testing/index.ts'
import { plain as schema } from '../protos/plain.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'
import { rejection } from '../support/rejection.ts'

type Fields = Record<string, unknown>

const OPTIONS = { header: 'length:varint', message: 'Row', includeDirs: ['schemas'] } as const
const generated = Protocol.from(schema, { header: 'length:varint', message: 'Row' }) as unknown as Protocol
let loaded: Protocol
/** The same schema, its well-known types as messages and its enums as numbers. */
let messages: Protocol
before(async () => {
  loaded = await Protocol.load('spec/protos/plain.proto', { ...OPTIONS, enums: 'names', wellKnown: 'plain' })
  messages = await Protocol.load('spec/protos/plain.proto', OPTIONS)
})

/** Both codecs: made ahead of time, and when first used. */
const both = (): Protocol[] => [generated, loaded]

function fault(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  throw new Error('nothing was refused')
}

/** Writes a message by either codec, which agree, and reads it back. */
function through(message: object): Fields {
  const [one, two] = both().map((protocol) => protocol.encode('Row', message)) as [Buffer, Buffer]
  expect(one.toString('hex')).to.equal(two.toString('hex'))
  const [read, again] = both().map((protocol) => protocol.decode('Row', one)) as [Fields, Fields]
  deepStrictEqual(plain(read), plain(again))
  return read
}

const TIME = new Date('2026-11-27T21:00:00.123Z')

describe('Well-known types as plain values', () => {
  const VALUES: Fields = {
    at: TIME,
    took: -1500.000001,
    mask: ['user.name', 'at'],
    config: { a: [1, 'two', null, { three: true }], ['__proto__']: {} },
    value: null,
    list: [null, [], {}, '', 0, -0, false],
    real: -0,
    single: 0.5,
    big: -5n,
    large: 2n ** 64n - 1n,
    small: -1,
    count: 2 ** 32 - 1,
    flag: false,
    text: '',
    raw: Buffer.from([1, 2]),
    times: [TIME, new Date(0)],
    values: [null, 'a', { b: null }],
    texts: ['', 'a'],
    masks: [[], ['a']],
    lists: [[], [1]],
    timesByName: { a: 0, b: 1 },
    valuesByName: { a: null, b: [null] },
    bigs: { 5: 0n, '-1': 7n },
    configs: { a: {}, b: { c: 1 } },
    inner: { at: TIME },
  }
  for (const [name, value] of Object.entries(VALUES))
    it(`writes ${name} as ${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}n` : each))} and reads it so`, () => {
      const read = through({ [name]: value })
      expect(Object.hasOwn(read, name)).to.equal(true)
      deepStrictEqual(plain({ read: JSON.stringify(read[name], bigints) }), { read: JSON.stringify(value, bigints) })
      if (name !== 'inner') deepStrictEqual(read[name], value)
    })
  const bigints = (_: string, each: unknown) => (typeof each === 'bigint' ? String(each) : each)

  it('reads what was not sent as null, and a Value as undefined', () => {
    const read = through({})
    deepStrictEqual([read.at, read.took, read.config, read.text, read.value], [null, null, null, null, undefined])
    deepStrictEqual([read.times, read.timesByName], [[], {}])
    expect(plain(read)).to.include({ at: null, value: undefined })
  })

  it('takes one member of a oneof, null among them', () => {
    for (const [name, value] of Object.entries({
      since: TIME,
      anyValue: null,
      name: '',
      hue: 'RED',
      more: {},
      number: 0,
    })) {
      const read = through({ [name]: value })
      deepStrictEqual([read.choice, read[name]], [name, value])
      deepStrictEqual(through(plain(read))[name], value)
    }
    expect(fault(() => through({ anyValue: null, name: '' }))).to.include({
      code: 'ERR_QBP_INVALID_MESSAGE',
      field: 'name',
    })
    expect(through({ anyValue: undefined, name: 'a' }).choice).to.equal('name')
  })

  it('keeps what a Date cannot hold of a time, as long as the Date stands as it came', () => {
    const body = messages.encode('Row', { at: { seconds: -1, nanos: 999_999_999 }, times: [{ nanos: 1 }] })
    for (const protocol of both()) {
      const read = protocol.decode('Row', body)
      expect(read.at.getTime()).to.equal(-1)
      expect(protocol.encode('Row', read).toString('hex')).to.equal(body.toString('hex'))
      expect(protocol.toJson('Row', read)).to.deep.equal({
        at: '1969-12-31T23:59:59.999999999Z',
        times: ['1970-01-01T00:00:00.000000001Z'],
      })
      read.at.setTime(5)
      expect(messages.decode('Row', protocol.encode('Row', read)).at).to.include({ seconds: 0n, nanos: 5_000_000 })
    }
  })

  for (const [message, field] of [
    [{ at: new Date(Number.NaN) }, 'at'],
    [{ at: new Date('+010000-01-01T00:00:00Z') }, 'at'],
    [{ at: '2026-11-27' }, 'at'],
    [{ times: [TIME, 5] }, 'times[1]'],
    [{ times: [null] }, 'times[0]'],
    [{ took: Number.NaN }, 'took'],
    [{ took: 315_576_000_001_000 }, 'took'],
    [{ took: '1s' }, 'took'],
    [{ timesByName: { a: undefined } }, 'timesByName["a"]'],
    [{ mask: 'a' }, 'mask'],
    [{ mask: [1] }, 'mask[0]'],
    [{ config: { a: { b: [undefined] } } }, 'config["a"]["b"][0]'],
    [{ config: { a: undefined } }, 'config["a"]'],
    [{ config: { a: TIME } }, 'config["a"]'],
    [{ config: { a: 1n } }, 'config["a"]'],
    [{ config: { a: '\ud800' } }, 'config["a"]'],
    [{ config: [] }, 'config'],
    [{ config: new Map() }, 'config'],
    [{ value: () => 5 }, 'value'],
    [{ list: [[Symbol('a')]] }, 'list[0][0]'],
    [{ list: new Array(1) }, 'list[0]'],
    [{ values: [undefined] }, 'values[0]'],
    [{ valuesByName: { a: undefined } }, 'valuesByName["a"]'],
    [{ small: 2 ** 31 }, 'small'],
    [{ count: -1 }, 'count'],
    [{ large: -1n }, 'large'],
    [{ single: 1e39 }, 'single'],
    [{ text: 5 }, 'text'],
    [{ text: { value: 'a' } }, 'text'],
    [{ texts: ['a', null] }, 'texts[1]'],
    [{ raw: 'a' }, 'raw'],
    [{ bigs: { 1: null } }, 'bigs["1"]'],
    [{ inner: { inner: { at: 5 } } }, 'inner.inner.at'],
  ] as [object, string][])
    it(`refuses ${field} in ${inspect(message)}`, () => {
      for (const protocol of both())
        expect(fault(() => protocol.encode('Row', message))).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field })
    })

  it('refuses a list within itself', () => {
    const list: unknown[] = []
    list.push(list)
    for (const protocol of both())
      expect(fault(() => protocol.encode('Row', { list })).code).to.equal('ERR_QBP_INVALID_MESSAGE')
  })

  it('takes what a scalar takes in a wrapper', () => {
    const read = through({ big: '-7', small: '5', bigs: { 1: 5 } })
    deepStrictEqual([read.big, read.small, read.bigs], [-7n, 5, { 1: 5n }])
  })

  for (const [message, field] of [
    [{ at: { seconds: 253402300800n } }, 'at'],
    [{ at: { seconds: -(2n ** 63n) } }, 'at'],
    [{ at: { nanos: -1 } }, 'at'],
    [{ inner: { times: [{}, { nanos: 1_000_000_000 }] } }, 'inner.times'],
    [{ took: { seconds: 1, nanos: -1 } }, 'took'],
    [{ took: { seconds: 315_576_000_000n, nanos: 1 } }, 'took'],
    [{ value: {} }, 'value'],
    [{ value: { nullValue: 7 } }, 'value'],
    [{ list: { values: [{}] } }, 'list'],
    [{ config: { fields: { a: { listValue: { values: [{}] } } } } }, 'config'],
    [{ valuesByName: { a: {} } }, 'valuesByName'],
  ] as [object, string][])
    it(`refuses a body with ${inspect(message)}`, () => {
      const body = messages.encode('Row', message)
      for (const protocol of both())
        expect(fault(() => protocol.decode('Row', body))).to.include({ code: 'ERR_QBP_INVALID_BODY', field })
    })

  it('refuses fields that a plain value has no place for', () => {
    const body = Buffer.from('0a021805', 'hex') // at: field 3.
    for (const protocol of both())
      expect(fault(() => protocol.decode('Row', body))).to.include({ code: 'ERR_QBP_INVALID_BODY', field: 'at' })
  })

  it('merges a message that comes in two parts, as protobuf has it', () => {
    const bodies = [
      { at: { seconds: 5 } },
      { at: { nanos: 7_000_000 } },
      { config: { fields: {} } },
      { config: { fields: { a: { numberValue: 1 } } } },
      { config: { fields: { b: { stringValue: 'b' } } } },
      { value: { structValue: { fields: { c: { boolValue: true } } } } },
      { value: { structValue: {} } },
      { mask: {} },
      { mask: { paths: ['a'] } },
      { more: {} },
      { more: { fields: { a: {} } } },
    ].slice(0, 10)
    const body = Buffer.concat(bodies.map((message) => messages.encode('Row', message)))
    for (const protocol of both()) {
      const { at, config, value, mask, more } = protocol.decode('Row', body)
      deepStrictEqual([at.getTime(), config, value, mask, more], [5007, { a: 1, b: 'b' }, { c: true }, ['a'], {}])
    }
  })

  it('stays a message where it travels by itself', () => {
    for (const protocol of both()) {
      const body = protocol.encode('google.protobuf.Timestamp', { seconds: 5 })
      expect(protocol.decode('google.protobuf.Timestamp', body)).to.include({ seconds: 5n, nanos: 0 })
      const struct = protocol.decode(
        'google.protobuf.Struct',
        protocol.encode('google.protobuf.Struct', { fields: { a: 1 } }),
      )
      deepStrictEqual(struct.fields, { a: 1 })
    }
  })

  it('is the same in ProtoJSON, both ways, in a peek and in JSON', () => {
    const json = {
      at: '2026-11-27T21:00:00.123Z',
      took: '-1.500s',
      mask: 'userName,at',
      config: { a: [1, 'two', null, { three: true }] },
      value: null,
      list: [null, [], {}],
      big: '-5',
      raw: 'AQI=',
      colour: 'BLUE',
      texts: ['', 'a'],
      valuesByName: { a: null },
      choice: undefined,
      anyValue: { b: null },
    }
    const given = JSON.parse(JSON.stringify(json))
    for (const protocol of both()) {
      const read = protocol.fromJson('Row', given)
      deepStrictEqual(read.config, json.config)
      expect(protocol.toJson('Row', read)).to.deep.equal(given)
      expect(messages.toJson('Row', messages.decode('Row', protocol.encode('Row', read)))).to.deep.equal(given)
      const body = protocol.encode('Row', read)
      deepStrictEqual(protocol.peek('Row', ['at', 'anyValue'])(body).anyValue, { b: null })
      const { at, config, anyValue } = JSON.parse(JSON.stringify(read))
      deepStrictEqual([at, config, anyValue], [json.at, json.config, json.anyValue])
    }
    expect(fault(() => loaded.fromJson('Row', { values: [[], { a: 'x' }], took: '8640000000.000000001s' }))).to.include(
      {
        code: 'ERR_QBP_INVALID_MESSAGE',
        field: 'took',
      },
    )
  })
})

describe('Calls of well-known types', () => {
  for (const way of ['generated', 'loaded'])
    it(`take plain values and give them, ${way}`, async () => {
      const own = await Protocol.load('spec/protos/plain.proto', {
        ...{ includeDirs: ['schemas'], calls: true, enums: 'names', wellKnown: 'plain' },
      })
      const module = Protocol.from(schema, { calls: true }) as unknown as Protocol
      const ends = connectionPair(way === 'loaded' ? own : module) as unknown as Record<
        'client' | 'server',
        QbpConnection
      >
      void ends.server.serve('Clock', {
        now: () => TIME,
        greet: (name: string) => (name === '' ? null : name === '?' ? undefined : [name]),
        async *ticks(ms: number) {
          yield new Date(ms)
          yield new Date(ms * 2)
        },
        async sum(numbers: AsyncIterable<bigint>) {
          let sum = 0n
          for await (const number of numbers) sum += number
          return sum
        },
      })
      const clock = ends.client.client('Clock')
      deepStrictEqual(await clock.now({}), TIME)
      deepStrictEqual([await clock.greet('ann'), await clock.greet('')], [['ann'], null])
      const ticks: Date[] = []
      for await (const tick of clock.ticks(500)) ticks.push(tick)
      deepStrictEqual(ticks, [new Date(500), new Date(1000)])
      expect(await clock.sum([1, 2n])).to.equal(3n)
      expect(await rejection(clock.greet({ value: 'ann' }))).to.be.instanceOf(Error)
      expect((await rejection(clock.ticks('5').next())).message).to.include('milliseconds')
      // A handler that gives nothing gives an empty message, which is no value: the caller hears of it.
      expect(await rejection(clock.greet('?'))).to.be.instanceOf(Error)
      ends.client.destroy()
      ends.server.destroy()
    })
})

describe('The test kit', () => {
  it('compares Dates, lists and objects of JSON', async () => {
    const module = Protocol.from(schema)
    const server = createServer(module, async (_, writer) => {
      await writer.writeMessage({ $name: 'Row', at: TIME, config: { a: [1] }, texts: ['a'], colour: 'BLUE' })
      await writer.writeMessage({ $name: 'Row', at: TIME })
    })
    const peer = new ScriptedPeer(module, 'client')
    server.attach(peer.duplex)
    await peer.expect({ $name: 'Row', at: new Date(TIME), config: { a: [1] }, texts: ['a'], colour: 'BLUE' })
    expect(await rejection(peer.expect({ $name: 'Row', at: new Date(0) }))).to.have.property('name', 'AssertionError')
    await peer.end()
  })
})

describe('Enums as names', () => {
  it('are read as names, and as numbers where they have none', () => {
    const read = through({
      colour: 2,
      maybe: 0,
      colours: [0, 'BLUE', 7],
      loose: ['constructor'],
      coloursByName: { a: 3, b: 9 },
    })
    deepStrictEqual(
      [read.colour, read.maybe, read.colours, read.loose, read.coloursByName],
      ['BLUE', 'RED', ['RED', 'BLUE', 7], ['constructor'], { a: 'constructor', b: 9 }],
    )
    expect(through({}).colour).to.equal('RED')
  })

  it('do not send the default, under any of its names', () => {
    for (const colour of ['RED', 'CRIMSON', 0]) expect(loaded.encode('Row', { colour }).length).to.equal(0)
  })

  it('refuse a name that is none, with those that there are', () => {
    for (const protocol of both()) {
      const { field, message } = fault(() => protocol.encode('Row', { colours: ['GREEN'] }))
      expect(field).to.equal('colours[0]')
      expect(message).to.include('one of RED, CRIMSON, BLUE')
    }
  })

  it('of proto2 have their defaults, and a number of a closed one stays an unknown field', () => {
    const old = reflectedProtocol(
      rootOf(`syntax = "proto2"; enum Colour { RED = 3; GREEN = 4; }
        message M { optional Colour a = 1; optional Colour b = 2 [default = GREEN]; repeated Colour c = 3 [packed = true]; }`),
      { header: 'length:varint', message: 'M', enums: 'names' },
    )
    const body = Buffer.from('08071a020304', 'hex') // a: 7, c: [3, 4].
    const read = old.decode('M', body)
    deepStrictEqual([read.a, read.b, read.c, Object.hasOwn(read, 'a')], ['RED', 'GREEN', ['RED', 'GREEN'], false])
    expect(old.encode('M', read).toString('hex')).to.equal('1a0203040807')
    expect(fault(() => old.encode('M', { a: 'BLUE' })).field).to.equal('a')
  })
})

describe('Options that a module was made without', () => {
  it('are refused, with the flag that makes it again', () => {
    for (const [options, flag] of [
      [{ enums: 'numbers' }, '--enums numbers'],
      [{ wellKnown: 'messages' }, '--well-known messages'],
    ] as const)
      expect(fault(() => Protocol.from(schema, options)).message).to.include(flag)
    expect(fault(() => Protocol.from(schema, { wellKnown: 'dates' as never })).code).to.equal('ERR_QBP_BAD_OPTION')
  })
})

describe('Any message', () => {
  const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, false, 0, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY),
      fc.string({ unit: 'grapheme' }),
      fc.double(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value
  const struct = fc.dictionary(fc.string(), json, { maxKeys: 4, noNullPrototype: true })
  const date = fc
    .integer({ min: Date.parse('0001-01-01T00:00:00Z'), max: Date.parse('9999-12-31T23:59:59.999Z') })
    .map((time) => new Date(time))
  const colour = fc.oneof(fc.constantFrom('RED', 'BLUE', 'constructor'), fc.integer({ min: 4, max: 2 ** 31 - 1 }))
  const nanos = fc.integer({ min: -999_999, max: 999_999 })
  const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { maxLength: 3, minLength: 1 })
  const named = <T>(each: fc.Arbitrary<T>) =>
    fc.dictionary(fc.string(), each, { maxKeys: 3, minKeys: 1, noNullPrototype: true })
  const row = fc.record(
    {
      at: date,
      took: fc.oneof(
        fc.integer({ min: -1e9, max: 1e9 }),
        nanos.map((each) => each / 1e6),
      ),
      mask: fc.array(fc.string()),
      config: struct,
      value: json,
      list: fc.array(json, { maxLength: 4 }),
      real: fc.double(),
      big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      text: fc.string(),
      raw: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      colour,
      maybe: colour,
      times: some(date),
      values: some(json),
      lists: some(fc.array(json, { maxLength: 2 })),
      colours: some(colour),
      valuesByName: named(json),
      configs: named(struct),
      coloursByName: named(colour),
      anyValue: json,
    },
    { requiredKeys: [] },
  )

  it('is read as it was written, by both codecs, and of its messages too', () => {
    fc.assert(
      fc.property(row, (message) => {
        const read = through(message)
        for (const [name, value] of Object.entries(message)) deepStrictEqual(read[name], value)
        // Whoever has them as messages reads the same, and what it writes is read the same here.
        const body = generated.encode('Row', message)
        const other = messages.encode('Row', messages.decode('Row', body))
        expect(other.toString('hex')).to.equal(body.toString('hex'))
        expect(generated.encode('Row', read).toString('hex')).to.equal(body.toString('hex'))
      }),
      { numRuns: 100 },
    )
  })
})

describe('Bodies that peers have damaged', () => {
  const message = {
    ...{
      at: TIME,
      took: 1.5,
      mask: ['a'],
      config: { a: [1, 'x', null, { b: true }] },
      value: [1],
      list: [null],
      big: -5n,
    },
    ...{
      large: 5n,
      small: 1,
      text: 'a',
      raw: Buffer.from('a'),
      times: [TIME],
      valuesByName: { a: null },
      bigs: { 5: 7 },
    },
    ...{ more: { x: 1 }, colour: 'BLUE', inner: { at: TIME, anyValue: { q: [1] } } },
  }
  for (const int64 of ['bigint', 'number', 'long'] as const)
    it(`are refused, or mean what they mean as messages, with int64 '${int64}'`, async () => {
      const own = await Protocol.load('spec/protos/plain.proto', {
        ...OPTIONS,
        ...{ int64, enums: 'names', wellKnown: 'plain' },
      })
      const other = await Protocol.load('spec/protos/plain.proto', { ...OPTIONS, int64 })
      const body = own.encode('Row', message)
      const byte = fc.nat({ max: body.length - 1 })
      const hits = fc.array(fc.tuple(byte, fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
      fc.assert(
        fc.property(hits, fc.option(byte), (changes, cut) => {
          const damaged = Buffer.from(body).subarray(0, cut ?? body.length)
          for (const [place, value] of changes) if (place < damaged.length) damaged[place] = value
          let read: object
          try {
            read = own.decode('Row', damaged)
          } catch (error) {
            expect(error).to.have.property('code', 'ERR_QBP_INVALID_BODY')
            return
          }
          const again = other.encode('Row', other.decode('Row', damaged))
          expect(own.encode('Row', read).toString('hex')).to.equal(again.toString('hex'))
        }),
        { numRuns: 500 },
      )
    })
})

function inspect(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    typeof each === 'bigint' ? `${each}n` : typeof each === 'number' || each === undefined ? String(each) : each,
  )
}
