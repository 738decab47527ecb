import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { Protocol, type ProtocolOptions, QbpError, type Role, type Schema } from '../../lib/index.ts'
import { describeSource } from '../../lib/protocol/schema/load.ts'
import { chat } from '../../schemas/chat.ts'
import { reflectedProtocol, rootOf } from '../support/reflected.ts'

const namespace = (text: string, name = 't'): protobuf.Namespace =>
  protobuf.parse(text).root.lookup(name) as protobuf.Namespace

const TEXT = `syntax = "proto2"; package t;
  message Say { option (qbp.type) = 2; optional string text = 1; message Inner { option (qbp.type) = 7; } }
  message Join { option (qbp.type) = 0; option (id) = 40; option (kind) = JOINED; required string name = 1; }
  message Leave { option(id)=41; option (kind) = LEFT; }
  message Unlisted { optional int32 n = 1; }
  enum Kind { JOINED = 5; LEFT = 9; }
  enum Messages { MSG_SAY = 1; MSG_JOIN = 2; MSG_SAY_INNER = 3; MSG_NONE = 4; }
  enum Same { SAME_SAY = 1; }
  enum Beginning { T_SAY = 1; T_SAY_INNER = 2; }
  enum Strange { NOTHING = 1; }
  extend google.protobuf.MessageOptions { optional Kind kind = 5000; optional int32 id = 5001; }`

/** Without descriptor.proto, which protobufjs needs for the extensions that it resolves. */
const WITH_OPTIONS = `${TEXT.replace('package t;', 'package t; import "google/protobuf/descriptor.proto";')}`

function make(options: ProtocolOptions = {}, text = WITH_OPTIONS): Protocol {
  const root = protobuf.parse(text).root
  root.define('google.protobuf').add(new protobuf.Type('MessageOptions').add(new protobuf.Field('x', 1, 'int32')))
  return reflectedProtocol(root.lookup('t') as protobuf.Namespace, options) as Protocol
}

const fullName = (object: protobuf.ReflectionObject): string => object.fullName.slice(1)

/** The messages of a namespace, those within others too. */
const types = (namespace: protobuf.NamespaceBase): protobuf.Type[] =>
  namespace.nestedArray.flatMap((each) => [
    ...(each instanceof protobuf.Type ? [each] : []),
    ...(each instanceof protobuf.Namespace ? types(each) : []),
  ])

const listed = (protocol: Protocol, role: Role = 'client'): Record<string, number | string> =>
  Object.fromEntries(protocol.sent[role].entries.map(({ name, type }) => [name, type]))

function refusal(act: () => unknown): QbpError {
  try {
    act()
  } catch (error) {
    expect(error).to.be.instanceOf(QbpError)
    return error as QbpError
  }
  throw new Error('It was not refused.')
}

