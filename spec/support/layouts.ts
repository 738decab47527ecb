// Random layouts of the whole language, and what their headers may hold.

import { integerKinds } from '../../lib/framing/layout/integer-kinds.ts'
import { type Protocol, type ProtocolOptions, QbpError } from '../../lib/index.ts'
import { reflectedProtocol, rootOf } from './reflected.ts'

/** The messages that random layouts carry and have as sections. */
export const SCHEMA = rootOf({
  nested: {
    l: {
      nested: {
        Say: { fields: { text: { type: 'string', id: 1 }, n: { type: 'int64', id: 2 } } },
        Go: { fields: { list: { rule: 'repeated', type: 'sint32', id: 1 } } },
        Which: { values: { NONE: 0, SAY: 3, GO: 200 } },
        Head: {
          fields: {
            size: { type: 'uint32', id: 1 },
            kind: { type: 'string', id: 2 },
            which: { type: 'Which', id: 3 },
            text: { type: 'string', id: 4 },
            inner: { type: 'Inner', id: 5 },
          },
        },
        Inner: { fields: { length: { type: 'fixed64', id: 1 }, id: { type: 'int32', id: 2 } } },
        Meta: { fields: { text: { type: 'string', id: 1 }, attachmentSize: { type: 'int64', id: 2 } } },
      },
    },
  },
})

/** Draws numbers and items. */
export class Draw {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}

const FIXED = ['u8', 'u16', 'u16le', 'u24', 'u24le', 'u32', 'u32le', 'u64', 'u64le', 'hex8']
const KINDS = [...FIXED, 'varint', 'zigzag']
/** Wide enough for any length that is drawn. */
const LENGTHS = ['u16', 'u16le', 'u24', 'u24le', 'u32', 'u32le', 'u64', 'u64le', 'hex8', 'varint', 'zigzag', 'dec 0x3b']

/** A layout of the whole language, valid or not; most are. */
export function drawLayout(draw: Draw): string {
  const frame = drawRow(draw, true)
  return draw.chance(0.2) ? `${drawRow(draw, false)} | ${frame}` : frame
}

