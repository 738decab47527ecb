import { reflectedProtocol } from './reflected.ts'
// What the worst bodies cost: run by spec/memory.spec.ts in a process of its own, with --expose-gc.

import type protobuf from 'protobufjs'
import { rootOf } from './every.ts'

const MIB = 2 ** 20
const KINDS = [
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]

const schema = `syntax = "proto3"; package t;
  message Worst {
    ${KINDS.map((kind, i) => `repeated ${kind} many_${kind} = ${i + 1};`).join(' ')}
    map<string, string> by_text = 16; map<int32, int32> by_number = 17; map<uint64, uint64> by_long = 18;
    map<string, Empty> to_empty = 19; map<int32, Empty> number_to_empty = 20; map<bool, bool> flags = 21;
    map<fixed32, bytes> to_bytes = 22; map<string, int64> to_long = 23; repeated Colour colours = 24;
  }
  message Tree {
    repeated Tree list = 1; Tree one = 2; map<string, Tree> map = 3; repeated Maps maps = 4; repeated Empty empties = 5;
    repeated Choice choices = 6; Choice choice = 7; repeated Scalars scalars = 8; repeated Lists lists = 9;
    repeated Loose loose = 10; repeated Pair pairs = 11;
  }
  message Loose { ${Array.from({ length: 9 }, (_, i) => `repeated int32 list${i} = ${i + 1} [packed = false];`).join(' ')} }
  message Pair { int32 a = 1; string b = 2; int32 c = 3; }
  message Lists { repeated int32 packed = 1; repeated int32 loose = 2 [packed = false]; repeated double doubles = 3; repeated string texts = 4; }
  message Empty {}
  message Scalars { ${KINDS.map((kind, i) => `${kind} own_${kind} = ${i + 1};`).join(' ')} }
  message Choice { oneof o { int32 a = 1; string b = 2; Empty c = 3; bytes d = 4; int64 e = 5; } }
  message Maps { ${Array.from({ length: 50 }, (_, i) => `map<string, string> map${i} = ${i + 1};`).join(' ')} }
  enum Colour { RED = 0; }`

/** Ordinary messages, with every field set: what V8 learns from them must not make hostile ones larger. */
const ordinary = (() => {
  const maps = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`map${i}`, { k: 'v' }]))
  const scalars = {
    ownDouble: 1.5,
    ownFloat: 1.5,
    ownInt32: 1,
    ownUint32: 1,
    ownSint32: 1,
    ownFixed32: 1,
    ownSfixed32: 1,
    ownInt64: 1,
    ownUint64: 1,
    ownSint64: 1,
    ownFixed64: 1,
    ownSfixed64: 1,
    ownBool: true,
    ownString: 'x',
    ownBytes: Buffer.from('x'),
  }
  const lists = { packed: [1, 2], loose: [1, 2], doubles: [1.5], texts: ['x'] }
  const leaf = {
    maps: [maps],
    empties: [{}],
    choices: [{ a: 1 }],
    choice: { b: 'x' },
    scalars: [scalars],
    lists: [lists],
    loose: [Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`list${i}`, [1, 2]]))],
    pairs: [{ a: 1, b: 'x', c: 2 }],
  }
  return { ...leaf, list: [leaf, leaf], one: leaf, map: { k: leaf } }
})()

type Int64 = 'bigint' | 'long' | 'number'

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
}

const tag = (id: number, wireType: number): number[] => varint(id * 8 + wireType)
const delimited = (id: number, content: number[]): number[] => [...tag(id, 2), ...varint(content.length), ...content]

/** A body of 1 MiB: one piece after another. */
function repeat(piece: (i: number) => number[]): Buffer {
  const body = Buffer.alloc(MIB)
  let length = 0
  for (let i = 0; ; i++) {
    const bytes = piece(i)
    if (length + bytes.length > MIB) return body.subarray(0, length)
    body.set(bytes, length)
    length += bytes.length
  }
}