describe('a message table', () => {
  const forms: [about: string, types: ProtocolOptions['types'], table: Record<string, number>][] = [
    ['the option (qbp.type), which is the default', undefined, { Say: 2, 'Say.Inner': 7, Join: 0 }],
    ['another option', '(id)', { Join: 40, Leave: 41 }],
    ['an option in full', '(.t.id)', { Join: 40, Leave: 41 }],
    ['an option of an enum', '(kind)', { Join: 5, Leave: 9 }],
    ['an enum of the schema', 'Messages', { Say: 1, Join: 2, 'Say.Inner': 3 }],
    ['an enum in full', 't.Messages', { Say: 1, Join: 2, 'Say.Inner': 3 }],
    ['an enum whose names begin alike by chance', 'Beginning', { Say: 1, 'Say.Inner': 2 }],
    ['an object', { Say: 9, 'Say.Inner': 1 }, { Say: 9, 'Say.Inner': 1 }],
    ['an object with full names', { 't.Say': 9 }, { 't.Say': 9 }],
    [
      'a list, where a later form goes before',
      ['(qbp.type)', '(id)', { Unlisted: 3, Say: 4 }],
      { Say: 4, 'Say.Inner': 7, Join: 40, Leave: 41, Unlisted: 3 },
    ],
    ['a list within a list', [['(id)'], [{ Leave: 1 }]], { Join: 40, Leave: 1 }],
    ['second names and numbers', { Say: 1, Shout: { type: 2, message: 'Say' } }, { Say: 1, Shout: 2 }],
    ['messages that are called client and server', { client: { type: 1, body: 'raw' }, Say: 5 }, { client: 1, Say: 5 }],
  ]
  for (const [about, types, table] of forms) {
    it(`is made of ${about}`, () => {
      const protocol = make(types === undefined ? {} : { types })
      expect(listed(protocol)).to.deep.equal(table)
      expect(protocol.symmetric).to.equal(true)
      expect(protocol.sent.client).to.equal(protocol.sent.server)
    })
  }

  it('is made for each role of any form, or of none', () => {
    const protocol = make({ types: { client: '(id)', server: ['Messages', { Pong: { type: 41, body: 'empty' } }] } })
    expect(listed(protocol, 'client')).to.deep.equal({ Join: 40, Leave: 41 })
    expect(listed(protocol, 'server')).to.deep.equal({ Say: 1, Join: 2, 'Say.Inner': 3, Pong: 41 })
    expect(protocol.symmetric).to.equal(false)
    const oneWay = make({ types: { client: '(id)' } })
    expect(listed(oneWay, 'server')).to.deep.equal({})
    expect(protocol.table('client', 'outgoing')).to.equal(protocol.sent.client)
    expect(protocol.table('client', 'incoming')).to.equal(protocol.sent.server)
    expect(protocol.table('server', 'incoming')).to.equal(protocol.sent.client)
    for (const role of [undefined, 'peer', 5]) {
      const error = refusal(() => protocol.table(role as Role, 'incoming'))
      expect(error.code).to.equal('ERR_QBP_BAD_OPTION')
      expect(error.message).to.match(/'client' or 'server'/)
    }
    const one = make()
    expect(one.table(undefined, 'incoming')).to.equal(one.table('client', 'outgoing'))
  })

  it('holds raw and empty entries, and the one entry whose name may be left out', () => {
    const protocol = make({ types: { Voice: { type: 1, body: 'raw' }, Ping: { type: 2, body: 'empty' } } })
    const { client } = protocol.sent
    expect(client.byName('Voice')?.body).to.equal('raw')
    expect(client.byType(2)?.body).to.equal('empty')
    expect(client.only).to.equal(undefined)
    expect(make({ types: { Say: 1 } }).sent.client.only?.name).to.equal('Say')
    expect(client.byType(2)?.decode(Buffer.alloc(0), 0, 0, false, null)).to.deep.equal({ $name: 'Ping' })
    const error = refusal(() => client.byType(2)?.decode(Buffer.alloc(3), 0, 3, false, null))
    expect(error).to.include({ code: 'ERR_QBP_INVALID_BODY', size: 3, messageName: 'Ping', type: 2 })
  })

  it('is one message, or raw bodies, where the header has no type', () => {
    const header = 'length:varint'
    expect(listed(make({ header, message: 'Say' }))).to.deep.equal({ Say: 0 })
    expect(make({ header, message: { body: 'raw' } }).sent.client.only).to.include({ name: 'Raw', body: 'raw' })
    const both = make({ header, message: { client: 'Say', server: { body: 'raw' } } })
    expect(listed(both, 'server')).to.deep.equal({ Raw: 0 })
    expect(listed(both, 'client')).to.deep.equal({ Say: 0 })
    expect(listed(make({ header, message: { client: 'Say' } }), 'server')).to.deep.equal({})
  })

  const refused: [about: string, options: object, problem: RegExp][] = [
    ['a number twice', { types: { Say: 1, Join: 1 } }, /Say and Join have the same type number 1/],
    ['a number too large for the header', { types: { Say: 65536 } }, /Say has the type number 65536; .* 0 to 65535/],
    ['a negative number', { types: { Say: -1 } }, /-1/],
    ['no integer', { types: { Say: 1.5 } }, /1.5/],
    ['a message that is not there', { types: { Shay: 1 } }, /no message 'Shay'/],
    ['a message in another case, with what it might be', { types: { say: 1 } }, /no message 'say': did you mean Say\?/],
    [
      'a second name of a message that is not there',
      { types: { Shout: { type: 1, message: 'Nope' } } },
      /no message 'Nope'/,
    ],
    ['an option that is not there', { types: '(nope)' }, /No message of the schema has the option \(nope\)/],
    ['an enum that is not there', { types: 'Nope' }, /no enum 'Nope'; it has t.Kind/],
    ['an enum of other names', { types: 'Strange' }, /No value of the enum Strange is named like a message/],
    ['text for a number', { types: { Say: '1' } }, /The entry Say is "1"/],
    ['an entry without a number', { types: { Say: {} } }, /The entry Say is \{\}/],
    [
      'an entry with something strange',
      { types: { Say: { type: 1, boddy: 'raw' } } },
      /The entry Say is .*"boddy".*; it may be a number/,
    ],
    ['another body', { types: { Say: { type: 1, body: 'none' } } }, /The entry Say is .*body: 'raw' \| 'empty'/],
    [
      'a message and a body',
      { types: { Say: { type: 1, body: 'raw', message: 'Say' } } },
      /The entry Say is .*; it may be a number/,
    ],
    ['another form', { types: 5 }, /types is 5/],
    ['another form for a role', { types: { client: true } }, /types is true/],
    ['no entry at all', { types: {} }, /Nothing can be sent either way: types lists no message/],
    ['a message beside a type', { message: 'Say' }, /message is for headers without a type/],
    ['types without a type', { header: 'length:u8', types: { Say: 1 } }, /types is for headers with a type/],
    ['no message without a type', { header: 'length:u8' }, /name the message/],
    ['a message that is none', { header: 'length:u8', message: { body: 'empty' } }, /message is \{"body":"empty"\}/],
    ['a message that is not there', { header: 'length:u8', message: 'Nope' }, /no message 'Nope'/],
    ['a message that is an object of nothing', { header: 'length:u8', message: {} }, /message is \{\}/],
  ]
  for (const [about, options, problem] of refused) {
    it(`is refused with ${about}`, () => {
      const error = refusal(() => make(options as ProtocolOptions))
      expect(error.code).to.equal('ERR_QBP_BAD_TABLE')
      expect(error.message).to.match(problem)
    })
  }

  it('is refused with an option whose value is no number', () => {
    for (const value of ['"text"', '""', 'WORD', '"3"']) {
      const error = refusal(() => make({}, `syntax = "proto3"; package t; message A { option (qbp.type) = ${value}; }`))
      expect(error.message).to.match(/The option \(qbp.type\) of A is .*, which is neither a number nor a value/)
    }
  })
})

