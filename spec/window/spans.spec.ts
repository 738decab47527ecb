import { expect } from 'chai'
import type { Type } from '../../lib/codec/type.ts'
import { Header } from '../../lib/framing/header.ts'
import { headerSpans } from '../../lib/window/page/header-spans.ts'
import { pathTo, type Span } from '../../lib/window/page/span.ts'
import { spansOf } from '../../lib/window/page/spans.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const scalars = [
  ...['double', 'float', 'int32', 'uint32', 'sint32', 'fixed32', 'sfixed32', 'int64', 'uint64', 'sint64'],
  ...['fixed64', 'sfixed64', 'bool', 'string', 'bytes'],
]
const protocol = reflectedProtocol(
  rootOf({
    nested: {
      p: {
        nested: {
          Color: { values: { RED: 0, GREEN: 1 } },
          M: {
            fields: {
              a: { type: 'int32', id: 1 },
              b: { type: 'string', id: 2 },
              c: { type: 'M', id: 3 },
              g: { type: 'M', id: 4, options: { features: { message_encoding: 'DELIMITED' } } },
              d: { rule: 'repeated', type: 'int32', id: 6 },
              color: { type: 'Color', id: 7 },
              list: { rule: 'repeated', type: 'M', id: 8 },
              map: { keyType: 'string', type: 'M', id: 9 },
              numbers: { keyType: 'int64', type: 'Color', id: 10 },
            },
          },
          All: { fields: Object.fromEntries(scalars.map((type, i) => [`f_${type}`, { type, id: i + 1 }])) },
        },
      },
    },
  }),
  { package: 'p', ...{ types: { M: 1, All: 2 } } },
)
const typeOf = (name: string): Type => protocol.sent.client.byName(name)?.body as Type
const M = typeOf('M')
const bytesOf = (hex: string): Uint8Array => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** Name, value and bytes of each, indented by depth. */
function told(spans: readonly Span[], depth = 0): string[] {
  return spans.flatMap(({ name, kind, value, note, start, end, children }) => {
    const shown = value === null ? '' : ` = ${value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value}`
    const line = `${'  '.repeat(depth)}${name}: ${kind}${shown}${note === undefined ? '' : ` (${note})`} ${start}..${end}`
    return [line, ...told(children, depth + 1)]
  })
}
const spans = (hex: string, type: Type | null = M): string[] => told(spansOf(type, bytesOf(hex)))

/** That the spans lie one behind the other, and together fill their place. */
function expectToFill(list: readonly Span[], start: number, end: number): void {
  let pos = start
  for (const span of list) {
    expect(span.start, span.name).to.equal(pos)
    expect(span.valueStart).to.be.within(span.start, span.end)
    // A group has its end tag behind its fields.
    const isGroup = span.name === 'g' || span.kind === 'unknown group'
    const last = isGroup ? span.children.at(-1)?.end : span.end
    if (span.children.length > 0) expectToFill(span.children, span.valueStart, last ?? span.end)
    pos = span.end
  }
  expect(pos).to.equal(end)
}