function drawRow(draw: Draw, isFrame: boolean): string {
  const variable = ['{Head}', '{Meta}', 'blob:bytes', 'rest:bytes', 'x.y'].filter(
    (word) => word !== 'x.y' && draw.chance(0.3),
  )
  if (isFrame) variable.splice(draw.below(variable.length + 1), 0, 'body')
  const name = (word: string) => word.replace(/[{}]|:bytes/g, '')
  const words: string[] = [...variable]
  const before = (word: string, added: string) => words.splice(draw.below(words.indexOf(word) + 1), 0, added)
  const open = new Set(variable)
  // One part may be what is left of the frame, or of a sum.
  if (draw.chance(0.5) && variable.length > 0) {
    const left = draw.one(variable)
    open.delete(left)
    const plus = draw.chance(0.2) ? draw.one(['-1', '+4', '+1']) : ''
    const counts = draw.one(['rest', 'frame', 'sum'])
    const sum = variable.filter((word) => word === left || draw.chance(0.5)).map(name)
    const text = counts === 'sum' ? sum.join('+') : counts
    before(variable[0] as string, `length(${text}${plus === '-1' ? '' : plus}):${draw.one(LENGTHS)}`)
  }
  for (const word of open) {
    const counted = name(word)
    const length = counted === 'body' && draw.chance(0.7) ? 'length' : `length(${counted})`
    const head = words.indexOf('{Head}')
    const meta = words.indexOf('{Meta}')
    if (head >= 0 && head < words.indexOf(word) && draw.chance(0.3)) {
      words.splice(head + 1, 0, `${length}=Head.${draw.one(['size', 'inner.length'])}`)
    } else if (meta >= 0 && meta < words.indexOf(word) && draw.chance(0.3)) {
      words.splice(meta + 1, 0, `${length}=Meta.attachment_size`)
    } else if (draw.chance(0.2)) before(word, `[flag${words.length}:3 ${length}:29]:${draw.one(['u32', 'u32le'])}`)
    else before(word, `${length}:${draw.one(LENGTHS)}`)
  }
  const anywhere = (added: string) => words.splice(draw.below(words.length + 1), 0, added)
  for (let i = draw.below(3); i > 0; i--) anywhere(draw.one(['0xcafe', '"AB"', '0x00', '"PR PC"']))
  for (let i = draw.below(3); i > 0; i--) anywhere(`f${i}:${draw.one(KINDS)}`)
  if (draw.chance(0.2)) anywhere('skip:bytes(3)')
  if (draw.chance(0.2)) anywhere(draw.one(['[a:1 b:7]:u8', '[a:4 b:60]:u64', '[a:31 b:1]:u32le', '[a:12 b:12]:u24le']))
  if (draw.chance(0.3)) {
    const covered = draw.one(['body', 'rest', 'frame', ...variable.map(name), 'length'])
    anywhere(
      `${draw.one(['crc32', 'crc32c', 'maskedcrc32c', 'adler32'])}(${covered}):${draw.one(['u32', 'u32le', 'u16', 'hex8', 'u64'])}`,
    )
  }
  if (isFrame && draw.chance(0.6)) {
    const head = words.indexOf('{Head}')
    if (head >= 0 && draw.chance(0.6)) words.splice(head + 1, 0, `type=Head.${draw.one(['kind', 'which', 'inner.id'])}`)
    else anywhere(`type:${draw.one(KINDS)}`)
  }
  if (words.some((word) => /length\((rest|frame)/.test(word)) && draw.chance(0.5)) {
    const at = 1 + draw.below(words.length - 1)
    words.splice(at, 0, '(')
    words.push(')?')
  }
  return words.join(' ')
}

/** A protocol of the layout that carries Say and Go; null for a layout that is none. */
export function protocolOf(header: string, options: ProtocolOptions = {}): Protocol | null {
  const isText = /type=Head.kind/.test(header)
  const isTyped = /\btype[=:]/.test(header)
  const types = isText
    ? { Say: { type: 'say', message: 'Say' }, Go: { type: 'go there', message: 'Go' } }
    : { Say: 3, Go: 200 }
  try {
    return reflectedProtocol(SCHEMA, {
      ...options,
      package: 'l',
      header,
      ...(isTyped ? { types } : { message: 'Say' }),
    }) as unknown as Protocol
  } catch (error) {
    if (error instanceof QbpError && error.code === 'ERR_QBP_BAD_LAYOUT') return null
    throw error
  }
}

/** A message as it is given to a writer. */
export type Sent = { $name: string; $header?: Record<string, unknown>; text?: string }

/** A message for frames of the header. */
export function drawMessage(draw: Draw, { parts, hasType }: Protocol['header']): Sent {
  const fields = drawFields(draw, parts)
  const isGo = hasType && draw.chance(0.3)
  const body = isGo ? { list: [1, -1, 70_000] } : { text: 't'.repeat(draw.one([0, 1, 60, 127, 128, 300])) }
  return { $name: isGo ? 'Go' : 'Say', ...(Object.keys(fields).length > 0 && { $header: fields }), ...body }
}

/** What a header of the row may hold, some of it left out. */
export function drawFields(draw: Draw, parts: Protocol['header']['parts']): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  const integer = (kind: string): unknown => {
    const { least = 0, most = 0 } = integerKinds.get(kind) ?? {}
    if (typeof most === 'bigint') return draw.one([0n, most, BigInt(draw.below(2 ** 40))])
    return (
      draw.one([0, 1, 127, 128, most, least as number, draw.below(Math.min(most as number, 2 ** 40))]) %
      ((most as number) + 1)
    )
  }
  for (const part of parts) {
    if (draw.chance(0.3)) continue
    if (part.kind === 'integer' && part.field.role === 'own') fields[part.field.name] = integer(part.of.name)
    if (part.kind === 'bits') {
      for (const { role, name, bits } of part.fields) {
        if (role === 'own') fields[name] = bits > 53 ? BigInt(draw.below(2 ** 40)) : draw.one([0, 1, 2 ** bits - 1])
      }
    }
    if (part.kind === 'bytes')
      fields[part.name] = draw.bytes(part.size.by === 'fixed' ? part.size.bytes : draw.one([0, 1, 5, 200]))
    if (part.kind === 'section') {
      fields[part.name] =
        part.name === 'Head' ? { text: 'h'.repeat(draw.below(9)) } : { text: 'm'.repeat(draw.one([0, 3, 130])) }
    }
  }
  return fields
}