describe('a protocol', () => {
  it('refuses other policies, int64 kinds, packages and schemas than there are', () => {
    for (const [options, problem] of [
      [{ unknown: 'drop' }, /unknown is 'drop'; it may be 'error', 'skip' or 'raw'/],
      [{ invalid: true }, /invalid is true/],
      [{ unkown: 'skip' }, /Protocol.from has no option unkown: did you mean unknown\?/],
      [{ includeDirs: ['.'] }, /Protocol.from has no option includeDirs: it may have header, types, message,/],
      [{ int64: 'string' }, /int64 is 'string'/],
    ] as const) {
      const error = refusal(() => make(options as unknown as ProtocolOptions))
      expect(error.code).to.equal('ERR_QBP_BAD_OPTION')
      expect(error.message).to.match(problem)
    }
    const undefineds = { header: undefined, types: undefined, unknown: undefined, int64: undefined, package: undefined }
    expect(() => make(undefineds)).not.to.throw()
    for (const name of ['nope', 'Say', 't.Say', 'inner']) {
      const text = 'syntax = "proto3"; package t; message Say { option (qbp.type) = 1; }'
      const root = protobuf.parse(text).root
      protobuf.parse('syntax = "proto3"; package outer.inner; message X {}', root)
      const error = refusal(() => reflectedProtocol(root, { package: name }))
      expect(error.code).to.equal('ERR_QBP_BAD_SCHEMA')
      expect(error.message).to.match(/has no package '.*'; it has t, outer\.inner/)
    }
    for (const schema of [undefined, null, 5, 'chat', {}, [], { root: {} }])
      expect(refusal(() => Protocol.from(schema as unknown as Schema)).code).to.match(/BAD_SCHEMA|BAD_TABLE/)
    expect(refusal(() => Protocol.from(chat, { int64: 'long' } as never)).message).to.match(/qbp generate --int64 long/)
  })

  it('is made of a generated module, a namespace or a Root, and leaves what it is made of alone', async () => {
    const from = Protocol.from(chat)
    expect(listed(from as unknown as Protocol)).to.have.property('Join', 1)
    const root = protobuf.parse(
      'syntax = "proto3"; package t; message Say { option (qbp.type) = 1; string text = 1; }',
    ).root
    expect(refusal(() => Protocol.from(root as unknown as Schema)).message).to.include('await Protocol.load(it)')
    const before = JSON.stringify(root.toJSON())
    const say = root.lookupType('t.Say')
    for (const source of [root, root.lookup('t') as protobuf.Namespace]) {
      const protocol = await Protocol.load(source, { package: 't' })
      expect(protocol.decode('Say', protocol.encode('Say', { text: 'x' })).text).to.equal('x')
    }
    expect(JSON.stringify(root.toJSON())).to.equal(before)
    expect(say.decode(say.encode({ text: 'y' }).finish())).to.not.have.property('$name')
    // Read in by others after the Protocol was made, it is theirs alone.
    const protocol = reflectedProtocol(root, { package: 't' })
    say.add(new protobuf.Field('late', 2, 'string'))
    expect(refusal(() => protocol.encode('Say', { late: 'x' })).field).to.equal('late')
  })

  it('does not meet another one over the same schema', () => {
    const [bigint, number] = [
      reflectedProtocol(namespace(LONGS), RAW),
      reflectedProtocol(namespace(LONGS), { ...RAW, int64: 'number' }),
    ]
    const bytes = bigint.encode('A', { n: 5n, inner: { n: 6 } })
    const [a, b] = [bigint.decode('A', bytes), number.decode('A', bytes)]
    expect([a.n, a.inner.n, b.n, b.inner.n]).to.deep.equal([5n, 6n, 5, 6])
    expect(a.constructor).to.not.equal(b.constructor)
    expect(a.constructor.name).to.equal('A')
    expect(number.encode('A', a).equals(bytes)).to.equal(true)
  })

  it('encodes and decodes any message of the schema by itself, listed or not, in full or relative', () => {
    const protocol = make()
    for (const name of ['Unlisted', 't.Unlisted']) {
      const bytes = protocol.encode(name, { n: 5 })
      expect(bytes).to.be.instanceOf(Buffer)
      expect(bytes.toString('hex')).to.equal('0805')
      expect({ ...protocol.decode(name, bytes) }).to.deep.equal({ $name: 'Unlisted', n: 5 })
      expect({ ...protocol.decode(name, new Uint8Array([8, 5])) }).to.deep.equal({ $name: 'Unlisted', n: 5 })
    }
    expect(protocol.encode('Unlisted', {}).length).to.equal(0)
    expect(refusal(() => protocol.encode('Nope', {}))).to.include({ code: 'ERR_QBP_BAD_TABLE' })
    expect(refusal(() => protocol.decode('Nope', Buffer.alloc(0)))).to.include({ code: 'ERR_QBP_BAD_TABLE' })
    expect(refusal(() => protocol.decode('Join', Buffer.alloc(0)))).to.include({
      code: 'ERR_QBP_INVALID_BODY',
      field: 'name',
    })
    expect(refusal(() => protocol.encode('Unlisted', { n: 'x' }))).to.include({
      code: 'ERR_QBP_INVALID_MESSAGE',
      field: 'n',
    })
    for (const value of [null, 5, 'text', [], () => 1])
      expect(refusal(() => protocol.encode('Unlisted', value as object))).to.include({
        code: 'ERR_QBP_INVALID_MESSAGE',
      })
    const large = 'x'.repeat(100_000)
    expect(protocol.decode('Say', protocol.encode('Say', { text: large })).text).to.equal(large)
  })

  it('hands out bytes of its own: decoded ones are copies, encoded ones nobody else’s', () => {
    const protocol = reflectedProtocol(namespace('syntax = "proto3"; package t; message B { bytes b = 1; }'), RAW)
    const body = Buffer.from('0a03616263', 'hex')
    const { b } = protocol.decode('B', body)
    body.fill(0)
    expect(b.toString()).to.equal('abc')
    const [one, two] = [protocol.encode('B', { b }), protocol.encode('B', { b })]
    one.fill(0)
    expect(two.toString('hex')).to.equal('0a03616263')
  })

  it('says why where the process forbids code from strings', () => {
    const script = `
      const { Protocol } = require('./lib/index.ts')
      const description = { packages: ['t'], messages: { 't.A': { fields: [{ name: 'n', id: 1, kind: 'int32' }] } }, enums: {}, services: {} }
      try { Protocol.from({ package: 't', int64: 'bigint', ...description }, { types: { A: 1 } }).encode('A', {}) } catch (error) {
        process.stdout.write(error.code + ': ' + error.message)
      }`
    const args = ['--disallow-code-generation-from-strings', '-r', 'ts-node/register', '-e', script]
    const output = execFileSync(process.execPath, args, { cwd: join(__dirname, '..', '..'), encoding: 'utf8' })
    expect(output).to.match(/^ERR_QBP_NO_CODEGEN: This process forbids code generation from strings/)
  }).timeout(60_000)
})

