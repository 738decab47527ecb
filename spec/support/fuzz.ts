// Hostile streams, seeded: bytes at random, streams of valid frames with bytes changed, cut out or put in, and headers that lie,
// for every preset layout and for some of no protocol's. Whatever comes in, only messages or a QbpError with a documented code
// come out, the same however the bytes are cut, and what came out is taken back.
//
//   npm run fuzz -- --seconds 600 --seed 7

import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { inspect, isDeepStrictEqual, parseArgs } from 'node:util'
import fc from 'fast-check'
import { MessageWriter } from '../../lib/framing/message-writer.ts'
import { headers, Protocol, QbpError, QbpReadable, QbpWritable } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'
import { Draw, drawLayout, drawMessage, protocolOf } from './layouts.ts'

const LAYOUTS = [
  ...new Set([
    ...Object.values(headers).flatMap((header) =>
      typeof header === 'string' && !header.includes('{') ? [header] : [],
    ),
    '0xcafe version:u8 type:u8 length(rest):varint 0x00',
    'length(frame):varint type:zigzag flags:u24le',
    'type:varint length(frame):u16le',
    'checksum:u32 length(rest):zigzag type:u16le id:varint',
  ]),
]
const SCHEMA = join(__dirname, '../peers/peers.proto')
const MAX_BODY_BYTES = 4096

/** One of each kind of field, by the names of All's fields. */
const SAMPLES = {
  scalars: {
    aDouble: -0.5,
    aFloat: 1.5,
    anInt32: -1,
    anInt64: -(2n ** 63n),
    aUint64: 2n ** 64n - 1n,
    aSint64: -300n,
    aFixed64: 7n,
    aBool: true,
    aString: 'ö😀',
    someBytes: Buffer.from([0, 255]),
    aColour: -1,
    theLastField: 1,
  },
  lists: {
    doubles: [1, 2],
    int64s: [1n, -1n, 300n],
    sfixed64s: [5n],
    bools: [true, false],
    strings: ['', 'a'],
    byteStrings: [Buffer.alloc(0)],
    colours: [1, 2],
    unpackedUint64s: [0n, 1n],
  },
  tree: { label: 'root', left: { label: 'l', left: { label: 'll' } }, more: [{}, { label: 'm' }] },
  maps: {
    byString: { a: 'b', __proto__x: '' },
    byInt32: { '-1': { label: 'x' } },
    byUint64: { '18446744073709551615': 1n },
    byBool: { true: 1 },
  },
  choice: { tree: { label: 'chosen' }, beside: 'x' },
  presence: { number: 0, text: '', blob: Buffer.alloc(0), plain: 5 },
  blob: { content: Buffer.from('some content of some length, longer than a varint of one byte can tell: '.repeat(3)) },
}

/** The codes that bytes from a peer may lead to. */
const CODES = new Set([
  'ERR_QBP_BAD_CHECKSUM',
  'ERR_QBP_BAD_CONSTANT',
  'ERR_QBP_BAD_LENGTH',
  'ERR_QBP_BAD_VARINT',
  'ERR_QBP_INVALID_BODY',
  'ERR_QBP_TOO_LONG',
  'ERR_QBP_TRUNCATED',
  'ERR_QBP_UNKNOWN_TYPE',
])

/** What a run has seen. */
export interface FuzzReport {
  inputs: number
  bytes: number
  messages: number
  /** How often the stream ended cleanly, and how often by which code. */
  ends: Record<string, number>
}

interface Subject {
  protocol: Protocol
  /** What stands before the first frame. */
  preamble: Uint8Array
  /** Rows of frames without a fault. */
  valid: Uint8Array[]
}

type Outcome = { messages: object[]; end: string; place: string }

