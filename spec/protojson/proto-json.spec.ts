import { expect } from 'chai'
import type { QbpError } from '../../lib/index.ts'
import { Protocol } from '../../lib/index.ts'
import { frameFromJson, frameToJson } from '../../lib/protojson/frame-json.ts'

let protocol: Protocol
before(async () => {
  protocol = await Protocol.load('spec/protos/wellknown.proto', { header: 'length:varint', message: 'All' })
})

const read = (json: unknown, options = {}): Record<string, unknown> => protocol.fromJson('All', json, options)
const back = (json: unknown): unknown => protocol.toJson('All', read(json))

function refusal(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    return error as QbpError
  }
  throw new Error('nothing was refused')
}

// That all of it is as protobuf has it is held by its conformance suite, in spec/system.
describe('ProtoJSON of a Protocol', () => {
  it('gives back what it was given', () => {
    const json = {
      at: '2026-11-23T10:00:00.500Z',
      took: '-1.000000001s',
      struct: { list: [1, 'two', null, { three: true }] },
      many: ['RED', 7],
      flags: { true: 'AA==' },
      inner: { big: '18446744073709551615' },
    }
    expect(back(json)).to.deep.equal(json)
  })

  it('makes messages as a reader hands them out', () => {
    const message = read({ big: 7, raw: 'AQ', colour: 'BLUE' })
    expect(message).to.be.instanceOf(protocol.messageType('All').Message)
    expect(message).to.include({ big: 7n, colour: 2 })
    expect(message.maybe).to.equal(0)
  })

  it('writes what may be written, too, as it will be read', () => {
    expect(protocol.toJson('All', { snakeCase_1: '5', colour: 'BLUE', single: 0.1 })).to.deep.equal({
      ...{ snakeCase1: '5', colour: 'BLUE', single: 0.1 },
    })
  })

  for (const [json, path] of [
    [{ big: -1 }, 'big'],
    [{ big: '1.5' }, 'big'],
    [{ inner: { colour: 'GREEN' } }, 'inner.colour'],
    [{ many: ['RED', null] }, 'many[1]'],
    [{ at: '2026-13-01T00:00:00Z' }, 'at'],
    [{ took: '1.5' }, 'took'],
    [{ left: 1, right: 'a' }, 'right'],
    [{ snake_case_1: 1, snakeCase1: 2 }, 'snakeCase1'],
    [{ single: 1e39 }, 'single'],
    [{ mask: 'user_name' }, 'mask'],
    [{ any: { '@type': 'a/unknown.Name', more: 1 } }, "any['@type']"],
    [{ strange: 1 }, 'strange'],
  ] as const) {
    it(`refuses ${JSON.stringify(json)} and names ${path}`, () => {
      const { code, message, field } = refusal(() => read(json))
      expect(code).to.equal('ERR_QBP_INVALID_MESSAGE')
      expect(field ?? message).to.include(path)
    })
  }

  it('leaves out what is unknown where that is asked for', () => {
    const json = { strange: 1, many: ['RED', 'GREEN'], inner: { colour: 'GREEN', named: 'n' } }
    expect(protocol.toJson('All', read(json, { ignoreUnknown: true }))).to.deep.equal({
      ...{ many: ['RED'], inner: { other: 'n' } },
    })
  })

  it('refuses an option that is none', () => {
    const { code, message } = refusal(() => read({}, { ignoreUnknwon: true }))
    expect(code).to.equal('ERR_QBP_BAD_OPTION')
    expect(message).to.include('ignoreUnknown')
  })

  it('keeps a message of an unknown type as bytes', () => {
    const any = { '@type': 'type.googleapis.com/other.Thing', value: 'CAE=' }
    expect(back({ any })).to.deep.equal({ any })
  })

  it('refuses a time that has no JSON, with its path', () => {
    const message = protocol.decode('All', protocol.encode('All', { inner: { at: { seconds: 2n ** 40n } } }))
    const { code, field } = refusal(() => protocol.toJson('All', message))
    expect([code, field]).to.deep.equal(['ERR_QBP_INVALID_MESSAGE', 'inner.at'])
  })
})

describe('a frame as JSON', () => {
  const again = (hex: string): string => {
    const body = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    const message = protocol.decode('All', body)
    const json = frameToJson(protocol, 'client', {
      name: 'All',
      type: 0,
      offset: 0,
      length: body.length,
      message,
      body,
    })
    const line = JSON.parse(JSON.stringify(json))
    const written = frameFromJson(protocol, 'client', line) as { $name: string | null; body: Uint8Array }
    return Buffer.from(written.$name === null ? written.body : protocol.encode('All', written)).toString('hex')
  }

  for (const [what, hex] of [
    ['a known field', '4805'],
    ['an unknown field', 'c03e05'],
    ['unknown fields among known ones', 'c03e05 4805 ca3e0161'],
    ['unknown fields of a message within', 'aa01 05 c03e05 4801'],
    ['fields in another order', '5a02 0801 4805'],
    ['a varint longer than it need be', '48 8500'],
    ['a list that is not packed', '50 02 50 00'],
    ['a default that was sent', '2000'],
    ['a number that its enum lacks', '2063'],
    ['a field twice', '4801 4802'],
    ['nothing', ''],
  ] as const) {
    it(`becomes the same bytes again: ${what}`, () => {
      expect(again(hex)).to.equal(hex.replaceAll(' ', ''))
    })
  }

  it('means the message where somebody has edited it', () => {
    const body = Buffer.from('48850022', 'hex').subarray(0, 3)
    const message = protocol.decode('All', body)
    const json = frameToJson(protocol, 'client', { name: 'All', type: 0, offset: 0, length: 3, message, body })
    expect(json.body).to.equal(body.toString('base64'))
    const written = frameFromJson(protocol, 'client', { ...json, message: { maybe: 6 } })
    expect(Buffer.from(protocol.encode('All', written)).toString('hex')).to.equal('4806')
  })
})