/** One field that holds all of the pieces. */
function packed(id: number, piece: (i: number) => number[]): Buffer {
  const list = repeat(piece)
  const content = list.subarray(0, MIB - 8 - ((MIB - 8) % piece(0).length))
  return Buffer.concat([Buffer.from([...tag(id, 2), ...varint(content.length)]), content])
}

const text = (i: number): number[] => [
  97 + (i % 26),
  97 + (Math.floor(i / 26) % 26),
  97 + (Math.floor(i / 676) % 26),
  97 + (Math.floor(i / 17576) % 26),
]

/** A chain of messages, each wrapped into the next, as long as a length takes one byte. */
function chain(wrap: (body: number[]) => number[]): number[] {
  let body: number[] = []
  while (body.length < 124) body = wrap(body)
  return delimited(1, body)
}

/** So many lists, each of one number. */
const lists = (count: number): number[] => Array.from({ length: count }, (_, i) => [i * 8 + 8, 5]).flat()

const members = [
  [8, 5],
  [18, 0],
  [26, 0],
  [34, 0],
]

type Shape = [name: string, limit: number, body: () => Buffer, type?: string]

/** Bodies by what is in them, and the most that they may cost: maps and repeated fields 20 times, anything 30. */
const shapes: Shape[] = [
  ['empty submessages of a type with 50 maps', 20, () => repeat(() => delimited(4, [])), 'Tree'],
  ['empty submessages', 20, () => repeat(() => delimited(5, [])), 'Tree'],
  ['empty submessages of a type that nests', 20, () => repeat(() => delimited(1, [])), 'Tree'],
  ['submessages with one number', 30, () => repeat(() => delimited(8, [24, 5])), 'Tree'],
  ['submessages with three numbers', 30, () => repeat(() => delimited(8, [24, 5, 32, 5, 40, 5])), 'Tree'],
  ['submessages with four numbers', 30, () => repeat(() => delimited(8, [24, 5, 32, 5, 40, 5, 104, 1])), 'Tree'],
  ['submessages with one list of one number', 20, () => repeat(() => delimited(9, [16, 5])), 'Tree'],
  ['submessages with one packed list of one number', 30, () => repeat(() => delimited(9, [10, 1, 5])), 'Tree'],
  ['submessages with one list of two numbers', 20, () => repeat(() => delimited(9, [16, 5, 16, 6])), 'Tree'],
  [
    'submessages with one list of five numbers',
    30,
    () => repeat(() => delimited(9, [16, 5, 16, 6, 16, 7, 16, 8, 16, 9])),
    'Tree',
  ],
  ['submessages with one packed list of two numbers', 20, () => repeat(() => delimited(9, [10, 2, 5, 6])), 'Tree'],
  ['submessages with one list of one empty text', 20, () => repeat(() => delimited(9, [34, 0])), 'Tree'],
  ['submessages with one map of one entry', 20, () => repeat(() => delimited(4, [10, 0])), 'Tree'],
  ['submessages with one member of a oneof', 30, () => repeat((i) => delimited(6, members[i % 4] as number[])), 'Tree'],
  ['one oneof, its members in turn', 30, () => repeat((i) => delimited(7, members[i % 4] as number[])), 'Tree'],
  ['submessages in submessages', 30, () => repeat(() => chain((body) => delimited(2, body))), 'Tree'],
  // 88 bytes for 2: an object with room for its one list, the list, and the one place in it, which V8 keeps apart.
  ['lists of submessages in lists of submessages', 46, () => repeat(() => chain((body) => delimited(1, body))), 'Tree'],
  [
    'maps of submessages in maps of submessages',
    30,
    () => repeat(() => chain((body) => delimited(3, delimited(2, body)))),
    'Tree',
  ],
  ['packed int64 of 1 byte', 20, () => packed(8, () => [5])],
  ['packed int64 of 1 byte, all different', 20, () => packed(8, (i) => [i % 128])],
  ['packed int64 of 2 bytes', 20, () => packed(8, (i) => [128 | (i & 127), 1 + (i % 127)])],
  ['packed uint64 of 2 bytes', 20, () => packed(9, (i) => [128 | (i & 127), 1 + (i % 127)])],
  ['packed sint64 of 2 bytes', 20, () => packed(10, (i) => [128 | (i & 127), 1 + (i % 127)])],
  ['packed int64 of 3 bytes', 20, () => packed(8, (i) => [128 | (i & 127), 128 | (i % 127), 1])],
  ['packed fixed64', 20, () => packed(11, (i) => [i & 255, i >> 8, i >> 16, 1, 2, 3, 0, 0])],
  ['packed doubles', 20, () => packed(1, (i) => [i & 255, i >> 8, 1, 1, 2, 3, 4, 5])],
  ['packed floats', 20, () => packed(2, (i) => [i & 255, i >> 8, 1, 1])],
  ['packed int32 of 1 byte', 20, () => packed(3, () => [5])],
  ['packed uint32 of 5 bytes', 20, () => packed(4, () => [255, 255, 255, 255, 15])],
  ['packed bools', 20, () => packed(13, (i) => [i % 2])],
  ['packed enums', 20, () => packed(24, () => [0])],
  ['unpacked int64 of 1 byte', 20, () => repeat((i) => [64, i % 128])],
  ['unpacked int64 of 2 bytes', 20, () => repeat((i) => [64, 128 | (i & 127), 1 + (i % 127)])],
  ['empty bytes', 20, () => repeat(() => delimited(15, []))],
  // V8's 96 bytes for a Buffer, its place in the list, and 8 bytes of the pool, for 3; a little more from Node 24 on.
  ['bytes of 1 byte', 44, () => repeat((i) => delimited(15, [i & 255]))],
  ['bytes of 2 bytes', 33, () => repeat((i) => delimited(15, [i & 255, 1]))],
  ['bytes of 8 bytes', 20, () => repeat((i) => delimited(15, [i & 255, 1, 2, 3, 4, 5, 6, 7]))],
  ['empty strings', 20, () => repeat(() => delimited(14, []))],
  ['strings of 1 character', 20, () => repeat((i) => delimited(14, [97 + (i % 26)]))],
  ['strings of 2 characters', 20, () => repeat((i) => delimited(14, text(i).slice(0, 2)))],
  ['strings of 1 character of 2 bytes', 20, () => repeat((i) => delimited(14, [0xc3, 0x80 | (i & 63)]))],
  ['strings of 1 character of 3 bytes', 20, () => repeat((i) => delimited(14, [0xe2, 0x82, 0x80 | (i & 63)]))],
  ['map entries of text', 20, () => repeat((i) => delimited(16, [10, 4, ...text(i), 18, 0]))],
  ['map entries of text, short keys', 20, () => repeat((i) => delimited(16, [10, 3, ...text(i).slice(0, 3)]))],
  ['map entries of numbers', 20, () => repeat((i) => delimited(17, [8, ...varint(i), 16, 1]))],
  [
    'map entries of scattered numbers',
    20,
    () => repeat((i) => delimited(17, [8, ...varint((i * 2_654_435_761) % 2 ** 31)])),
  ],
  [
    'map entries of 64-bit numbers',
    20,
    () => repeat((i) => delimited(18, [8, ...varint(i * 1e9), 16, ...varint(i * 1e9)])),
  ],
  ['map entries of text to int64', 20, () => repeat((i) => delimited(23, [10, 4, ...text(i), 16, 0x80, 2]))],
  ['map entries of text to submessages', 20, () => repeat((i) => delimited(19, [10, 4, ...text(i)]))],
  ['map entries of numbers to submessages', 20, () => repeat((i) => delimited(20, [8, ...varint(i)]))],
  [
    'map entries of fixed32 to bytes',
    20,
    () => repeat((i) => delimited(22, [13, i & 255, i >> 8, i >> 16, 0, 18, 1, 5])),
  ],
  ['map entries of one key', 20, () => repeat(() => delimited(21, []))],
  ['unknown fields of 2 bytes', 20, () => repeat(() => [120, 5])],
  ['unknown and known fields of 2 bytes in turn', 30, () => repeat((i) => (i % 2 === 0 ? [26, 0] : [120, 5]))],
  ['unknown fields in submessages', 20, () => repeat(() => delimited(5, [8, 5])), 'Tree'],
  // Around the sizes from which messages are roomy.
  ['submessages with two lists of one number', 30, () => repeat(() => delimited(9, [10, 1, 5, 16, 5])), 'Tree'],
  ['submessages with two loose lists of one number', 25, () => repeat(() => delimited(10, [8, 5, 16, 5])), 'Tree'],
  ['submessages with five loose lists of one number', 25, () => repeat(() => delimited(10, lists(5))), 'Tree'],
  ['submessages with nine loose lists of one number', 25, () => repeat(() => delimited(10, lists(9))), 'Tree'],
  ['submessages with three empty texts in a list', 30, () => repeat(() => delimited(9, [34, 0, 34, 0, 34, 0])), 'Tree'],
  [
    'submessages with one text of 2 characters',
    20,
    () => repeat((i) => delimited(11, [18, 2, ...text(i).slice(0, 2)])),
    'Tree',
  ],
  ['submessages of two numbers', 20, () => repeat(() => delimited(11, [8, 5, 24, 5])), 'Tree'],
  [
    'submessages with eight numbers',
    20,
    () => repeat(() => delimited(8, [24, 5, 32, 5, 40, 5, 64, 1, 72, 1, 80, 1, 104, 1, 48, 1].slice(0, 14))),
    'Tree',
  ],
  [
    'submessages with one number of ten bytes and one more',
    20,
    () => repeat(() => delimited(8, [24, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 32, 5])),
    'Tree',
  ],
  // 40 bytes for 2: an object with room for its one entry, and its place, which V8 keeps in another object.
  ['submessages with three maps of one entry', 23, () => repeat(() => delimited(4, [10, 0, 18, 0, 26, 0])), 'Tree'],
  [
    'submessages with one map of two entries',
    20,
    () => repeat((i) => delimited(4, [10, 0, 10, 3, 10, 1, i & 127])),
    'Tree',
  ],
  [
    'submessages with four maps of one entry',
    23,
    () => repeat(() => delimited(4, [10, 0, 18, 0, 26, 0, 34, 0])),
    'Tree',
  ],
  [
    'submessages with eight maps of one entry',
    23,
    () => repeat(() => delimited(4, Array.from({ length: 8 }, (_, i) => [i * 8 + 10, 0]).flat())),
    'Tree',
  ],
]

