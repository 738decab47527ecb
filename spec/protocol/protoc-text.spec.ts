import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import { protoText } from '../../lib/protocol/schema/text/proto-text.ts'
import { tokens } from '../../lib/protocol/schema/text/tokens.ts'
import { schemas } from '../support/protoc.ts'
import { JUDGED } from './judged-schemas.ts'

// protoc is the judge of what a text may say, as in protoc.spec.ts of what a schema may be.
describe('The text of a schema', function () {
  this.timeout(60_000)
  const judged = schemas()
  const path = (name: string, text: string): string => judged.files({ [name]: text })
  const refusal = (file: string): Promise<string | null> => judged.refusal(file, { includeDirs: [judged.folder] })

  for (const [about, text] of Object.entries(JUDGED))
    it(`is judged as protoc does: ${about}`, async () => {
      const file = path('one.proto', text)
      const [protoc, own] = await Promise.all([judged.protocRefusal(file), refusal(file)])
      expect(own === null, `protoc: ${protoc ?? 'taken'}\n    Qbp: ${own ?? 'taken'}`).to.equal(protoc === null)
      if (own !== null) expect(own).to.match(/^\S*one\.proto(:\d+)*: /)
    })

  it('may not import itself, by whichever way', async () => {
    const header = 'syntax = "proto3"; package t;'
    expect(await refusal(path('self.proto', `${header} import "self.proto"; message M {}`))).to.match(
      /self.proto:1:\d+: .*imports itself/,
    )
    path('b.proto', `${header} import "a.proto"; message B {}`)
    expect(await refusal(path('a.proto', `${header}\nimport "b.proto"; message A {}`))).to.include('imports itself')
    path('base.proto', `${header} message Base {}`)
    path('left.proto', `${header} import "base.proto"; message Left { Base b = 1; }`)
    const both = `${header} import "left.proto"; import "base.proto"; message M { Left l = 1; Base b = 2; }`
    expect(await refusal(path('both.proto', both))).to.equal(null)
  })

  for (const [about, text, said] of [
    [
      'an option without a value',
      'syntax = "proto3";\nmessage M { option deprecated false; }',
      /one\.proto:2:\d+: an option has no value/,
    ],
    [
      'one in brackets',
      'syntax = "proto3";\nmessage M { int32 a = 1 [deprecated]; }',
      /one\.proto:2:\d+: an option has no value/,
    ],
    [
      'two syntaxes in one',
      'syntax = "proto3" "proto3"; message M {}',
      /one\.proto:1:\d+: the syntax is "proto3" "proto3"; it may be/,
    ],
    ['an unknown syntax', 'syntax = "proto4"; message M {}', /one\.proto:1:\d+: the syntax is "proto4"; it may be/],
    [
      'a number twice',
      'syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }',
      /two fields of M have the number 1/,
    ],
    [
      'an extension of nothing',
      'syntax = "proto2"; extend Nothing { optional int32 a = 5; }',
      /extend Nothing: there is no message of that name/,
    ],
    [
      'a number that message sets alone have',
      'syntax = "proto2"; message S { option message_set_wire_format = true; extensions 4 to max; } message X { extend S { optional X x = 536870912; } }',
      /the greater numbers that protoc gives message sets are not supported/,
    ],
  ] as const)
    it(`is refused in words that its author knows: ${about}`, async () => {
      expect(await refusal(path('one.proto', text))).to.match(said)
    })

  it('has groups that hold what a message holds, sent as groups', async () => {
    const text = `syntax = "proto2"; package t;
      message M { optional group G = 1 { oneof o { int32 a = 1; string b = 2; } extensions 5; } repeated group H = 2 { optional int32 x = 1; } }
      extend M.G { optional group Deep = 5 { oneof p { int32 y = 1; } } }`
    const protocol = await Protocol.load(path('groups.proto', text), { header: 'length:varint', message: 'M' })
    const body = protocol.encode('M', { g: { b: 'a', '.t.deep': { y: 1 } }, h: [{ x: 5 }] })
    expect(body.toString('hex')).to.equal('0b1201612b08012c0c130805 14'.replaceAll(' ', ''))
    expect(protocol.decode('M', body).g.o).to.equal('b')
  })

  it('is parsed as it stands where nothing in it is read otherwise', () => {
    const text = `syntax = "proto3"; package a.b; import "c.proto"; // - 1, group, <, 0X1F and "\\n" in a comment
      message M { map<string, .a.b.N> n = 1 [deprecated = true]; /* a . b */ optional bytes some_bytes = 2; reserved 4 to 6; }
      enum N { A = 0; B = -1; }`
    const pieces = tokens(text)
    expect(pieces.map((piece) => piece.text).join('')).to.equal(text)
    expect(protoText(text, pieces)).to.deep.equal({ text, moved: [], groups: [] })
  })

  for (const [about, text] of Object.entries({
    'a group': 'message M { optional group G = 1 {} } extend M { optional group H = 2 { oneof o { int32 a = 1; } } }',
    'a name with blanks': 'message M { optional a . B b = 1; }',
    'a blank after the point': 'message M { optional a. B b = 1; }',
    'a minus by itself': 'enum E { A = - 1; }',
    'hexadecimal digits after a great X': 'enum E { A = 0X1F; }',
    'braces as a value': 'option (a) = { b < c: 1 > };',
    'an escape': "option (a) = '\\302\\251';",
    'a default of bytes': 'message M { optional bytes a = 1 [default = "a"]; }',
    'a name with a line before it': 'message M { optional int32 a = 1; optional int32 _a = 2; }',
  }))
    it(`is rewritten for ${about}, and stays as it is for what else is read of it`, () => {
      const pieces = tokens(text)
      expect(protoText(text, pieces).text).not.to.equal(text)
      expect(pieces).to.deep.equal(tokens(text))
    })
})
