import { expect } from 'chai'
import protobuf from 'protobufjs'
import { isLong } from '../../lib/codec/int64.ts'
import { UNKNOWN } from '../../lib/codec/wire.ts'
import { type Protocol, QbpError } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'
import { Bodies, messagesOf, rootOf, schemas } from '../support/every.ts'
import { reflectedProtocol } from '../support/reflected.ts'

// QBP_FUZZ_BODIES=5000000 npx mocha --timeout 0 spec/decode.spec.ts
const BODIES = Number(process.env.QBP_FUZZ_BODIES ?? 150_000)
const SEED = Number(process.env.QBP_FUZZ_SEED ?? 1)

/** What a map's field has beside a field, as protobufjs declares it. */
type MapField = protobuf.Field & { keyType: string }
type Plain = Record<string, unknown>
type Int64 = 'bigint' | 'long' | 'number'

/** Any message of the schema, by itself. */
const protocolOf = (text: string, int64: Int64 = 'bigint'): Protocol => {
  const root = rootOf(text)
  return reflectedProtocol(root.nestedArray[0] as protobuf.Namespace, {
    header: 'length:varint',
    message: { body: 'raw' },
    int64,
  }) as Protocol
}

/**
 * The schema for protobufjs. In a message without any field it takes field number 0, and refuses each group that it does
 * not know, for it compares the number of the tag with the tag: so it gets a field that nobody sends.
 */
function theirRoot(text: string): protobuf.Root {
  const root = rootOf(text)
  const empty = messagesOf(root).find(({ name }) => name === 'Empty') as protobuf.Type
  empty.add(new protobuf.Field('never', 18_999, 'bool'))
  return root.resolveAll() as protobuf.Root
}

/** What protobufjs makes of a body, fields that it does not know kept, or null where it refuses it. */
function theirDecode(type: protobuf.Type, body: Buffer): Plain | null {
  try {
    const reader = protobuf.Reader.create(body)
    reader.discardUnknown = false
    return type.decode(reader) as unknown as Plain
  } catch {
    return null
  }
}

/** What Qbp makes of it. @throws anything that is no documented refusal. */
function ourDecode(protocol: Protocol, name: string, body: Buffer): Plain | null {
  try {
    return protocol.decode(name, body)
  } catch (error) {
    if ((error as QbpError).code === 'ERR_QBP_INVALID_BODY') return null
    throw error
  }
}

/** The first difference of two decoded messages as a path, or null. */
function difference(type: protobuf.Type, ours: Plain, theirs: Plain, path = type.name): string | null {
  for (const field of type.fieldsArray) {
    const { name } = field
    const place = `${path}.${name}`
    const mine = ours[name]
    const other = theirs[name]
    if (field.map) {
      const found = mapDifference(field as MapField, mine as Plain, other as Plain, place)
      if (found !== null) return found
    } else if (field.repeated) {
      const list = mine as unknown[]
      const their = other as unknown[]
      if (list.length !== their.length) return `${place}.length`
      for (let i = 0; i < list.length; i++) {
        if (!same(field, list[i], their[i], `${place}[${i}]`)) return `${place}[${i}]`
      }
    } else {
      if (Object.hasOwn(ours, name) !== Object.hasOwn(theirs, name)) return `${place}, presence`
      if (Object.hasOwn(ours, name) && !same(field, mine, other, place)) return place
    }
  }
  for (const { name } of type.oneofsArray)
    if (ours[name] !== theirs[name] && !name.startsWith('_')) return `${path}.${name}`
  const unknown = Buffer.concat((theirs.$unknowns as Buffer[] | undefined) ?? []).toString('latin1')
  if (((ours as { [UNKNOWN]?: string })[UNKNOWN] ?? '') !== unknown) return `${path}, unknown fields`
  return null
}

function same(field: protobuf.Field, mine: unknown, other: unknown, path: string): boolean {
  if (field.resolvedType instanceof protobuf.Type) {
    const found = difference(field.resolvedType, mine as Plain, other as Plain, path)
    return found === null
  }
  if (isLong(other)) return String(mine) === String(other)
  if (field.type === 'bytes' && Array.isArray(other)) return (mine as Buffer).length === 0 // A map's value that was not sent.
  if (other instanceof Uint8Array) return mine instanceof Buffer && mine.equals(other)
  return Object.is(mine, other)
}

/** protobufjs has 64-bit keys as hashes of 8 characters, and those that were not sent as `0`. */
function mapDifference(field: MapField, mine: Plain, other: Plain, path: string): string | null {
  const long = field.keyType.endsWith('64')
  const theirs = new Map<string, unknown[]>()
  for (const key of Object.keys(other)) {
    const unsigned = field.keyType === 'uint64' || field.keyType === 'fixed64'
    const known = long && key.length === 8 ? String(protobuf.util.longFromHash(key, unsigned)) : key
    theirs.set(known, [...(theirs.get(known) ?? []), other[key]])
  }
  const keys = Object.keys(mine)
  if (keys.length !== theirs.size) return `${path}, number of keys`
  for (const key of keys) {
    const place = `${path}[${JSON.stringify(key)}]`
    if (!theirs.get(key)?.some((value) => same(field, mine[key], value, place))) return place
  }
  return null
}

