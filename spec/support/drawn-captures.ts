// Captures of schemas that are drawn, too: what one side sends, by a header, of messages of a few kinds.

import { type HeaderFields, Protocol, type ProtocolOptions, QbpWritable, type Role } from '../../lib/index.ts'
import { Draw } from './layouts.ts'

/** Numbers of 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const varint = (value: bigint | number): number[] => {
  const bytes: number[] = []
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)]
    bytes.push(Number(rest & 127n) | 128)
  }
}

const WORDS =
  'the a room user build status ok error green lunch at of in order price bid ask device sensor name value over quick fox'.split(
    ' ',
  )
const sentence = (draw: Draw) => Array.from({ length: draw.below(6) + 1 }, () => draw.one(WORDS)).join(' ')
const hex = (draw: Draw) => draw.bytes(16).toString('hex')

/** Writes a field, or nothing of it. */
type Field = (draw: Draw) => number[]

function drawField(draw: Draw, number: number, depth: number): Field {
  const tag = (wire: number) => varint(number * 8 + wire)
  const integer = (value: bigint | number) => [...tag(0), ...varint(value)]
  const long = (bytes: Iterable<number>) => {
    const content = [...bytes]
    return [...tag(2), ...varint(content.length), ...content]
  }
  let counter = draw.below(1000)
  const kinds: Field[] = [
    (each) => (each.chance(0.2) ? [] : integer(1 + each.below(4))),
    () => integer(++counter),
    (each) => integer(1_795_000_000_000n + BigInt(each.below(1e6))),
    (each) => integer(each.below(2 ** 31)),
    (each) => integer(-1 - each.below(100)),
    (each) => [...tag(1), ...Buffer.from(new Float64Array([each.below(10_000) / 100]).buffer)],
    (each) => [...tag(5), ...Buffer.from(new Float32Array([each.below(10_000) / 7]).buffer)],
    (each) => long(Buffer.from(sentence(each))),
    (each) => long(Buffer.from(sentence(each))),
    (each) => long(Buffer.from(each.one(WORDS))),
    (each) => long(Buffer.from(hex(each))),
    (each) => (each.chance(0.3) ? long(each.bytes(each.one([4, 8, 16, 20, 32, 100]))) : []),
    (each) => long(Array.from({ length: each.below(8) }, () => varint(each.below(300))).flat()),
  ]
  if (depth < 2) {
    const inner = drawFields(draw, depth + 1)
    const write: Field = (each) => long(inner.flatMap((field) => field(each)))
    kinds.push(write, (each) => Array.from({ length: each.below(4) }, () => write(each)).flat())
  }
  return draw.one(kinds)
}

function drawFields(draw: Draw, depth = 0): Field[] {
  let number = 0
  return Array.from({ length: 1 + draw.below(depth === 0 ? 7 : 4) }, () => {
    number += draw.chance(0.85) ? 1 : 1 + draw.below(10)
    return drawField(draw, number, depth)
  })
}

/** Messages of one kind, drawn. */
export function drawnMessages(seed: number): () => Buffer {
  const draw = new Draw(random(seed))
  const fields = drawFields(draw, 1)
  return () => Buffer.from(fields.flatMap((field) => field(draw)))
}

/** A message of one field. */
export const field = (number: number, value: number | string): Buffer => {
  const content = typeof value === 'string' ? [...Buffer.from(value)] : []
  const wire = typeof value === 'string' ? [...varint(content.length), ...content] : varint(value)
  return Buffer.from([...varint(number * 8 + (typeof value === 'string' ? 2 : 0)), ...wire])
}

/** The header's own fields, by the message's number. */
export type OwnFields = Record<string, (number: number) => number | bigint | Uint8Array>

/** What one side sends, so many messages; `preamble` is what is sent once. */
export function drawnSide(
  header: ProtocolOptions['header'] & {},
  count: number,
  seed: number,
  own: OwnFields = {},
  { role = 'client', preamble }: { role?: Role; preamble?: HeaderFields } = {},
): Buffer {
  const draw = new Draw(random(seed))
  const protocol = Protocol.raw({ header })
  const { hasType, maxType } = protocol.headers[role]
  const first = hasType ? draw.below(4) : 0
  const kinds = Array.from({ length: hasType ? 1 + draw.below(6) : 1 }, () => drawFields(draw))
  const writer = new QbpWritable(protocol, { role, highWaterMarkBytes: 2 ** 30, ...(preamble && { preamble }) })
  for (let number = 0; number < count; number++) {
    const kind = draw.below(kinds.length)
    const body = Buffer.from((kinds[kind] as Field[]).flatMap((field) => field(draw)))
    const $header = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, value(number)]))
    writer.write({
      $name: hasType ? null : 'Raw',
      type: maxType === 'any' ? `kind ${kind}` : first + kind,
      body,
      ...(Object.keys(own).length > 0 && { $header }),
    } as never)
  }
  writer.end()
  const chunks: Buffer[] = []
  for (let chunk = writer.read(); chunk !== null; chunk = writer.read()) chunks.push(chunk) // Node 26 hands out one at a time.
  return Buffer.concat(chunks)
}