export interface Cost {
  name: string
  int64: Int64
  limit: number
  bytes: number
  ratio: number
}

function measure(int64: Int64): Cost[] {
  const gc = globalThis.gc as () => void
  const protocol = reflectedProtocol(rootOf(schema).lookup('t') as protobuf.Namespace, {
    header: 'length:varint',
    message: { body: 'raw' },
    int64,
  })
  const used = (): number => {
    gc()
    const { heapUsed, external } = process.memoryUsage() // `external` counts array buffers too.
    return heapUsed + external
  }
  for (let i = 0; i < 20; i++) protocol.decode('Tree', protocol.encode('Tree', ordinary))
  return shapes
    .filter(([name]) => int64 === 'bigint' || (int64 === 'long' ? /64/ : /64 of 2/).test(name))
    .map(([name, limit, makeBody, type = 'Worst']) => {
      const body = makeBody()
      gc() // One call leaves what finalizers hold.
      const before = used()
      const message = protocol.decode(type, body)
      const ratio = (used() - before) / body.length
      if (Object.keys(message).length === 0) throw new Error('Nothing was decoded.') // Until here it is in use.
      return { name, int64, limit, bytes: body.length, ratio }
    })
}

if (process.argv.includes('--measure')) {
  process.stdout.write(JSON.stringify((['bigint', 'long', 'number'] as const).flatMap(measure)))
}
