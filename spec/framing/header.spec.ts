import { expect } from 'chai'
import type { Head as Reading } from '../../lib/framing/head.ts'
import { Header } from '../../lib/framing/header.ts'
import type { PlainHeader } from '../../lib/framing/plain-header.ts'
import { headers, QbpError } from '../../lib/index.ts'
import { randomNumbers } from '../../lib/testing/splits.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** The header of the layout; that of the last one is kept, since making one compiles its functions. */
function headerOf(layout: string): Header {
  if (last?.layout !== layout) last = { layout, header: new Header(layout) }
  return last.header
}
let last: { layout: string; header: Header } | undefined

type Head = Pick<Reading, 'length' | 'fields'> & { type: number }

/** What a header says of the bytes, and where its body begins; null until more bytes have come. */
function read(layout: string, hex: string | Buffer): (Head & { body: number }) | null {
  const buf = typeof hex === 'string' ? bytes(hex) : hex
  const head: Reading = {
    ...{ type: -1, length: -1, fields: null, start: -1, needs: -1, isEndKnown: false, fault: null },
    ...{ maxBodyBytes: Number.POSITIVE_INFINITY, maxHeaderBytes: 65_536 },
  }
  const end = headerOf(layout).read(buf, 0, buf.length, head)
  if (end < 0 && !head.isEndKnown) return null
  const { type, length, start: body } = head
  return { type: type as number, length, fields: head.fields, body }
}

/** The header of a body, after the checks that a writer makes. */
function write(layout: string, type: number, length: number, fields: Record<string, number> | null = null): string {
  const header = headerOf(layout).plain as PlainHeader
  header.size(type, length, fields) // Is asked before anything is checked.
  header.check(type, length, fields)
  const size = header.size(type, length, fields)
  const buf = Buffer.alloc(size + 8, 0xaa)
  header.write(buf, 4, type, length, fields)
  expect(buf.toString('hex')).to.match(/^aaaaaaaa.*aaaaaaaa$/)
  return buf.subarray(4, -4).toString('hex')
}

function refusal(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    expect(error).to.be.instanceOf(QbpError)
    return error as QbpError
  }
  throw new Error('It was not refused.')
}

