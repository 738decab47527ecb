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

  it('answers wrong use with exit code 2, and a wrong schema with 1', async () => {
    expect((await cli(check, [])).code).to.equal(2)
    expect((await cli(check, ['a.proto'])).code).to.equal(2)
    const { code, stderr } = await cli(check, ['--schema', proto('bad.proto', 'message A {\n string = 1; }')])
    expect(code).to.equal(1)
    expect(stderr).to.match(/bad\.proto:3: illegal/)
    expect((await cli(check, ['--help'])).stdout).to.include('Example:')
  })
})
