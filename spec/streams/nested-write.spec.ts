import { reflectedProtocol } from '../support/reflected.ts'
// User code that runs while a message is encoded: getters, proxies, toJSON, Symbol.toPrimitive and subscribers of
// diagnostics channels may write other messages, to any writer, flush, end and destroy.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { QbpConnection, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { duplexPair } from '../../lib/testing/index.ts'

const { root } = protobuf.parse(`syntax = "proto3"; package p;
  message Say { string a = 1; string b = 2; int64 big = 3; repeated string list = 4; map<string, string> map = 5;
    Say inner = 6; repeated int32 numbers = 7; bytes blob = 8; }
  message Other { string a = 1; }`)
const protocol = reflectedProtocol(root.nestedArray[0] as protobuf.Namespace, {
  header: 'type:u8 x:varint length:varint',
  types: { Say: 1, Other: 2 },
})

type Message = Record<string, unknown>
const writer = () => new QbpWritable(protocol)
const say = (a: string): Message => ({ $name: 'Say', a })

/** What has left a writer so far, as a reader makes it out: the texts of the messages. */
async function read(...writers: QbpWritable[]): Promise<string[][]> {
  const all: string[][] = []
  for (const each of writers) {
    if (!each.destroyed && !each.writableEnded) each.end()
    const reader = new QbpReadable(protocol)
    for (let chunk = each.read(); chunk !== null; chunk = each.read()) reader.write(chunk)
    reader.end()
    const texts: string[] = []
    for await (const { a, b, list, $header } of reader)
      texts.push([a, b, ...(list ?? []), $header?.x || ''].filter(Boolean).join(' '))
    all.push(texts)
  }
  return all
}

/** A message of which one place runs code while it is encoded. */
const places: Record<string, (run: () => void) => Message> = {
  'a getter': (run) => ({
    ...say('outer'),
    get b() {
      run()
      return 'B'
    },
  }),
  'a getter that comes before the others': (run) => ({
    $name: 'Say',
    get a() {
      run()
      return 'outer'
    },
    b: 'B',
  }),
  'a getter in a message within': (run) => ({
    ...say('outer'),
    inner: {
      a: 'deep',
      inner: {
        get a() {
          run()
          return 'deeper'
        },
      },
    },
    b: 'B',
  }),
  'a getter in a list': (run) => {
    const list = ['B']
    Object.defineProperty(list, 0, {
      get() {
        run()
        return 'B'
      },
    })
    return { ...say('outer'), list }
  },
  'a getter in a map': (run) => ({
    ...say('outer'),
    map: {
      get k() {
        run()
        return 'v'
      },
    },
    b: 'B',
  }),
  'a proxy': (run) =>
    new Proxy({ ...say('outer'), b: 'B' } as Message, {
      get(target, key) {
        if (key === 'b') run()
        return target[key as string]
      },
    }),
  'a proxy that is asked for its keys': (run) =>
    new Proxy({ ...say('outer'), b: 'B' } as Message, {
      ownKeys(target) {
        run()
        return Reflect.ownKeys(target)
      },
    }),
  'a getter of $name': (run) => ({
    get $name() {
      run()
      return 'Say'
    },
    a: 'outer',
    b: 'B',
  }),
  'a getter of $header': (run) => ({
    ...say('outer'),
    b: 'B',
    get $header() {
      run()
      return {}
    },
  }),
  'a getter in $header': (run) => ({
    ...say('outer'),
    b: 'B',
    $header: {
      get x() {
        run()
        return 0
      },
    },
  }),
  'an object with Symbol.toPrimitive for a number': (run) => ({
    ...say('outer'),
    b: 'B',
    get big() {
      run()
      return 5n
    },
  }),
  'bytes by a getter': (run) => ({
    ...say('outer'),
    b: 'B',
    get blob() {
      run()
      return Buffer.alloc(100_000)
    },
  }),
}