async function presets(): Promise<Subject[]> {
  const protocols: Subject[] = []
  for (const header of LAYOUTS) {
    const typed = /\btype[:(]/.test(header)
    const options = typed ? { types: ['(qbp.type)', { Nothing: 0 }] } : { message: 'All' }
    for (const policy of ['error', 'skip', 'raw'] as const) {
      const protocol = await Protocol.load(SCHEMA, {
        header,
        ...options,
        unknown: policy,
        invalid: policy,
        includeDirs: ['schemas'],
      })
      const { entries } = protocol.sent.client
      const messages = typed
        ? entries.map(({ name }) => ({ $name: name, ...SAMPLES[name.toLowerCase() as keyof typeof SAMPLES] }))
        : Object.entries(SAMPLES).map(([name, sample]) => ({ [name]: sample }))
      const valid = [...messages.map((message) => frames(protocol, [message])), frames(protocol, messages)]
      protocols.push({ protocol, preamble: new Uint8Array(0), valid })
    }
  }
  return protocols
}

/** Layouts of the whole language, drawn at random, and streams of them. */
function drawn(seed: number, count: number): Subject[] {
  const draw = new Draw(randomNumbers(seed))
  const subjects: Subject[] = []
  while (subjects.length < count) {
    const policy = draw.one(['error', 'skip', 'raw'] as const)
    const protocol = protocolOf(drawLayout(draw), { unknown: policy, invalid: policy })
    if (protocol === null) continue
    const { header, sent } = protocol
    const preamble = new MessageWriter(header, sent.client, MAX_BODY_BYTES).preamble(null)
    const valid: Uint8Array[] = []
    for (let i = 0; i < 8; i++) {
      try {
        valid.push(frames(protocol, [drawMessage(draw, protocol.header)]).subarray(preamble.length))
      } catch (error) {
        // A length that drew too small a kind.
        if ((error as QbpError).code !== 'ERR_QBP_FIELD_OVERFLOW') throw error
      }
    }
    if (valid.length > 0) subjects.push({ protocol, preamble, valid })
  }
  return subjects
}

function frames(protocol: Protocol, messages: object[]): Uint8Array {
  const writer = new QbpWritable(protocol, { maxBodyBytes: MAX_BODY_BYTES })
  for (const message of messages) writer.write(message)
  writer.end()
  return (writer.read() as Uint8Array | null) ?? new Uint8Array(0)
}

/** Reads a stream that comes in these chunks. */
async function read(protocol: Protocol, chunks: Uint8Array[]): Promise<Outcome> {
  const reader = new QbpReadable(protocol, { maxBodyBytes: MAX_BODY_BYTES })
  for (const chunk of chunks) reader.write(chunk)
  reader.end()
  const messages: object[] = []
  try {
    for await (const message of reader) messages.push(message)
    return { messages, end: 'end', place: '' }
  } catch (error) {
    if (!(error instanceof QbpError) || !CODES.has(error.code)) throw error
    return { messages, end: error.code, place: `${error.frame} ${error.offset} ${error.field}` }
  }
}

function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const offsets = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...offsets].map((from, i) => bytes.subarray(from, offsets[i] ?? bytes.length))
}

interface Edit {
  at: number
  remove: number
  insert: Uint8Array
}

function edited(bytes: Uint8Array, edits: Edit[]): Uint8Array {
  let result = Buffer.from(bytes)
  for (const { at, remove, insert } of edits) {
    const place = at % (result.length + 1)
    result = Buffer.concat([result.subarray(0, place), insert, result.subarray(place + remove)])
  }
  return result
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.oneof(fc.nat(12), fc.nat(4096)), // The first bytes are a header.
  remove: fc.nat(3),
  insert: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(
      ...['ff', '80', '00', 'ffffffff7f', '8080808080808080808001'].map((hex) => Buffer.from(hex, 'hex')),
    ),
  ),
})

/**
 * Feeds hostile streams for so many seconds.
 *
 * @throws with the seed, the path and the smallest input that broke a promise.
 */
export async function fuzz(
  seconds: number,
  seed: number,
  progress: (report: FuzzReport) => void = () => {},
): Promise<FuzzReport> {
  const subjects = [...(await presets()), ...drawn(seed, 200)]
  const report: FuzzReport = { inputs: 0, bytes: 0, messages: 0, ends: {} }
  const input = fc.record({
    which: fc.nat(subjects.length - 1),
    base: fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(1000), { maxLength: 4 })),
    edits: fc.array(edit, { maxLength: 4 }),
    places: fc.array(fc.nat(5000), { maxLength: 6 }),
  })
  const property = fc.asyncProperty(input, async ({ which, base, edits, places }) => {
    const { protocol, preamble, valid } = subjects[which] as Subject
    const stream =
      base instanceof Uint8Array
        ? base
        : Buffer.concat([preamble, ...base.map((i) => valid[i % valid.length] as Uint8Array)])
    const bytes = edited(stream, edits)
    const whole = await read(protocol, [bytes])
    for (const chunks of [cut(bytes, places), Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))]) {
      const parts = await read(protocol, chunks)
      same(parts.end, whole.end, 'the end', protocol)
      same(parts.place, whole.place, 'the place', protocol)
      same(parts.messages, whole.messages, 'the messages', protocol)
    }
    if (edits.length === 0 && !(base instanceof Uint8Array)) same(whole.end, 'end', 'a valid stream', protocol)
    const again = await read(protocol, [frames(protocol, whole.messages)])
    await setImmediate() // What the streams have left for the next tick, their end or an uncaught fault, comes now.
    same(again.messages, whole.messages, 'what was written again', protocol)
    report.inputs++
    report.bytes += bytes.length
    report.messages += whole.messages.length
    report.ends[whole.end] = (report.ends[whole.end] ?? 0) + 1
    if (report.inputs % 5000 === 0) progress(report)
  })
  await fc.assert(property, {
    seed,
    numRuns: 2 ** 31 - 1,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  })
  return report
}

function same(found: unknown, expected: unknown, what: string, { header }: Protocol): void {
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`'${header.text}': ${what}: ${inspect(found)}, not ${inspect(expected)}`)
}

/** The command: `npm run fuzz`. */
export async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
  })
  const seed = Number(values.seed ?? Date.now() % 2 ** 31)
  console.log(`fuzzing for ${values.seconds} s, seed ${seed}`)
  const started = Date.now()
  const report = await fuzz(Number(values.seconds), seed, ({ inputs, messages }) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${Math.round((Date.now() - started) / 1000)} s: ${inputs} inputs, ${messages} messages`)
  })
  console.log(
    `\n${report.inputs} streams, ${report.bytes} bytes, each read in three ways; ${report.messages} messages. Ends:`,
    report.ends,
  )
}