describe('the spans of a body', () => {
  it('name each field, its value and its bytes', () => {
    expect(spans('08 96 01  12 07 74 65 73 74 69 6e 67')).to.deep.equal([
      'a: int32 = 150 0..3',
      'b: string = testing 3..12',
    ])
  })

  it('go into messages', () => {
    expect(spans('1a 03 08 96 01')).to.deep.equal(['c: M 0..5', '  a: int32 = 150 2..5'])
  })

  it('go into groups, up to their end', () => {
    expect(spans('23 08 01 24 08 02')).to.deep.equal(['g: M 0..4', '  a: int32 = 1 1..3', 'a: int32 = 2 4..6'])
    expect(spans('23 08 01')).to.deep.equal([
      'g: M 0..3',
      '  a: int32 = 1 1..3',
      '  : malformed (a group that does not end) 3..3',
    ])
  })

  it('count the entries of a list, packed or not, over the whole message', () => {
    expect(spans('32 06 03 8e 02 9e a7 05  30 07  42 00  08 01  42 02 08 02')).to.deep.equal([
      'd: packed int32 0..8',
      '  [0]: int32 = 3 2..3',
      '  [1]: int32 = 270 3..5',
      '  [2]: int32 = 86942 5..8',
      'd[3]: int32 = 7 8..10',
      'list[0]: M 10..12',
      'a: int32 = 1 12..14',
      'list[1]: M 14..18',
      '  a: int32 = 2 16..18',
    ])
  })

  it('call the entries of a map by their keys', () => {
    expect(spans('4a 07 0a 01 6b 12 02 08 05  52 04 08 07 10 01')).to.deep.equal([
      'map["k"]: map<string, M> 0..9',
      '  key: string = k 2..5',
      '  value: M 5..9',
      '    a: int32 = 5 7..9',
      'numbers[7]: map<int64, Color> 9..15',
      '  key: int64 = 7 11..13',
      '  value: Color = 1 (GREEN) 13..15',
    ])
  })

  it('give enums their names', () => {
    expect(spans('38 01 38 05')).to.deep.equal([
      'color: Color = 1 (GREEN) 0..2',
      'color: Color = 5 (no name of the enum) 2..4',
    ])
  })

  it('tell what the wire tells of fields that the schema lacks', () => {
    expect(
      spans('a0 06 96 01  a5 06 01 00 00 00  a1 06 02 00 00 00 00 00 00 00  a2 06 01 ff  a3 06 08 01 a4 06'),
    ).to.deep.equal([
      '#100: unknown varint = 150 0..4',
      '#100: unknown fixed32 = 1 4..10',
      '#100: unknown fixed64 = 2 10..20',
      '#100: unknown = ff 20..24',
      '#100: unknown group 24..30',
      '  #1: unknown varint = 1 26..28',
    ])
  })

  it('do not take another wire type for the field', () => {
    expect(spans('0d 01 00 00 00')).to.deep.equal([
      '#1: unknown fixed32 = 1 (not as a: wire type 5 where it has 0) 0..5',
    ])
  })

  it('show what came before a fault, and say what the fault is', () => {
    expect(spans('08 01  12 05 61 62')).to.deep.equal([
      'a: int32 = 1 0..2',
      ': malformed (a field goes on after the end) 2..6',
    ])
    expect(spans('1a 04 08 01 12 05  08 02')).to.deep.equal([
      'c: M 0..6',
      '  a: int32 = 1 2..4',
      '  : malformed (a field goes on after the end) 4..6',
      'a: int32 = 2 6..8',
    ])
    expect(spans('12 01 ff')).to.deep.equal([': malformed (text that is not UTF-8) 0..3'])
    expect(spans('04')).to.deep.equal([': malformed (field number 0) 0..1'])
  })

  it('read every kind of value as the decoder does', () => {
    const message = {
      ...{
        fDouble: -1.5,
        fFloat: 0.5,
        fInt32: -1,
        fUint32: 2 ** 32 - 1,
        fSint32: -2,
        fFixed32: 2 ** 32 - 3,
        fSfixed32: -4,
      },
      ...{
        fInt64: -5n,
        fUint64: 2n ** 64n - 1n,
        fSint64: -(2n ** 63n),
        fFixed64: 2n ** 63n,
        fSfixed64: -6n,
        fBool: true,
      },
      ...{ fString: 'grüße 👋', fBytes: Buffer.from('00ff', 'hex') },
    }
    const snake = Object.fromEntries(
      Object.entries(message).map(([key, value]) => [
        key.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
    )
    const bytes = protocol.encode('All', snake)
    const found = spansOf(typeOf('All'), bytes)
    expectToFill(found, 0, bytes.length)
    expect(Object.fromEntries(found.map(({ name, value }) => [name, value]))).to.deep.equal(snake)
  })

  it('never throw, and fill the body, whatever its bytes are', () => {
    let state = 7
    const random = () => {
      state = (state * 1103515245 + 12345) & 0x7fffffff
      return state >>> 8
    }
    const valid = bytesOf(
      '08 96 01 1a 05 08 01 12 01 61 32 03 03 8e 02 42 02 08 02 4a 07 0a 01 6b 12 02 08 05 a3 06 08 01 a4 06',
    )
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from(valid)
      for (let i = 0; i < 1 + (round % 4); i++) bytes[random() % bytes.length] = random()
      const cut = bytes.subarray(0, 1 + (random() % bytes.length))
      const found = spansOf(M, cut)
      expectToFill(found, 0, cut.length)
    }
  })

  it('are no more than a tree can show', () => {
    const found = spansOf(
      M,
      new Uint8Array(200_000).fill(1).map((_, i) => (i % 2 === 0 ? 8 : 1)),
    )
    expect(found).to.have.lengthOf(50_001)
    expect(found.at(-1)).to.include({ kind: 'more', start: 100_000, end: 200_000 })
  })

  it('nest no deeper than a decoder reads', () => {
    let bytes: Uint8Array = new Uint8Array(0)
    for (let i = 0; i < 150; i++) bytes = Buffer.concat([Buffer.from([0x1a, ...varint(bytes.length)]), bytes])
    const path = pathTo(spansOf(M, bytes), bytes.length - 1)
    expect(path.at(-1)).to.include({ kind: 'malformed', note: 'nested deeper than 100' })
  })
})

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)])

describe('the spans of a header', () => {
  const rows: [layout: string, hex: string, expected: string[]][] = [
    ['type:u16 length:u32', '0003 00000005', ['type: u16 = 3 0..2', 'length: u32 = 5 2..6']],
    ['length(rest):u32le type:u8', '06000000 0c', ['length(rest): u32le = 6 0..4', 'type: u8 = 12 4..5']],
    [
      '0x00 length:varint type:varint',
      '00 05 9601',
      ['constant: 0x00 0..1', 'length: varint = 5 1..2', 'type: varint = 150 2..4'],
    ],
    ['length:zigzag', '0a', ['length: zigzag = 5 0..1']],
  ]
  for (const [layout, hex, expected] of rows) {
    it(`follow the layout ${layout}`, () => {
      const bytes = bytesOf(hex)
      expect(
        told(headerSpans(new Header(layout).pieces(Buffer.concat([bytes, Buffer.alloc(5)])), bytes, () => null)),
      ).to.deep.equal(expected)
    })
  }
})

describe('the path to a byte', () => {
  const found = spansOf(M, bytesOf('08 01 1a 03 08 96 01'))
  it('ends at the innermost field around it', () => {
    expect(pathTo(found, 5).map(({ name }) => name)).to.deep.equal(['c', 'a'])
    expect(pathTo(found, 2).map(({ name }) => name)).to.deep.equal(['c'])
    expect(pathTo(found, 7)).to.deep.equal([])
  })
})