describe('a message that is written while another is encoded', () => {
  for (const [name, outer] of Object.entries(places)) {
    it(`by ${name}, to another writer: both are whole, each on its own wire`, async () => {
      const [one, two] = [writer(), writer()]
      one.write(say('before'))
      let runs = 0
      one.write(outer(() => runs++ === 0 && two.write(say('inner'))) as never)
      expect(runs).to.be.greaterThan(0)
      one.write(say('after'))
      expect(await read(one, two)).to.deep.equal([['before', 'outer B', 'after'], ['inner']])
    })

    it(`by ${name}, to the same writer: it was whole first, and goes first`, async () => {
      const one = writer()
      one.write(say('before'))
      let runs = 0
      one.write(outer(() => runs++ === 0 && one.write(say('inner'))) as never)
      expect(await read(one)).to.deep.equal([['before', 'inner', 'outer B']])
    })

    it(`by ${name} that throws then: it is sent, and nothing of the outer one`, async () => {
      const [one, two] = [writer(), writer()]
      one.write(say('before'))
      const thrown = outer(() => {
        one.write(say('inner'))
        two.write(say('inner'))
        throw new Error('refused')
      })
      expect(() => one.write(thrown as never)).to.throw()
      one.write(say('after'))
      const [first = [], second = []] = await read(one, two)
      expect([first[0], first.at(-1)]).to.deep.equal(['before', 'after'])
      expect(new Set(first.slice(1, -1))).to.deep.equal(new Set(['inner'])) // Encoding looks again where something threw.
      expect(new Set(second)).to.deep.equal(new Set(['inner']))
    })
  }

  it('in any depth, over three writers, is whole', async () => {
    const writers = [writer(), writer(), writer()]
    const nest = (depth: number): Message => ({
      ...say(`m${depth}`),
      get b() {
        if (depth < 20) writers[(depth + 1) % 3]?.write(nest(depth + 1))
        return 'B'.repeat(depth * 1000)
      },
    })
    writers[0]?.write(nest(0))
    const expected = writers.map((_, i) =>
      Array.from({ length: 21 }, (_, n) => 20 - n)
        .filter((n) => n % 3 === i)
        .map((n) => `m${n} ${'B'.repeat(n * 1000)}`.trim()),
    )
    expect(await read(...writers)).to.deep.equal(expected)
  })

  it('is counted under its own name', () => {
    const [mine, theirs] = duplexPair()
    const connection = new QbpConnection(protocol, theirs)
    connection.writer.write({
      ...say('outer'),
      get b() {
        connection.writer.write({ $name: 'Other', a: 'inner' })
        return 'B'
      },
    })
    const { out } = connection.stats().byName
    expect(out).to.deep.equal({ Say: { messages: 1, bytes: 13 }, Other: { messages: 1, bytes: 10 } })
    mine.destroy()
    connection.destroy()
  })

  it('with a batch that leaves in between, is whole', async () => {
    const [one, two] = [writer(), writer()]
    const chunks: Record<string, Buffer[]> = { one: [], two: [] }
    one.on('data', (chunk) => chunks.one?.push(chunk))
    two.on('data', (chunk) => chunks.two?.push(chunk))
    const large = 'L'.repeat(70_000)
    one.write(say('before'))
    one.write({
      ...say('outer'),
      get b() {
        for (const each of [one, two]) {
          each.write(say(large)) // More than a batch: it leaves at once.
          each.cork()
          each.write(say('corked'))
          each.uncork()
        }
        return 'B'
      },
    })
    await new Promise(setImmediate)
    const texts = async (list: Buffer[] = []) => {
      const reader = new QbpReadable(protocol)
      for (const chunk of list) reader.write(chunk)
      reader.end()
      const found: string[] = []
      for await (const { a, b } of reader) found.push(`${a.slice(0, 10)}${b}`)
      return found
    }
    expect(await texts(chunks.one)).to.deep.equal(['before', large.slice(0, 10), 'corked', 'outerB'])
    expect(await texts(chunks.two)).to.deep.equal([large.slice(0, 10), 'corked'])
  })

  it('by a subscriber of qbp:message:out, or of qbp:message:refused, is whole', async () => {
    const [one, two] = [writer(), writer()]
    let runs = 0
    const subscriber = ({ message }: Message) => {
      if (++runs > 2) return
      two.write(say('seen'))
      one.write(say(`after ${(message as Message).a}`))
    }
    const watch = (event: unknown) => subscriber(event as Message)
    for (const name of ['qbp:message:out', 'qbp:message:refused']) subscribe(name, watch)
    try {
      one.write(say('outer'))
      expect(() => one.write({ $name: 'Say', a: 5 } as never)).to.throw()
    } finally {
      for (const name of ['qbp:message:out', 'qbp:message:refused']) unsubscribe(name, watch)
    }
    expect(await read(one, two)).to.deep.equal([
      ['outer', 'after seen', 'after outer'], // The write of 'seen' is seen itself, first.
      ['seen', 'seen'],
    ])
  })

  for (const how of ['end', 'destroy'] as const) {
    it(`is refused with the outer one where that has called ${how}() of its own writer`, async () => {
      const one = writer()
      one.on('error', () => {})
      one.write(say('before'))
      const outer = {
        ...say('outer'),
        get b() {
          if (how === 'end') one.end()
          else one.destroy()
          return 'B'
        },
      }
      expect(() => one.write(outer))
        .to.throw()
        .with.property('code', 'ERR_QBP_CLOSED')
      if (how === 'end') expect(await read(one)).to.deep.equal([['before']])
    })

    it(`is refused by its callback where that has called ${how}() of its connection's writer`, async () => {
      const [mine, theirs] = duplexPair()
      const connection = new QbpConnection(protocol, theirs)
      const outer = {
        ...say('outer'),
        get b() {
          if (how === 'end') connection.writer.end()
          else connection.writer.destroy()
          return 'B'
        },
      }
      const fault = await new Promise<{ code?: string }>((resolve) =>
        expect(connection.writer.write(outer, (error) => resolve(error as object))).to.equal(false),
      )
      expect(fault.code).to.equal('ERR_QBP_CLOSED')
      mine.destroy()
      connection.destroy()
    })
  }

  it('of a header whose numbers change from look to look is what the first look saw', async () => {
    const one = writer()
    let x = 100
    one.write({
      ...say('outer'),
      $header: {
        get x() {
          x *= 100
          return x
        },
      },
    } as never)
    one.write(say('after'))
    expect(await read(one)).to.deep.equal([['outer 10000', 'after']])
  })
})