describe('a decoder', () => {
  it(`agrees with protobufjs on ${BODIES.toLocaleString('en')} valid and mutated bodies of every kind of field`, function () {
    this.timeout(0)
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0 // Half of the bodies end in an error, and a stack costs more than a body.
    const bodies = new Bodies(randomNumbers(SEED))
    const all = Object.values(schemas).flatMap((text) => {
      const kinds: Int64[] = ['bigint', 'long']
      return kinds.flatMap((kind) => {
        const protocol = protocolOf(text, kind)
        const theirs = theirRoot(text)
        return messagesOf(rootOf(text)).map((schema) => {
          return { protocol, schema, type: theirs.lookupType(schema.fullName), name: schema.fullName.slice(1) }
        })
      })
    })
    let accepted = 0
    let previous: number[] = []
    try {
      for (let n = 0; n < BODIES; ) {
        const { protocol, schema, type, name } = bodies.pick(all)
        const valid = bodies.body(schema)
        for (let i = 0; i < 6; i++, n++) {
          const bytes = i === 0 ? valid : i === 1 ? [...valid, ...previous] : bodies.mutate(valid)
          const body = Buffer.from(bytes)
          const theirs = theirDecode(type, body)
          const ours = ourDecode(protocol, name, body)
          const found =
            ours === null || theirs === null
              ? ours === theirs
                ? null
                : `refused by ${ours === null ? 'Qbp' : 'protobufjs'} only`
              : difference(type, ours, theirs)
          if (found !== null) expect.fail(`${name} ${body.toString('hex')}: ${found}`)
          if (ours !== null) accepted++
        }
        previous = valid
      }
    } finally {
      Error.stackTraceLimit = limit
    }
    expect(accepted / BODIES).to.be.within(0.3, 0.9)
  })
})

/** A protocol of a schema in text, in the package `t`. */
const load = (text: string, options: { int64?: Int64 } = {}): Protocol =>
  reflectedProtocol(rootOf(text).lookup('t') as protobuf.Namespace, {
    header: 'length:varint',
    message: { body: 'raw' },
    ...options,
  })

const refusal = (protocol: Protocol, name: string, hex: string): QbpError => {
  try {
    protocol.decode(name, Buffer.from(hex, 'hex'))
  } catch (error) {
    return error as QbpError
  }
  throw new Error(`${hex} was not refused`)
}

describe('a body that does not decode', () => {
  const protocol = load(`syntax = "proto2"; package t;
    message Outer { optional Inner inner = 1; repeated Inner list = 2; map<string, Inner> map = 3; optional int32 x = 4;
      optional group Group = 5 { optional Inner inner = 1; } }
    message Inner { required int32 a = 1; optional fixed32 b = 2; optional Outer outer = 3; }`)

  const faults: [hex: string, field: string | undefined, problem: RegExp][] = [
    ['20', 'x', /goes on after the end/],
    ['20ffffffffffffffffffff01', 'x', /varint of more than 10 bytes/],
    ['0a0508001500000000', 'inner.b', /after the end/],
    ['0a01082001', 'inner.a', /after the end/],
    ['0a00', 'inner.a', /required field is missing/],
    ['12020801120015', 'list.a', /./],
    ['0a0608011a021200', 'inner.outer.list.a', /required/],
    ['2b0a0224', 'group', /./],
    ['2b0a002c', 'group.inner.a', /required/],
    ['1a060a016b1200', 'map', /./],
    ['0f', 'inner', /wire type 7/],
    ['00', undefined, /field number 0/],
    ['f8ffffff1f00', undefined, /tag over 32 bits/],
    ['0affffffff0f', 'inner', /length over 2\*\*31/],
    ['0a05', 'inner', /after the end/],
    ['7a05', '#15', /after the end/],
    ['2b', 'group', /./],
    ['34', '#6', /wire type 4/],
  ]
  for (const [hex, field, problem] of faults) {
    it(`is refused with the field at fault: ${hex} in ${field ?? 'the message itself'}`, () => {
      const error = refusal(protocol, 'Outer', hex)
      expect(error).to.be.instanceOf(QbpError)
      expect(error).to.include({ code: 'ERR_QBP_INVALID_BODY', messageName: 'Outer' })
      expect(error.field).to.equal(field)
      expect(error.message).to.match(problem)
    })
  }
})

describe('a message that was read', () => {
  const protocol = load(`syntax = "proto3"; package t;
    message Tree { repeated Tree list = 1; Leaf leaf = 2; repeated Leaf leaves = 3; repeated int32 numbers = 4;
      repeated string texts = 5; repeated double doubles = 6 [packed = false]; repeated bool flags = 7; repeated int64 longs = 8; }
    message Leaf { int32 a = 1; string b = 2; int32 c = 3; }`)

  it('is of its type’s one class, whether a frame or another message holds it, empty or large', () => {
    const leaves = [{}, { a: 1 }, { a: 1, b: 'a longer text' }]
    const { leaf, list, ...tree } = protocol.decode(
      'Tree',
      protocol.encode('Tree', { leaf: leaves[2], leaves, list: [{}] }),
    )
    expect(tree.leaves.map((each: object) => ({ ...each }))).to.deep.equal(leaves)
    for (const each of [...tree.leaves, leaf, protocol.decode('Leaf', Buffer.alloc(0))]) {
      expect(Object.getPrototypeOf(each)).to.equal(Object.getPrototypeOf(leaf))
      expect(each.constructor.name).to.equal('Leaf')
      expect(each).to.be.instanceOf(leaf.constructor)
      expect(each.b).to.be.a('string')
    }
    expect(list[0].constructor.name).to.equal('Tree')
  })

  it('has lists of its own, those of one small value too', () => {
    const lists = { numbers: [5], texts: [''], doubles: [-0], flags: [true], longs: [7n] }
    const body = protocol.encode('Tree', lists)
    const [one, two] = [protocol.decode('Tree', body), protocol.decode('Tree', body)]
    expect(one).to.deep.include(lists)
    expect(Object.is(one.doubles[0], -0)).to.equal(true)
    for (const name of Object.keys(lists)) {
      one[name][0] = 'changed'
      one[name].push('more')
    }
    expect(two).to.deep.include(lists)
    expect(protocol.decode('Tree', body)).to.deep.include(lists)
  })
})
