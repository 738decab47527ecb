import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as encode } from '../../lib/cli/verbs/encode.ts'
import { cli } from '../support/cli.ts'

const chat = ['--schema', 'schemas/chat.proto']
const all = ['--schema', 'spec/protos/wellknown.proto', '--header', 'delimited', '--message', 'All']

/** What a message is after it was encoded and decoded. */
async function roundTrip(message: object): Promise<object> {
  const encoded = await cli(encode, all, JSON.stringify({ message }))
  expect(encoded).to.include({ code: 0, stderr: '' })
  const decoded = await cli(decode, all, encoded.bytes)
  expect(decoded).to.include({ code: 0, stderr: '' })
  return JSON.parse(decoded.stdout).message
}

describe('qbp encode', () => {
  it('makes the frames of lines, and takes what decode printed', async () => {
    const lines =
      '{"name":"Leave","message":{"room":"a"}}\n\n{"name":"Say","type":3,"offset":9,"length":4,"message":{"text":"hi"}}'
    const { code, bytes, stderr } = await cli(encode, chat, lines)
    expect([code, stderr]).to.deep.equal([0, ''])
    expect(bytes.toString('hex')).to.equal('0002000000030a016100030000000412026869')
  })

  it('keeps every kind of value that ProtoJSON has', async () => {
    const message = {
      ...{
        snakeCase1: '-9223372036854775808',
        big: '18446744073709551615',
        raw: '+/8=',
        colour: 'BLUE',
        single: 0.1,
        real: 1e300,
      },
      ...{ colours: { '-5': 'RED', 7: 'BLUE' }, flags: { true: 'AA==' }, maybe: 0, many: ['RED', 'BLUE', 7] },
      ...{ at: '1969-12-31T23:59:59.500Z', took: '-1.000000001s', mask: 'user.displayName,photo' },
      ...{ struct: { a: [1, null, { b: true }] }, value: 'text', list: [false, 'x'], wrapped: '0', bytesValue: 'AQ==' },
      any: { '@type': 'type.googleapis.com/wellknown.All', maybe: 3 },
      anyAt: { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' },
      ...{ inner: { single: 'NaN', real: '-Infinity' }, other: 'json_name', right: '', floatValue: 2.5 },
    }
    expect(await roundTrip(message)).to.deep.equal(message)
  })

  it('takes names of the .proto, URL-safe base64, numbers as text and null', async () => {
    expect(
      await roundTrip({
        snake_case_1: 5,
        raw: '-_8',
        maybe: '7',
        named: 'n',
        at: '2026-01-01T01:00:00+01:00',
        took: null,
        value: null,
      }),
    ).to.deep.equal({ snakeCase1: '5', raw: '+/8=', maybe: 7, other: 'n', at: '2026-01-01T00:00:00Z', value: null })
  })

  const misfits: [line: string, told: RegExp][] = [
    ['{"name":"Sat"}', /the client sends no 'Sat'; there are Join, Leave, /],
    ['{"message":{}}', /it has no "name"/],
    ['[]', /it is no object/],
    ['{"name":"Say","message":{"tect":"hi"}}', /tect is no field of Say, which has room, text/],
    ['{"name":"Say","message":{"text":5}}', /text is 5, not a string/],
    ['{"name":"Refused","message":{"reason":"NO"}}', /reason is "NO", not a value of the enum/],
    ['{"name":"Welcome","message":{"history":[{"at":"x"}]}}', /history\[0\]\.at is "x"/],
    ['{"name":"Say",', /JSON/],
  ]
  for (const [line, told] of misfits) {
    it(`names the line and the field of ${line}`, async () => {
      const { code, bytes, stderr } = await cli(encode, chat, `{"name":"Leave"}\n${line}\n{"name":"Leave"}\n`)
      expect(stderr).to.match(/^qbp encode: line 2: /)
      expect(stderr).to.match(told)
      expect(code).to.equal(1)
      expect(bytes.toString('hex')).to.equal('000200000000')
    })
  }

  describe('of a line', () => {
    let folder: string
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'qbp-encode-'))
      writeFileSync(
        join(folder, 'login.proto'),
        'syntax = "proto3"; package p; message Login { string name = 1; string message = 2; Inner inner = 3; } message Inner { string name = 1; }',
      )
    })
    after(() => rmSync(folder, { recursive: true }))
    const login = () => ['--schema', join(folder, 'login.proto'), '--header', 'length:u8', '--message', 'Login']
    const hexOf = async (args: string[], line: string): Promise<string> => {
      const { bytes, stderr } = await cli(encode, args, line)
      expect(stderr).to.equal('')
      return bytes.toString('hex')
    }
    const say = ['--schema', 'schemas/chat.proto', '--header', 'length:u8', '--message', 'Say']

    it('takes the bare fields of the one message', async () => {
      expect(await hexOf(say, '{"text":"hi"}')).to.equal('0412026869')
      expect(await hexOf(say, '{}')).to.equal('00')
      expect(await hexOf(say, '{"name":"Say","message":{"text":"hi"}}')).to.equal('0412026869')
      expect(await hexOf(say, '{"message":{"text":"hi"}}')).to.equal('0412026869')
    })

    it('takes fields called name and message for what they are', async () => {
      expect(await hexOf(login(), '{"name":"ann","message":"hi"}')).to.equal('090a03616e6e12026869')
      expect(await hexOf(login(), '{"name":"ann"}')).to.equal('050a03616e6e')
      expect(await hexOf(login(), '{"message":"hi"}')).to.equal('0412026869')
      expect(await hexOf(login(), '{"name":"Login","message":"hi"}')).to.equal('0b0a054c6f67696e12026869')
      expect(await hexOf(login(), '{"name":"Login","message":{"name":"ann"}}')).to.equal('050a03616e6e')
      expect(await hexOf(login(), '{"inner":{"name":"x"}}')).to.equal('051a030a0178')
    })

    it('takes names in full', async () => {
      for (const name of ['chat.Say', '.chat.Say'])
        expect(await hexOf(chat, JSON.stringify({ name, message: { text: 'hi' } }))).to.equal(
          '000300000004' + '12026869',
        )
    })

    const refused: [args: () => string[], line: string, text: RegExp][] = [
      [() => chat, '{"name":"Say","text":"hi"}', /it has "text"; a line has a "name", and a "message" with the fields/],
      [() => chat, '{"name":"Say","mesage":{"text":"hi"}}', /it has "mesage"/],
      [() => chat, '{"name":"Say","message":{},"Header":{}}', /it has "Header"/],
      [() => chat, '{"name":"Say","header":5}', /its "header" is no object/],
      [() => chat, '{"name":null,"body":"AA=="}', /its "type" is undefined: without a name it is a number/],
      [() => chat, '{"name":null,"type":"3","body":""}', /its "type" is "3"/],
      [() => chat, '{"name":null,"type":3,"body":"%"}', /body is .*, not .*base64/],
      [() => chat, '{"name":null,"type":3,"body":[1]}', /body is .*, not .*base64/],
      [() => say, '{"tect":"hi"}', /tect is no field of Say, which has room, text/],
      [login, '{"name":"ann","mesage":"hi"}', /mesage is no field of Login/],
    ]
    for (const [args, line, text] of refused) {
      it(`refuses ${line}`, async () => {
        const { code, bytes, stderr } = await cli(encode, args(), line)
        expect(stderr).to.match(text)
        expect([code, bytes.length]).to.deep.equal([1, 0])
      })
    }

    it('writes no number beyond 2**53 as another one', async () => {
      const line = '{"name":"Said","message":{"at":9007199254740993}}'
      expect(await hexOf(chat, line)).to.equal('000700000009' + '208180808080808010')
    })
  })
})
