import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { run as check } from '../../lib/cli/verbs/check.ts'
import { cli } from '../support/cli.ts'

describe('qbp check', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-check-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  const proto = (name: string, body: string) => {
    writeFileSync(join(folder, name), `syntax = "proto3"; package p; import "qbp/options.proto";\n${body}`)
    return join(folder, name)
  }
  const found = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(check, args)
    expect(stderr).to.equal('')
    return { code, lines: stdout.trimEnd().split('\n') }
  }
  const typed = (name: string, type: number, fields = '') =>
    `message ${name} { option (qbp.type) = ${type}; ${fields} }\n`

  it('finds nothing wrong where nothing is', async () => {
    expect(await found('--schema', 'schemas/chat.proto')).to.deep.equal({ code: 0, lines: ['Nothing is wrong.'] })
    const against = await found('--schema', 'schemas/chat.proto', '--against', 'schemas/chat.proto')
    expect(against).to.deep.equal({ code: 0, lines: ['Nothing breaks.'] })
  })

  it('finds numbers used twice, too large and forgotten, all at once', async () => {
    const schema = proto(
      'a.proto',
      `${typed('A', 7, 'Part part = 1;')}${typed('B', 7)}${typed('C', 300)}message Part {} message Lost {}`,
    )
    expect(await found('--schema', schema, '--header', 'mysqlx')).to.deep.equal({
      code: 1,
      lines: [
        "fault B has the type number 7, which is A's",
        "fault C has the type number 300; the header 'length(rest):u32le type:u8' holds at most 255",
        'note Lost has no type number, and no other message has a field of it',
      ],
    })
  })

  it('judges the numbers of each role by its own layout, and knows sections and the one message of the other', async () => {
    const schema = proto(
      'both.proto',
      'message Ask {} message Big {} message Answer {} message Meta {} message Hi {} message Lost {}',
    )
    const header = `{client: 'length(Hi):u8 {Hi} | type:u8 length:u8', server: 'type:u16 length(Meta):u8 {Meta} length:u8'}`
    const types = '{client: {Ask: 300, Big: 1}, server: {Ask: 300, Answer: 70000}}'
    expect(await found('--schema', schema, '--header', header, '--types', types)).to.deep.equal({
      code: 1,
      lines: [
        "fault Ask has the type number 300; the header 'length(Hi):u8 {Hi} | type:u8 length:u8' holds at most 255",
        "fault Answer has the type number 70000; the header 'type:u16 length(Meta):u8 {Meta} length:u8' holds at most 65535",
        'note Lost has no type number, and no other message has a field of it',
      ],
    })
    const mixed = `{client: 'type:u8 length:u8', server: 'length(Meta):u8 {Meta} length:u8'}`
    const args = ['--schema', schema, '--header', mixed, '--types', '{client: {Ask: 1, Big: 2, Hi: 3}}']
    expect(await found(...args, '--message', '{server: "Answer"}')).to.deep.equal({
      code: 0,
      lines: ['note Lost has no type number, and no other message has a field of it', 'Nothing is wrong.'],
    })
  })

  it('takes messages named client and server for what they are, as a Protocol does', async () => {
    const schema = proto('roles.proto', 'message client {} message server {}')
    const types = (form: string) => found('--schema', schema, '--types', form)
    expect(await types('{client: 1, server: 2}')).to.deep.equal({ code: 0, lines: ['Nothing is wrong.'] })
    expect((await types('{client: 1, server: 1}')).lines).to.deep.equal([
      "fault server has the type number 1, which is client's",
    ])
    expect((await types('{client: {client: 1}, server: {server: 1}}')).lines).to.deep.equal(['Nothing is wrong.'])
    expect((await types('[{client: 1, server: 1}, {server: 2}]')).lines).to.deep.equal(['Nothing is wrong.'])
    const [lost] = (await types('{client: {client: 1}}')).lines
    expect(lost).to.equal('note server has no type number, and no other message has a field of it')
  })

  it('refuses what no Protocol takes', async () => {
    const { code, stderr } = await cli(check, ['--schema', 'schemas/chat.proto', '--header', 'length:u32'])
    expect(code).to.equal(1)
    expect(stderr).to.match(/^qbp check: Nothing can be sent either way/)
  })

  const changes: [title: string, before: string, after: string, told: string[]][] = [
    ['a kind that is read otherwise', 'string a = 1;', 'int32 a = 1;', ['break p.M.a was string and is int32']],
    [
      'a kind that is read alike',
      'int32 a = 1;',
      'int64 a = 1;',
      ['note p.M.a was int32 and is int64: the same on the wire, but values may be cut'],
    ],
    ['a zigzag', 'int32 a = 1;', 'sint32 a = 1;', ['break p.M.a was int32 and is sint32']],
    ['another message', 'N a = 1;', 'M a = 1;', ['break p.M.a was p.N and is p.M']],
    [
      'an enum for a number',
      'E a = 1;',
      'int32 a = 1;',
      ['note p.M.a was p.E and is int32: the same on the wire, but values may be cut'],
    ],
    ['a list', 'string a = 1;', 'repeated string a = 1;', ['break p.M.a was single and is repeated']],
    [
      'a map',
      'map<string, int32> a = 1;',
      'map<string, string> a = 1;',
      ['break p.M.a was map<string, int32> and is map<string, string>'],
    ],
    ['another number', 'string a_b = 1;', 'string a_b = 2;', ['break p.M.a_b its number was 1 and is 2']],
    ['another name', 'string a = 1;', 'string b = 1;', ["note p.M.a its number 1 is b's now"]],
    [
      'another meaning',
      'string a = 1;',
      'bool b = 1;',
      ["break p.M.a its number 1 is b's now", 'break p.M.a was string and is bool'],
    ],
    [
      'a removal',
      'string a = 1;',
      '',
      ['break p.M.a was removed, and its number 1 is not reserved: a new field may take it again'],
    ],
    [
      'a removal with its number reserved',
      'string a = 1;',
      'reserved 1;',
      ['note p.M.a was removed, and its name is not reserved: JSON may meet it again'],
    ],
    ['a removal with all reserved', 'string a = 1;', 'reserved 1; reserved "a";', []],
    ['a number taken out of reserve', 'reserved 1;', 'string a = 1;', ['break p.M.a its number 1 was reserved']],
    [
      'a oneof',
      'string a = 1; string b = 2;',
      'oneof o { string a = 1; string b = 2; }',
      [
        'break p.M.a moved into the oneof o: what an old peer sets beside it is lost',
        'break p.M.b moved into the oneof o: what an old peer sets beside it is lost',
      ],
    ],
    ['a field more', 'string a = 1;', 'string a = 1; optional int32 b = 2;', []],
  ]
  for (const [title, before, after, told] of changes) {
    it(`says what ${title} means to an old peer`, async () => {
      const rest = `enum E { Z = 0; } ${typed('N', 2, 'M m = 1;')}`
      const schema = proto('new.proto', typed('M', 1, after) + rest)
      const { code, lines } = await found(
        '--schema',
        schema,
        '--against',
        proto('old.proto', typed('M', 1, before) + rest),
      )
      const breaks = told.some((line) => line.startsWith('break'))
      expect(lines).to.deep.equal(breaks ? told : [...told, 'Nothing breaks.'])
      expect(code).to.equal(breaks ? 1 : 0)
    })
  }

  /** What is found between two whole files, by their level, place and text. */
  const between = async (before: string, after: string) => {
    writeFileSync(join(folder, 'before.proto'), before)
    writeFileSync(join(folder, 'after.proto'), after)
    const types = ['--header', 'length:u32', '--message', '{body: "raw"}']
    const files = ['--schema', join(folder, 'after.proto'), '--against', join(folder, 'before.proto')]
    const { lines } = await found(...files, ...types)
    return lines
  }
  const inFile = (head: string, body: string) => `${head} package p;\n${body}`
  const proto2 = 'syntax = "proto2";'
  const proto3 = 'syntax = "proto3";'
  const edition = 'edition = "2023";'

  const forms: [title: string, before: [string, string], after: [string, string], told: string[]][] = [
    [
      'a message that becomes a group',
      [proto2, 'message M { optional G g = 1; message G { optional int32 a = 1; } }'],
      [proto2, 'message M { optional group G = 1 { optional int32 a = 1; } }'],
      ['break p.M.g was length-prefixed and is a group (delimited): an old peer does not find it'],
    ],
    [
      'a group that becomes a message',
      [proto2, 'message M { repeated group G = 1 { optional int32 a = 1; } }'],
      [proto2, 'message M { repeated G g = 1; message G { optional int32 a = 1; } }'],
      ['break p.M.g was a group (delimited) and is length-prefixed: an old peer does not find it'],
    ],
    [
      'delimited encoding',
      [edition, 'message M { N n = 1; } message N {}'],
      [edition, 'message M { N n = 1 [features.message_encoding = DELIMITED]; } message N {}'],
      ['break p.M.n was length-prefixed and is a group (delimited): an old peer does not find it'],
    ],
    [
      'delimited encoding of the whole file',
      [edition, 'message M { N n = 1; } message N {}'],
      [`${edition} option features.message_encoding = DELIMITED;`, 'message M { N n = 1; } message N {}'],
      ['break p.M.n was length-prefixed and is a group (delimited): an old peer does not find it'],
    ],
    [
      'an enum that is closed',
      [edition, 'enum E { Z = 0; }'],
      [edition, 'enum E { option features.enum_type = CLOSED; Z = 0; }'],
      ['break p.E was open and is closed: numbers that it lacks are dropped now'],
    ],
    [
      'an enum that is open, by another syntax',
      [proto2, 'enum E { Z = 0; }'],
      [proto3, 'enum E { Z = 0; }'],
      ['break p.E was closed and is open: an old peer drops numbers that it lacks'],
    ],
    [
      'a new value of a closed enum',
      [proto2, 'enum E { Z = 0; }'],
      [proto2, 'enum E { Z = 0; ONE = 1; }'],
      ['note p.E.ONE is new: an old peer, for which the enum is closed, drops its number 1', 'Nothing breaks.'],
    ],
    [
      'text that must be UTF-8',
      [edition, 'message M { string a = 1 [features.utf8_validation = NONE]; }'],
      [edition, 'message M { string a = 1; }'],
      ['break p.M.a its text must be UTF-8 now: a new peer refuses what an old one may send'],
    ],
    [
      'text that need not be UTF-8',
      [proto3, 'message M { repeated string a = 1; }'],
      [`${edition} option features.utf8_validation = NONE;`, 'message M { repeated string a = 1; }'],
      ['break p.M.a its text need not be UTF-8 any more: an old peer refuses what a new one may send'],
    ],
    [
      'another default',
      [proto2, 'message M { optional int32 a = 1 [default = 5]; optional E e = 2; } enum E { A = 1; B = 2; }'],
      [proto2, 'message M { optional int32 a = 1; optional E e = 2 [default = B]; } enum E { A = 1; B = 2; }'],
      [
        'break p.M.a its default was 5 and is 0: what is absent reads otherwise',
        'break p.M.e its default was A and is B: what is absent reads otherwise',
      ],
    ],
    [
      'another presence',
      [proto3, 'message M { int32 a = 1; }'],
      [proto3, 'message M { optional int32 a = 1; }'],
      [
        'note p.M.a was without presence and is with presence: whether a default was sent is known, or not',
        'Nothing breaks.',
      ],
    ],
    [
      'another name in JSON',
      [proto3, 'message M { int32 a_b = 1; }'],
      [proto3, 'message M { int32 a_b = 1 [json_name = "b"]; }'],
      ['note p.M.a_b its name in JSON was aB and is b', 'Nothing breaks.'],
    ],
    [
      'a field that leaves its oneof',
      [proto3, 'message M { oneof o { int32 a = 1; int32 b = 2; } }'],
      [proto3, 'message M { optional int32 a = 1; oneof o { int32 b = 2; } }'],
      ['break p.M.a left the oneof o: of what is set beside it an old peer keeps one'],
    ],
    [
      'bytes that become text',
      [proto3, 'message M { bytes a = 1; }'],
      [proto3, 'message M { string a = 1; }'],
      [
        'note p.M.a was bytes and is string: the same on the wire, but bytes that are no UTF-8 are no text',
        'Nothing breaks.',
      ],
    ],
    [
      'numbers that are not reserved any more',
      [proto3, 'message M { reserved 2, 5 to 7; int32 a = 1; }'],
      [proto3, 'message M { reserved 5 to 6; int32 a = 1; }'],
      [
        'note p.M.2 was reserved, and is not any more',
        'note p.M.5 to 7 was reserved, and is not any more',
        'Nothing breaks.',
      ],
    ],
    [
      'a message that becomes an enum',
      [proto3, 'message M {} message E {}'],
      [proto3, 'message M {} enum E { Z = 0; }'],
      ['break p.E was a message and is an enum'],
    ],
    [
      'methods',
      [
        proto3,
        'message M {} message N {} service S { rpc A(M) returns (M); rpc B(M) returns (M); rpc C(M) returns (M); }',
      ],
      [proto3, 'message M {} message N {} service S { rpc A(N) returns (M); rpc B(M) returns (stream M); }'],
      [
        'break p.S.A took p.M and takes p.N',
        'break p.S.B answered p.M and answers a stream of p.M',
        'break p.S.C is gone: an old peer may still call it',
      ],
    ],
  ]
  for (const [title, [headBefore, before], [headAfter, after], told] of forms) {
    it(`says what ${title} means to an old peer`, async () => {
      expect(await between(inFile(headBefore, before), inFile(headAfter, after))).to.deep.equal(told)
    })
  }

  it('looks into a package that was renamed', async () => {
    const fields = (type: string) => `message M { ${type} a = 1; N n = 2; repeated M more = 3; } message N {}`
    expect(
      await between(`${proto3} package old.one; ${fields('int32')}`, `${proto3} package two; ${fields('string')}`),
    ).to.deep.equal([
      'note old.one the package is two now: an Any, or a call, names its messages in full',
      'break old.one.M.a was int32 and is string',
    ])
  })

  it('says what became of type numbers and enum values', async () => {
    const old = proto(
      'old.proto',
      `${typed('A', 1)}${typed('B', 2)}${typed('C', 3)}enum E { Z = 0; ONE = 1; TWO = 2; THREE = 3; }`,
    )
    const schema = proto('new.proto', `${typed('A', 4)}${typed('D', 2)}enum E { Z = 0; ONE = 5; DEUX = 2; }`)
    const { code, lines } = await found('--schema', schema, '--against', old, '--json')
    expect(code).to.equal(1)
    expect(
      lines.map((line) => JSON.parse(line)).map(({ level, place, text }) => `${level} ${place} ${text}`),
    ).to.deep.equal([
      'note p.B the message is gone',
      'note p.C the message is gone',
      'break p.E.ONE was 1 and is 5',
      "note p.E.TWO its number 2 is DEUX's now",
      'break p.E.THREE was removed, and its number 3 is not reserved',
      'break A its type number was 1 and is 4',
      "break B its type number 2 is D's now",
      'break C its type number 3 is gone: an old peer may still send it',
    ])
  })

  const layouts: [title: string, before: string, after: string, told: string[]][] = [
    ['the same header, written otherwise', '"PRPC" length:u32', '0x50525043  length:u32', []],
    [
      'a field of another width',
      'id:u16 length:u32',
      'id:u32 length:u32',
      ['break header id:u16 was where id:u32 is: an old peer reads it, and all that follows, wrong'],
    ],
    [
      'a length that counts more',
      'length:u32',
      'length(frame):u32',
      ['break header length:u32 was where length(frame):u32 is: an old peer reads it, and all that follows, wrong'],
    ],
    [
      'a part more at the end',
      'length:u32',
      'length:u32 flags:u8',
      ['break header flags:u8 is new: an old peer reads all that follows it wrong'],
    ],
    [
      'a part less',
      'length:u32 flags:u8',
      'length:u32',
      ['break header flags:u8 is gone: an old peer reads all that follows it wrong'],
    ],
    [
      'a field of another name',
      'id:u16 length:u32',
      'stream:u16 length:u32',
      ['note header id:u16 is called stream now: the same on the wire, another name in $header'],
    ],
    [
      "one role's header",
      '{client: "length:u32", server: "length:u32"}',
      '{client: "length:u32", server: "length:u16"}',
      [
        'break header of the server length:u32 was where length:u16 is: an old peer reads it, and all that follows, wrong',
      ],
    ],
  ]
  for (const [title, before, after, told] of layouts) {
    it(`says what ${title} means to an old peer`, async () => {
      const schema = proto('layouts.proto', typed('A', 1))
      const { code, lines } = await found(
        '--schema',
        schema,
        '--header',
        after,
        '--against-header',
        before,
        '--message',
        'A',
      )
      const breaks = told.some((line) => line.startsWith('break'))
      expect(lines).to.deep.equal(breaks ? told : [...told, 'Nothing breaks.'])
      expect(code).to.equal(breaks ? 1 : 0)
    })
  }

  it('refuses an older header that is none', async () => {
    const { code, stderr } = await cli(check, [
      '--schema',
      proto('a.proto', typed('A', 1)),
      '--against-header',
      'length:u33 x',
    ])
    expect(code).to.equal(1)
    expect(stderr).to.include('u33')
  })

  it('answers wrong use with exit code 2, and a wrong schema with 1', async () => {
    expect((await cli(check, [])).code).to.equal(2)
    expect((await cli(check, ['a.proto'])).code).to.equal(2)
    const { code, stderr } = await cli(check, ['--schema', proto('bad.proto', 'message A {\n string = 1; }')])
    expect(code).to.equal(1)
    expect(stderr).to.match(/bad\.proto:3:\d+: illegal/)
    expect((await cli(check, ['--help'])).stdout).to.include('Example:')
  })
})