const RAW = { header: 'length:varint', message: { body: 'raw' } } as const
const LONGS = 'syntax = "proto3"; package t; message A { int64 n = 1; A inner = 2; }'

describe('Protocol.load', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-load-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  /** Writes files, the lines of each in a list, and returns the first one's path. */
  function files(contents: Record<string, string[]>): string {
    for (const [name, lines] of Object.entries(contents)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), lines.join('\n'))
    }
    return join(folder, Object.keys(contents)[0] as string)
  }

  async function failure(path: string | string[], options: Parameters<typeof Protocol.load>[1] = RAW): Promise<string> {
    try {
      await Protocol.load(path, options)
    } catch (error) {
      expect(error).to.include({ code: 'ERR_QBP_BAD_SCHEMA' })
      return (error as Error).message.replaceAll(`${folder}/`, '')
    }
    throw new Error('It was not refused.')
  }

  it('reads a file and what it imports, from beside it, from includeDirs, of Google’s and of Qbp’s', async () => {
    const main = files({
      'main.proto': [
        'syntax = "proto3"; package main;',
        'import "beside.proto"; import "far/away.proto"; import "qbp/options.proto";',
        'import "google/protobuf/timestamp.proto"; import "google/protobuf/descriptor.proto";',
        'message Say { option (qbp.type) = 1; beside.B b = 1; far.F far_one = 2; google.protobuf.Timestamp at = 3; }',
      ],
      'beside.proto': [
        'syntax = "proto2"; package beside;',
        'message B { required int32 n = 1; optional E e = 2; } enum E { X = 1; }',
      ],
      'include/far/away.proto': ['edition = "2023"; package far;', 'message F { int32 n = 1; }'],
    })
    const protocol = await Protocol.load(main, { includeDirs: [join(folder, 'include')] })
    expect(listed(protocol)).to.deep.equal({ Say: 1 })
    const message = { b: { n: 1, e: 'X' }, farOne: { n: 0 }, at: { seconds: 5n } }
    const bytes = protocol.encode('Say', message)
    expect(bytes.toString('hex')).to.equal('0a04080110011202080' + '01a020805')
    expect(protocol.decode('Say', bytes).farOne.n).to.equal(0)
    expect(refusal(() => protocol.encode('Say', { b: {} })).field).to.equal('b.n')
    expect(protocol.encode('beside.B', { n: 1 }).toString('hex')).to.equal('0801')
  })

  it('has a descriptor.proto with all the messages and fields that protobufjs’s has', async () => {
    const main = files({
      'about.proto': [
        'syntax = "proto3"; package about; import "google/protobuf/descriptor.proto";',
        'message Files { google.protobuf.FileDescriptorSet set = 1; }',
      ],
    })
    const { description } = await describeSource(main)
    const { root } = (await import('protobufjs/ext/descriptor.js')).default as unknown as { root: protobuf.Root }
    const all = types(root.lookup('google.protobuf') as protobuf.Namespace)
    expect(Object.keys(description.messages).filter((name) => name !== 'about.Files')).to.have.members(
      all.map(fullName),
    )
    for (const type of all) {
      const own = description.messages[fullName(type)]?.fields.map(({ id, name, kind, repeated = false }) => [
        ...[id, name, kind, repeated],
      ])
      const theirs = type.fieldsArray
        .filter(({ name }) => !name.startsWith('.'))
        .map((field) => {
          const target = field.resolve().resolvedType
          const kind = target === null ? field.type : target instanceof protobuf.Enum ? 'enum' : 'message'
          return [field.id, field.name, kind, field.repeated]
        })
      expect(own, type.name).to.have.deep.members(theirs)
    }
  })

  it('has names relative to the first file’s package, or to another', async () => {
    const main = files({
      'one.proto': ['syntax = "proto3"; package a.b; import "two.proto"; message One { c.Two two = 1; }'],
      'two.proto': ['syntax = "proto3"; package c; message Two { int32 n = 1; }'],
    })
    const names = async (paths: string | string[], options = {}) => {
      const protocol = await Protocol.load(paths, {
        types: [{ [Object.keys(options).length > 0 ? 'Two' : 'One']: 1 }],
        ...options,
      })
      return listed(protocol)
    }
    expect(await names(main)).to.deep.equal({ One: 1 })
    expect(await names([main, join(folder, 'two.proto')])).to.deep.equal({ One: 1 })
    expect(await names(main, { package: 'c' })).to.deep.equal({ Two: 1 })
    expect(await failure(main, { package: 'd' })).to.match(/no package 'd'; it has a\.b, c/)
  })

  it('makes field names camelCase, or keeps them', async () => {
    const main = files({ 'case.proto': ['syntax = "proto3"; package t; message A { int32 some_field = 1; }'] })
    const camel = await Protocol.load(main, RAW)
    const kept = await Protocol.load(main, { ...RAW, keepCase: true })
    expect(camel.encode('A', { someField: 1 }).equals(kept.encode('A', { some_field: 1 }))).to.equal(true)
    expect(refusal(() => camel.encode('A', { some_field: 1 })).message).to.match(/which has someField/)
  })

  it('says in which file and line it is wrong', async () => {
    const faults: [contents: Record<string, string[]>, message: RegExp][] = [
      [
        { 'a1.proto': ['syntax = "proto3";', 'message A {', '  int32 x 1;', '}'] },
        /^a1\.proto:3:\d+: illegal token '1', '=' expected/,
      ],
      [
        { 'a2.proto': ['syntax = "proto3";', 'package a;', '// Nope', 'message A {', '  Nope x = 1;', '}'] },
        /^a2\.proto:5:\d+: there is no type 'Nope', which the field x of a\.A is of/,
      ],
      [
        { 'a3.proto': ['syntax = "proto3";', '', 'import "no/such.proto";'] },
        /^a3\.proto:3:\d+: the import 'no\/such\.proto' is not found, looked for at no\/such\.proto, /,
      ],
      [
        { 'a4.proto': ['import "a5.proto";'], 'a5.proto': ['message A {', '  oops', '}'] },
        /^a5\.proto:\d+:\d+: illegal token/,
      ],
      [{ 'a6.proto': ['syntax = "proto3";', 'message A {'] }, /^a6\.proto:2(:\d+)?: illegal/],
      [
        { 'a7.proto': ['syntax = "proto3";', 'message A { int32 x = 1; int32 y = 1; }'] },
        /^a7\.proto:2:36: two fields of A have the number 1/,
      ],
    ]
    for (const [contents, message] of faults) expect(await failure(files(contents))).to.match(message)
    expect(await failure(join(folder, 'none.proto'))).to.match(/none\.proto: cannot be read \(ENOENT\)/)
    expect(await failure([])).to.match(/No file was named/)
    expect(await failure(folder)).to.match(/EISDIR/)
  })

  it('finds types from the inside out, as protoc does', async () => {
    const main = files({
      'names.proto': [
        'syntax = "proto3"; package t;',
        'message A { int32 outer = 1; }',
        'message B { message C { message A { int32 inner = 1; } A own = 1; }',
        '  A a = 1; C.A b = 2; .t.A c = 3; t.A d = 4; map<int32, A> e = 5; repeated A f = 6; C g = 7; }',
      ],
    })
    const protocol = await Protocol.load(main, RAW)
    const outer = { outer: 1 }
    protocol.encode('B', {
      a: outer,
      b: { inner: 1 },
      c: outer,
      d: outer,
      e: { 1: outer },
      f: [outer],
      g: { own: { inner: 1 } },
    })
    expect(refusal(() => protocol.encode('B', { a: { inner: 1 } })).field).to.equal('a.inner')
  })

  it('keeps 64-bit defaults to the last digit, and bytes as they are escaped', async () => {
    const main = files({
      'defaults.proto': [
        'syntax = "proto2"; package t; /* optional uint64 a = 1 [default = 5]; */',
        'message D { optional uint64 a = 1 [default = 18446744073709551615];',
        '  optional int64 some_name = 2 [deprecated = true, default = -9223372036854775808];',
        '  optional fixed64 c = 3 [default = 0x7fffffffffffffff]; optional int64 d = 4 [default = -7];',
        '  optional sint64 e = 5 [default = 0777777777777777777777];',
        '  optional bytes f = 6 [default = "abcd"]; optional bytes g = 7 [default = "\\377\\x01\\n"]; optional string h = 8 [default = "h"]; }',
      ],
    })
    const { a, someName, c, d, e, f, g, h } = (await Protocol.load(main, RAW)).decode('D', Buffer.alloc(0))
    expect([a, someName, c, d, e]).to.deep.equal([2n ** 64n - 1n, -(2n ** 63n), 2n ** 63n - 1n, -7n, 2n ** 63n - 1n])
    expect([f.toString(), g.toString('hex'), h]).to.deep.equal(['abcd', 'ff010a', 'h'])
    // A schema that has lost them, as JSON does, is refused.
    const json = {
      nested: {
        t: {
          nested: { D: { edition: 'proto2', fields: { a: { type: 'uint64', id: 1, options: { default: 2 ** 64 } } } } },
        },
      },
    }
    expect(refusal(() => reflectedProtocol(rootOf(json), { package: 't', types: { D: 1 } })).message).to.match(
      /the default of the field a of t\.D is beyond 2\*\*53 - 1/,
    )
  })

  it('has the zero value for an optional of proto3 that was not sent', async () => {
    const main = files({
      'optional.proto': [
        'syntax = "proto3"; package t; enum E { NONE = 0; }',
        'message O { optional int32 a = 1; optional uint64 b = 2; optional string c = 3; optional bytes d = 4; optional bool e = 5;',
        '  optional double f = 6; optional E g = 7; optional O h = 8; }',
      ],
    })
    const protocol = await Protocol.load(main, RAW)
    const empty = protocol.decode('O', Buffer.alloc(0))
    const { a, b, c, d, e, f, g, h } = empty
    expect([a, b, c, d.length, e, f, g, h]).to.deep.equal([0, 0n, '', 0, false, 0, 0, null])
    expect(Object.keys(empty)).to.deep.equal(['$name'])
    expect('_a' in empty).to.equal(false)
    expect(protocol.encode('O', { a: 0, c: '' }).toString('hex')).to.equal('08001a00')
  })
})