describe('a header layout', () => {
  const examples: [layout: string, hex: string, head: Partial<Head>][] = [
    ['type:u16 length:u32', '0102 00000003', { type: 0x102, length: 3 }],
    ['type:u16le length:u32le', '0102 03000000', { type: 0x201, length: 3 }],
    ['type:u24 length:u8', '010203 ff', { type: 0x10203, length: 255 }],
    ['length:u24le type:u8', '010203 ff', { type: 255, length: 0x30201 }],
    ['length:u32', 'ffffffff', { type: 0, length: 2 ** 32 - 1 }],
    ['length:u32le', 'ffffff80', { length: 0x80ffffff }],
    ['length:varint type:varint', 'ac02 00', { length: 300, type: 0 }],
    ['length:varint', 'ffffffffffffff0f', { length: 2 ** 53 - 1 }],
    ['length:varint', '8080808080808080 8000', { length: 0 }],
    ['length:zigzag', '06', { length: 3 }],
    ['length(rest):u8 type:u8', '01 05', { length: 0, type: 5 }],
    ['type:u8 length(rest):u8 flags:u16', '05 04 0102', { length: 2, type: 5, fields: { flags: 0x102 } }],
    ['length(frame):u16 type:u8', '0003 05', { length: 0, type: 5 }],
    ['0xcafe type:u8 length(frame):varint 0x00', 'cafe 05 07 00', { length: 2, type: 5 }],
    ['flags:u8 length:u32', '01 00000002', { type: 0, length: 2, fields: { flags: 1 } }],
    [
      'a:zigzag b:varint length:u8 c:u32',
      '03 8001 00 ffffffff',
      { length: 0, fields: { a: -2, b: 128, c: 2 ** 32 - 1 } },
    ],
    ['0xFf length:u8', 'ff 00', { length: 0 }],
    ['  length:u8\ttype:u8\n', '00 01', { length: 0, type: 1 }],
  ]
  for (const [layout, hex, head] of examples) {
    it(`reads and writes ${layout.trim()}`, () => {
      const buf = bytes(hex)
      expect(read(layout, hex)).to.deep.equal({ type: 0, fields: null, ...head, body: buf.length })
      for (let i = 0; i < buf.length; i++) expect(read(layout, buf.subarray(0, i)), `${i} bytes`).to.equal(null)
      if (hex.startsWith('80808080')) return // An over-long varint is read and never written.
      expect(write(layout, head.type ?? 0, head.length ?? 0, head.fields ?? null)).to.equal(buf.toString('hex'))
    })
  }

  it('is text with single spaces', () => {
    expect(new Header('  type:u8\t length:u8\n').text).to.equal('type:u8 length:u8')
  })

  const refused: [layout: string, offset: number, problem: RegExp][] = [
    ['', 0, /it has no length/],
    ['type:u16', 8, /it has no length/],
    ['length:u65', 0, /'u65' is neither a constant nor a field's kind/],
    ['type:u8 lenght:u32', 8, /it has no length; 'lenght': did you mean length\?/],
    ['length:u32 type:u16 length:u8', 20, /a second length, after the one at column 1/],
    ['length:u8 x:u8 x:u8', 15, /a second x, after the one at column 11/],
    ['length:u8 0x123', 10, /0x123 is no whole number of bytes/],
    ['length:u8 0x', 10, /is no whole number of bytes/],
    ['length:u8 0xfg', 10, /neither/],
    ['length(all):u8', 0, /no part is called all: there are length, body, rest, frame/],
    ['type(rest):u8 length:u8', 0, /only length counts something else/],
    ['length:u8le', 0, /u8 is one byte/],
    ['length:u8be', 0, /u8 is one byte/],
    ['length:u32be', 0, /'u32be' is neither a constant nor a kind: big-endian is u32/],
    ['length:uint16_le', 0, /did you mean u16le\?/],
    ['length:varnit', 0, /did you mean varint\?/],
    ['length:U8', 0, /neither/],
    ['length :u8', 0, /neither/],
    ['length:u8, type:u8', 0, /neither/],
    ['1st:u8 length:u8', 0, /neither/],
    ['length:u8 constructor:u8', 10, /cannot be called constructor/],
    ['length:u8 __proto__:u8', 10, /cannot be called __proto__/],
    ['length:varintle', 0, /neither/],
    ['Length:u8', 0, /it has no length; 'Length': did you mean length\?/],
  ]
  for (const [layout, offset, problem] of refused) {
    it(`is refused with the column of its fault: '${layout}'`, () => {
      const error = refusal(() => new Header(layout))
      expect(error).to.include({ code: 'ERR_QBP_BAD_LAYOUT', offset })
      expect(error.message)
        .to.match(problem)
        .and.include(`column ${offset + 1}`)
    })
  }

  it('is refused if it is no text', () => {
    for (const layout of [undefined, null, 5, {}, ['length:u8']])
      expect(refusal(() => new Header(layout as unknown as string)).code).to.equal('ERR_QBP_BAD_LAYOUT')
  })

  it('may be named by the words of the code that it becomes', () => {
    const words = 'buf pos end head start behindLength body value own at readVarint return class if this fields'.split(
      ' ',
    )
    const layout = `${words.map((word) => `${word}:varint`).join(' ')} length(frame):varint`
    const fields = Object.fromEntries(words.map((word, i) => [word, i * 100]))
    const head = read(layout, write(layout, 0, 77, fields))
    expect(head).to.deep.include({ length: 77, fields })
  })
})

describe('the header presets', () => {
  // Each from what the protocol itself documents: bytes printed there, or the fields described there put one after another.
  const documented: Partial<Record<keyof typeof headers, [hex: string, head: Partial<Head>][]>> = {
    // "Two bytes defining the type … and 4 bytes stating the length", big-endian; 3 is Ping, 14 QueryUsers:
    // https://mumble-protocol.readthedocs.io/en/latest/protocol_stack_tcp.html
    default: [['0003 00000000', { type: 3, length: 0 }]],
    mumble: [['000e 00000104', { type: 14, length: 260 }]],
    // "Length of the message body in bytes including the message type", little-endian, then the type; 1 is
    // CapabilitiesGet: https://dev.mysql.com/doc/dev/mysql-server/latest/mysqlx_protocol_messages.html
    mysqlx: [['01000000 01', { type: 1, length: 0 }]],
    // RpbGetReq { bucket: "b", key: "k" }, as printed:
    // https://docs.riak.com/riak/kv/latest/developing/api/protocol-buffers/index.html
    riak: [['00000007 09', { type: 9, length: 6 }]],
    // Indicator 0x00, length and type as varints; 1 is HelloRequest, 7 PingRequest:
    // https://developers.esphome.io/architecture/api/protocol_details/
    esphome: [
      ['00 00 07', { type: 7, length: 0 }],
      ['00 13 01', { type: 1, length: 19 }],
    ],
    // "A 32-bit big endian unsigned integer representing the size of the message":
    // https://github.com/dylanmckay/gcast/blob/master/PROTOCOL.md
    castv2: [['00000058', { length: 88 }]],
    // A varint with the length; 150 is 9601: https://protobuf.dev/programming-guides/encoding/#varints
    delimited: [
      ['03', { length: 3 }],
      ['9601', { length: 150 }],
    ],
    // Go's binary.PutVarint, a signed varint: https://github.com/cometbft/cometbft/discussions/300; 64 is 8001:
    // https://pkg.go.dev/encoding/binary#example-PutVarint
    tendermint: [
      ['7e', { length: 63 }],
      ['8001', { length: 64 }],
    ],
    // A byte for the compressed flag, four for the length; 00 00000007 as printed:
    // https://kmcd.dev/posts/grpc-from-scratch/
    grpc: [['00 00000007', { length: 7, fields: { flags: 0 } }]],
    // A little-endian length, then the magic 0x31305456, little-endian, "VT01":
    // https://github.com/SteamRE/SteamKit/blob/master/SteamKit2/SteamKit2/Networking/Steam3/TcpConnection.cs
    // "data length, stream ID, message type, message flags"; a request of 67 bytes, as the tests of ttrpc-rust have it:
    // https://github.com/containerd/ttrpc/blob/main/PROTOCOL.md
    ttrpc: [['00000043 00123456 01 ef', { type: 1, length: 67, fields: { stream: 0x123456, flags: 0xef } }]],
    steam: [['1c000000 56543031', { length: 28 }]],
  }
  for (const [name, vectors] of Object.entries(documented)) {
    for (const [hex, head] of vectors) {
      it(`${name} reads and writes what the protocol documents: ${hex}`, () => {
        const layout = headers[name as keyof typeof headers] as string
        expect(read(layout, hex)).to.deep.include({ type: 0, fields: null, ...head, body: bytes(hex).length })
        expect(write(layout, head.type ?? 0, head.length ?? 0, head.fields ?? null)).to.equal(
          bytes(hex).toString('hex'),
        )
      })
    }
  }
})

describe('a header that is none', () => {
  it('shows at the first wrong byte of a constant', () => {
    const layout = 'length:u8 0xcafe type:u8'
    expect(read(layout, '00ca')).to.equal(null)
    for (const [hex, problem] of [
      ['00cb', /Byte 0 of the header's constant 0xcafe is 0xcb, not 0xca/],
      ['00caff', /Byte 1 of the header's constant 0xcafe is 0xff, not 0xfe/],
    ] as const) {
      const error = refusal(() => read(layout, hex))
      expect(error.code).to.equal('ERR_QBP_BAD_CONSTANT')
      expect(error.message).to.match(problem)
    }
  })

  it('has a varint of more than 10 bytes, or over 2**53 - 1', () => {
    for (const [layout, hex] of [
      ['length:varint', '80808080808080808080'],
      ['length:varint', 'ffffffffffffff1f'],
      ['length:varint', '8080808080808010'],
      ['type:varint length:u8', 'ffffffffffffffffff01'],
      ['length:zigzag', 'ffffffffffffffff7f'],
      ['x:varint length:u8', 'ffffffffffffffffffff'],
    ] as const)
      expect(refusal(() => read(layout, hex)).code, hex).to.equal('ERR_QBP_BAD_VARINT')
    expect(read('length:varint', '808080808080808080')).to.equal(null) // Nine bytes, and a tenth may come.
  })

  it('has a length that is less than what it counts, or negative', () => {
    for (const [layout, hex, size, limit] of [
      ['length(rest):u8 type:u8', '0005', 0, 1],
      ['length(rest):u32le type:u8 0xff', '0100000005ff', 1, 2],
      ['length(frame):u16 type:u8', '000205', 2, 3],
      ['length(frame):varint', '00', 0, 1],
      ['length:zigzag', '01', -1, 0],
      ['type:u8 length(rest):varint x:varint', '05 01 8001', 1, 2],
    ] as const)
      expect(
        refusal(() => read(layout, hex)),
        layout,
      ).to.include({ code: 'ERR_QBP_BAD_LENGTH', size, limit, field: 'length' })
    expect(refusal(() => read('type:zigzag length:u8', '01'))).to.include({ code: 'ERR_QBP_BAD_LENGTH', field: 'type' })
  })
})

describe('a header that cannot say it', () => {
  const limits: [layout: string, most: number][] = [
    ['length:u8', 255],
    ['length(rest):u8 type:u8', 254],
    ['length(frame):u8 type:u8', 253],
    ['length(rest):u8 x:varint', 254],
    ['type:u8 length:u16', 65535],
    ['0xcafe length(frame):u16le 0x00', 65530],
    ['length:u24', 2 ** 24 - 1],
    ['length:u32', 2 ** 32 - 1],
    ['length(rest):u32 type:u8', 2 ** 32 - 2],
    ['length:varint', 2 ** 53 - 1],
    ['length:zigzag', 2 ** 52 - 1],
    ['length(frame):varint', 2 ** 53 - 1 - 8],
  ]
  for (const [layout, most] of limits) {
    it(`${layout} refuses a body of over ${most} bytes, and takes it`, () => {
      expect(read(layout, write(layout, 0, most))).to.include({ length: most })
      expect(new Header(layout).plain?.safeLength).to.be.at.most(most)
      const error = refusal(() => write(layout, 0, most + 1))
      expect(error).to.include({ code: 'ERR_QBP_FIELD_OVERFLOW', field: 'length' })
      expect(error.message).to.match(/does not fit the header's field length:/)
    })
  }

  it('refuses a type or a field of its own that is too large, negative, or no integer', () => {
    const layout = 'type:u16 a:u8 b:zigzag c:varint length:u8'
    const wrong: [type: number, fields: Record<string, unknown>, field: string][] = [
      [65536, {}, 'type'],
      [-1, {}, 'type'],
      [1.5, {}, 'type'],
      [1, { a: 256 }, 'a'],
      [1, { a: -1 }, 'a'],
      [1, { a: '1' }, 'a'],
      [1, { b: 2 ** 53 }, 'b'],
      [1, { b: 0.5 }, 'b'],
      [1, { c: -1 }, 'c'],
      [1, { c: Number.POSITIVE_INFINITY }, 'c'],
      [1, { c: Number.NaN }, 'c'],
      [1, { c: 5n }, 'c'],
      [1, { c: 500n }, 'c'],
      [1, { b: 500n }, 'b'],
      [1, { b: {} }, 'b'],
      [1, { c: 2 ** 60 }, 'c'],
    ]
    for (const [type, fields, field] of wrong) {
      const error = refusal(() => write(layout, type, 0, fields as Record<string, number>))
      expect(error, field).to.include({ code: 'ERR_QBP_FIELD_OVERFLOW', field })
    }
    expect(write(layout, 1, 0, { b: -(2 ** 52 - 1) })).to.equal('000100fdffffffffffff0f0000')
  })

  it('refuses a field that the layout does not have, and writes 0 for one that is left out', () => {
    expect(write('flags:u8 length:u8', 0, 1)).to.equal('0001')
    expect(write('flags:u8 length:u8', 0, 1, {})).to.equal('0001')
    for (const [layout, fields, field] of [
      ['flags:u8 length:u8', { flag: 1 }, '$header.flag'],
      ['flags:u8 length:u8', { length: 1 }, '$header.length'],
      ['length:u8', { flags: 1 }, '$header.flags'],
      ['flags:u8 length:u8', 5, '$header'],
      ['flags:u8 length:u8', 'abc', '$header'],
    ] as const) {
      const error = refusal(() => write(layout, 0, 1, fields as unknown as Record<string, number>))
      expect(error).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field })
    }
  })

  it('refuses a type where there is none', () => {
    expect(refusal(() => write('length:u8', 5, 0))).to.include({ code: 'ERR_QBP_INVALID_MESSAGE', field: 'type' })
  })
})

describe('any layout', () => {
  it('reads what it has written, whatever follows, and asks for more until then: 1,000 random ones', function () {
    this.timeout(60_000)
    const random = randomNumbers(7)
    const below = (limit: number) => Math.floor(random() * limit)
    const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
    const kinds = ['u8', 'u16', 'u16le', 'u24', 'u24le', 'u32', 'u32le', 'varint', 'zigzag'] as const
    const mostOf = (kind: string): number =>
      kind === 'varint' ? 2 ** 53 - 1 : kind === 'zigzag' ? 2 ** 52 - 1 : 2 ** Number(/\d+/.exec(kind)?.[0]) - 1
    const numberOf = (kind: string, most = mostOf(kind)): number =>
      Math.min(most, pick([0, 1, 127, 128, 255, most, below(Math.min(most, 2 ** 40))]))
    for (let n = 0; n < 1000; n++) {
      const parts: string[] = []
      const fields: Record<string, number> = {}
      for (let i = below(4); i > 0; i--) {
        const kind = pick(kinds)
        if (below(3) === 0) parts.push(`0x${['00', 'ff', 'cafe', '123456'][below(4)]}`)
        else {
          parts.push(`f${i}:${kind}`)
          fields[`f${i}`] = numberOf(kind) * (kind === 'zigzag' && below(2) === 0 ? -1 : 1) + 0
        }
      }
      const [typeKind, lengthKind] = [pick(kinds), pick(kinds)]
      if (below(3) > 0) parts.splice(below(parts.length + 1), 0, `type:${typeKind}`)
      parts.splice(below(parts.length + 1), 0, `length${pick(['', '(rest)', '(frame)'])}:${lengthKind}`)
      const layout = parts.join(' ')
      const header = headerOf(layout)
      const type = header.hasType ? numberOf(typeKind) : 0
      const length = Math.max(0, numberOf(lengthKind) - pick([0, 60]))
      const own = Object.keys(fields).length === 0 ? null : fields
      let hex: string
      try {
        hex = write(layout, type, length, own)
      } catch (error) {
        expect(error, layout).to.include({ code: 'ERR_QBP_FIELD_OVERFLOW', field: 'length' })
        expect(length, layout).to.be.greaterThan((header.plain as PlainHeader).safeLength)
        continue
      }
      const head = read(layout, Buffer.concat([bytes(hex), Buffer.alloc(8, below(256))]))
      expect(head, `${layout}: ${hex}`).to.deep.equal({ type, length, fields: own, body: hex.length / 2 })
      for (let i = 0; i < hex.length; i += 2)
        expect(read(layout, hex.slice(0, i)), `${layout}: ${hex}, ${i}`).to.equal(null)
    }
  })
})
