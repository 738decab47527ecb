import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import ts from 'typescript'
import { run } from '../../lib/cli/verbs/generate.ts'
import { Protocol, type Schema, type Service } from '../../lib/index.ts'
import { describeSource, loadSchema } from '../../lib/protocol/schema/load.ts'
// Its types are checked by its being loaded.
import '../types/chat.ts'
import '../types/calls.ts'
import '../types/generic.ts'
import '../types/plain.ts'
import { cli } from '../support/cli.ts'

const protos = resolve('spec/protos')
/** Of this run's own, in the project: the modules import what stands there. */
let folder = ''

// ts-node would make a require() of an import() in this file, and the modules are ES modules.
const importFile = new Function('url', 'return import(url)') as (url: string) => Promise<Record<string, unknown>>

/** Runs the verb in this process, with what it would print. */
const generate = (...args: string[]) => cli(run, args)

/** Writes a file of the test's own and returns its path. */
function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The module of a .proto under spec/protos, loaded. */
async function moduleOf(name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const out = join(folder, `${name}-${args.join('')}.mjs`)
  const { code, stderr } = await generate(join(protos, `${name}.proto`), '-o', out, ...args)
  expect(stderr).to.equal('')
  expect(code).to.equal(0)
  return importFile(pathToFileURL(out).href)
}

/** Files in the folder, as tsc sees them under the strictest settings that a user may have. */
function programOf(names: string[]): ts.Program {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, resolve('.'))
  return ts.createProgram(
    names.map((name) => join(folder, name)),
    { ...options, noEmit: true, declaration: true, isolatedDeclarations: true, isolatedModules: true },
  )
}

/** What tsc says of them. */
function typeFaults(names: string[], program = programOf(names)): string {
  const faults = names.flatMap((name) => {
    const file = program.getSourceFile(join(folder, name))
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].concat(
      name.endsWith('.d.ts') ? [] : program.getDeclarationDiagnostics(file),
    )
  })
  return ts.formatDiagnostics(faults, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => folder,
    getNewLine: () => '\n',
  })
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && 'messages' in value

describe('qbp generate', () => {
  before(() => {
    const cache = resolve('node_modules/.cache')
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(join(cache, 'qbp-generate-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  describe('the schema in the module', () => {
    for (const name of ['kinds', 'old', 'edition', 'names', 'nearby']) {
      it(`describes what ${name}.proto says`, async () => {
        const { description } = await describeSource(join(protos, `${name}.proto`))
        const { messages, enums } = Object.values(await moduleOf(name)).find(isSchema) as Schema
        expect(Object.keys(messages)).to.not.deep.equal([])
        for (const [message, made] of Object.entries(messages))
          expect(made, message).to.deep.equal(description.messages[message])
        for (const [values, made] of Object.entries(enums))
          expect(made, values).to.deep.equal(description.enums[values])
      })
    }

    for (const flags of [[], ['--no-codec']]) {
      it(`codes a message of each syntax as protobufjs does ${flags.join(' ')}`, async () => {
        const bodies: [file: string, type: string, message: object][] = [
          [
            'kinds',
            'demo.kinds.Every',
            { anInt64: 5, numbers: [1, 2], texts: { 5: 'b' }, when: { seconds: 1 }, maybe: 0 },
          ],
          [
            'old',
            'old.Hello',
            { name: 'n', part: {}, packed: [1], loose: [1], result: [{ url: 'u' }], single: { n: 9 } },
          ],
          [
            'edition',
            'edition.Sample',
            { needed: 0, explicit: 0, delimited: { needed: 1 }, expanded: [1, 2], shut: 2 },
          ],
        ]
        for (const [name, typeName, message] of bodies) {
          const given = (await loadSchema(join(protos, `${name}.proto`))).lookupType(typeName)
          const schema = (await moduleOf(name, ...flags))[name] as Schema
          expect(typeof schema.codec).to.equal(flags.length === 0 ? 'function' : 'undefined')
          const protocol = Protocol.from(schema, { header: 'length:varint', message: { body: 'raw' } })
          const theirs = Buffer.from(given.encode(given.fromObject(message)).finish())
          expect(protocol.encode(typeName, message).toString('hex'), name).to.equal(theirs.toString('hex'))
          const read = protocol.decode(typeName, theirs)
          expect(protocol.encode(typeName, read).toString('hex'), name).to.equal(theirs.toString('hex'))
        }
      })
    }

    it('keeps the options of one’s own, the values of enums as their numbers', async () => {
      const { old } = (await moduleOf('old')) as { old: Schema }
      expect(old.messages['old.Hello']?.options).to.deep.equal({
        ...{ '(client_message_id)': 7, '(id)': 12, '(note).text': `it's "quoted"\\ \n` },
      })
      const limit = old.messages['old.Hello']?.fields.find(({ name }) => name === 'limit')
      expect(limit?.initial).to.equal('Infinity')
    })

    it('holds what the files reach and nothing else', async () => {
      const reached = JSON.stringify((await moduleOf('kinds')).kinds)
      expect(reached).to.include('Timestamp').and.include('ListValue').and.include('Thing')
      expect(reached).to.not.include('Unreached').and.not.include('Duration').and.not.include('DescriptorProto')
      const old = JSON.stringify((await moduleOf('old')).old)
      expect(old).to.not.include('UninterpretedOption')
    })

    it('says its package and how 64-bit fields are read', async () => {
      expect((await moduleOf('kinds')).kinds).to.include({ package: 'demo.kinds', int64: 'bigint' })
      expect((await moduleOf('kinds', '--int64', 'long')).kinds).to.include({ int64: 'long' })
      expect((await moduleOf('kinds', '--package', 'demo')).demo).to.include({ package: 'demo' })
    })

    it('is named after the package, by an identifier', async () => {
      expect(await moduleOf('names')).to.have.property('default_')
      const bare = file('bare.proto', 'syntax = "proto3"; message A {}')
      await generate(bare, '-o', join(folder, 'bare.mjs'))
      expect(await importFile(pathToFileURL(join(folder, 'bare.mjs')).href)).to.have.keys('schema')
      const snake = file('snake.proto', 'syntax = "proto3"; package a.my_pkg; message A {}')
      await generate(snake, '-o', join(folder, 'snake.mjs'))
      expect(await importFile(pathToFileURL(join(folder, 'snake.mjs')).href)).to.have.keys('myPkg')
      for (const version of ['v1', 'v2beta1', 'v1p1alpha3']) {
        const versioned = file('versioned.proto', `syntax = "proto3"; package acme.chat.${version}; message A {}`)
        await generate(versioned, '-o', join(folder, `${version}.mjs`))
        const module = await importFile(pathToFileURL(join(folder, `${version}.mjs`)).href)
        expect(module).to.have.keys('chat')
        expect(module.chat).to.include({ package: `acme.chat.${version}` })
      }
      const named = file('named.proto', 'syntax = "proto3"; package its.v2x; message A {}')
      await generate(named, '-o', join(folder, 'named.mjs'))
      expect(await importFile(pathToFileURL(join(folder, 'named.mjs')).href)).to.have.keys('v2x')
      const alone = file('alone.proto', 'syntax = "proto3"; package v1; message A {}')
      await generate(alone, '-o', join(folder, 'alone.mjs'))
      expect(await importFile(pathToFileURL(join(folder, 'alone.mjs')).href)).to.have.keys('v1')
    })

    it('exports the numbers of enums, nested as in the .proto', async () => {
      const module = await moduleOf('kinds')
      expect(module.Color).to.deep.equal({ RED: 0, BLUE: 1, AZURE: 1, GREY: -5 })
      expect(module.nearby).to.deep.equal({ Thing: { Size: { SMALL: 0, LARGE: 1 } } })
    })

    it('keeps the case of field names where asked', async () => {
      expect(JSON.stringify((await moduleOf('kinds')).kinds)).to.include('"name":"aDouble"')
      expect(JSON.stringify((await moduleOf('kinds', '--keep-case')).kinds)).to.not.include('"name":"aDouble"')
    })
  })

  describe('the types in the module', () => {
    const users = {
      'use-kinds.ts': `
        import { Color, kinds, type Choice, type ChoiceInit, type Every, type EveryInit, type Messages } from './kinds.js'
        declare const every: Every
        type Exact<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
        const holds = <T extends true>(..._: T[]) => {}
        holds<Exact<Every['aDouble'], number>>()
        holds<Exact<Every['anInt64'], bigint>>()
        holds<Exact<Every['aBytes'], Buffer>>()
        holds<Exact<Every['maybe'], number>>()
        holds<Exact<Every['itself'], Every | null>>()
        holds<Exact<Every['numbers'], readonly bigint[]>>()
        holds<Exact<Every['texts'], { readonly [key: string]: string }>>()
        // What is read may be written.
        const init: EveryInit = every
        const long: EveryInit = { anInt64: { low: 1, high: 0, unsigned: false }, aUint64: '7', numbers: [1, 2n, '3'] }
        const parts: EveryInit = { aColor: 'AZURE', colors: ['RED', Color.BLUE, 7], byNumber: { 1: 'GREY' }, when: null, aBytes: new Uint8Array(1) }
        // @ts-expect-error
        const noColor: EveryInit = { aColor: 'PINK' }
        // @ts-expect-error
        const noDeepField: EveryInit = { itself: { many: [{ nope: 1 }] } }
        // @ts-expect-error
        const noText: EveryInit = { aBytes: 'text' }
        export function choose(choice: Choice): number {
          // @ts-expect-error: it may be null
          choice.b.x
          if (choice.k === 'b') return choice.b.x
          switch (choice.k) {
            case 'c': return choice.c.one?.x ?? 0
            case 'a': return choice.a.length
            default: { const none: undefined = choice.k; return choice.plain === 'y' ? 1 : Number(none) }
          }
        }
        const back: ChoiceInit = {} as Choice
        const one: ChoiceInit = { a: 'text' }
        const other: ChoiceInit = { b: { x: 1 }, a: null }
        // @ts-expect-error: two members of one oneof
        const both: ChoiceInit = { a: 'text', b: { x: 1 } }
        // @ts-expect-error: what an absent list reads as is frozen
        every.numbers.push(1n)
        export function colour(color: Color): string {
          switch (color) {
            case Color.RED: { return 'red' }
            default: return String(color)
          }
        }
        const names: keyof Messages = 'google.protobuf.Timestamp'
        // @ts-expect-error
        const noName: keyof Messages = 'nearby.Unreached'
        export { back, both, one, other, init, kinds, long, names, noColor, noDeepField, noName, noText, parts }
      `,
      'use-old.ts': `
        import { Number, type Hello, type HelloInit, type $Hello } from './old.ts'
        export const hello: HelloInit = { name: 'n', part: {}, number: 'BYE', result: [{ url: 'u' }], '.old.nickName': 'nick' }
        // @ts-expect-error: a required field
        export const nameless: HelloInit = { part: {} }
        // @ts-expect-error: a required field is not null
        export const nulled: HelloInit = { name: null, part: {} }
        // @ts-expect-error: a required field of a group
        export const urlless: HelloInit = { name: 'n', part: {}, result: [{}] }
        // @ts-expect-error: a closed enum has no other numbers
        export const open: HelloInit = { name: 'n', part: {}, number: 8 }
        export function read(message: $Hello): 'Hello' {
          const plain: Hello = message
          const size: bigint = plain.part.size
          const best: Number = plain['.old.Scope.best']
          switch (best) {
            case Number.HELLO: case Number.BYE: return message.$name
            default: { const never: never = best; return never }
          }
        }
      `,
      'use-names.ts': `
        import { default_, delete_, Outer, type Buffer as Bytes, type Join, type JoinInit_, type $Object, type $ObjectInit } from './names.ts'
        export const bytes = (message: Bytes): string => message.b.toString('hex') + message.l.high
        // An object literal has a constructor and a toString, which are not the fields.
        export const bare: $ObjectInit = { $name: 'Object' }
        export const own: $ObjectInit = { $name: 'Object', constructor: 'a', toString: 'b' }
        export const up = (outer: Outer): Outer | null | undefined => outer.o?.top
        export const init: JoinInit_ = {} as Join
        export const object = (message: $Object): string => message.constructor + message.toString + message.$name
        export const numbers: [0, 0] = [delete_.ZERO, Outer.Outer.Kind.A]
        export { default_ }
      `,
    }

    it('hold what can be read and refuse what cannot be written', async function () {
      this.timeout(20_000)
      // With a codec in it a module's own types are not checked: it says so itself.
      const importLib = ['--no-codec', '--import', '../../../lib/index.ts']
      await generate(join(protos, 'kinds.proto'), '-o', join(folder, 'kinds.js'), ...importLib)
      await generate(
        join(protos, 'kinds.proto'),
        '-o',
        join(folder, 'kinds-number.ts'),
        '--int64',
        'number',
        ...importLib,
      )
      for (const name of ['old', 'edition', 'names'])
        await generate(
          join(protos, `${name}.proto`),
          '-o',
          join(folder, `${name}.ts`),
          '--int64',
          name === 'names' ? 'long' : 'bigint',
          ...importLib,
        )
      for (const [name, text] of Object.entries(users)) file(name, text)

      const names = [...Object.keys(users), 'kinds.d.ts', 'kinds-number.ts', 'edition.ts', 'old.ts', 'names.ts']
      expect(typeFaults(names)).to.equal('')
    })

    it('are checked in time that grows as their number does', async function () {
      this.timeout(90_000)
      /** What tsc makes and compares for a switch over so many messages, and for the writing of each. */
      const workOf = async (count: number): Promise<number> => {
        const numbers = Array.from({ length: count }, (_, i) => i)
        const body = (i: number) =>
          `string text = 1; int64 at = 2; M${(i * 7) % count} other = 3; repeated M${(i + 1) % count} more = 4;`
        file(
          `many${count}.proto`,
          `syntax = "proto3"; package many; ${numbers.map((i) => `message M${i} { ${body(i)} }`).join('\n')}`,
        )
        await generate(
          join(folder, `many${count}.proto`),
          ...['-o', join(folder, `many${count}.ts`), '--no-codec', '--import', '../../../lib/index.ts'],
        )
        file(
          `use-many${count}.ts`,
          `import type { Messages } from './many${count}.ts'
          declare function read(): Messages[keyof Messages]['read']
          declare function write(message: Messages[keyof Messages]['write']): void
          export function serve(): void {
            const message = read()
            switch (message.$name) {
              ${numbers.map((i) => `case 'M${i}': write({ $name: 'M${i}', text: message.text, other: message.other }); break`).join('\n')}
              default: { const never: never = message; return never }
            }
            write(message)
          }`,
        )
        const program = programOf([`use-many${count}.ts`])
        expect(typeFaults([`use-many${count}.ts`], program)).to.equal('')
        const { assignable, identity, subtype, strictSubtype } = program.getRelationCacheSizes()
        return (
          program.getTypeCount() + program.getInstantiationCount() + assignable + identity + subtype + strictSubtype
        )
      }
      const [few, some, many] = [await workOf(20), await workOf(100), await workOf(500)]
      expect((many - some) / 400).to.be.below(1.2 * ((some - few) / 80))
    })

    it('carry the comments of the .proto, and let none end early', async () => {
      await generate(join(protos, 'kinds.proto'), '-o', join(folder, 'comments.ts'))
      const text = readFileSync(join(folder, 'comments.ts'), 'utf8')
      expect(text).to.include('/** Every kind of field. This ends no comment: *\\/ export const broken = 1 /* */')
      expect(text).to.include('/** As the sky. */\n  BLUE: 1,')
      expect(text).to.include('/** @deprecated */\n  old: number\n')
    })

    it('come from qbp-stream, or from where they are said to', async () => {
      const out = join(folder, 'import.ts')
      await generate(join(protos, 'nearby.proto'), '-o', out)
      expect(readFileSync(out, 'utf8')).to.include(`import type { Framed, Schema } from 'qbp-stream'`)
      await generate(join(protos, 'nearby.proto'), '-o', out, '--import', `it's`)
      expect(readFileSync(out, 'utf8')).to.include(`from 'it\\'s'`)
    })
  })

  describe('services', () => {
    it('are constants that name them, with the types of their clients and handlers', async () => {
      const text = `syntax = "proto3"; package bank; import "google/protobuf/empty.proto";
        // Keeps accounts.
        service Accounts {
          // Opens one.
          rpc Open(google.protobuf.Empty) returns (stream Account);
          rpc close_all(stream Account) returns (google.protobuf.Empty) { option deprecated = true; }
          rpc Then(Account) returns (Account);
        }
        service Idle {}
        message Account { string name = 1; }`
      const source = file('bank.proto', text)
      await generate(source, '-o', join(folder, 'bank.mjs'))
      const { Accounts, Idle, bank } = await importFile(pathToFileURL(join(folder, 'bank.mjs')).href)
      expect(Accounts).to.deep.equal({ name: 'bank.Accounts', schema: bank })
      expect(Idle).to.deep.equal({ name: 'bank.Idle', schema: bank })
      // What a method takes comes along, wherever it is declared.
      expect(Object.keys((bank as Schema).messages)).to.have.members(['bank.Account', 'google.protobuf.Empty'])
      const declared = readFileSync(join(folder, 'bank.d.mts'), 'utf8')
      expect(declared).to.include(
        '/** Keeps accounts. */\nexport declare const Accounts: Service<{\n  /** Opens one. */\n',
      )
      expect(declared).to.include('/** @deprecated */\n  closeAll: {').and.include('  then_: {')
      expect(declared).to.include('export type AccountsClient =').and.include('export type AccountsHandlers =')
    })

    it('may stand in a file of their own', async () => {
      const messages = file('notes.proto', 'syntax = "proto3"; package notes; message Note {}')
      const text =
        'syntax = "proto3"; package notes; import "notes.proto"; service Notes { rpc Take(Note) returns (Note); }'
      const source = file('notes-service.proto', text)
      expect(await generate(source, '-I', folder, '-o', join(folder, 'notes.mjs'))).to.include({ code: 0, stderr: '' })
      const { Notes, notes } = await importFile(pathToFileURL(join(folder, 'notes.mjs')).href)
      expect(Object.keys((notes as Schema).messages)).to.deep.equal(['notes.Note'])
      const protocol = Protocol.from(notes as Schema, { calls: true })
      expect(protocol.service(Notes as Service).fullName).to.equal('notes.Notes')
      expect(messages).to.be.a('string')
    })

    it('take names that nothing else has, whatever messages are called', async function () {
      this.timeout(20_000)
      const names = [
        'Service',
        'Client',
        'Handlers',
        'Schema',
        'Framed',
        'AClient',
        'AHandlers',
        'BClientInit',
        'Messages',
      ]
      const text = `syntax = "proto3"; package clash; ${names.map((name) => `message ${name} { A.X x = 1; }`).join(' ')}
        service A_ { rpc Open(Client) returns (stream Service); }
        message A { message X {} }
        service B { rpc Open(stream A.X) returns (Handlers); rpc open(Schema) returns (AClient); }
        service BClient { rpc Get(BClientInit) returns (Messages); }
        service clash { rpc Get(A) returns (A); }
        service Buffer { rpc constructor(A) returns (A); }
        service await { rpc Get(A) returns (A); }`
      const source = file('clash.proto', text)
      const library = resolve('lib/index.ts')
      for (const name of ['clash.ts', 'clash-js.js'])
        expect(await generate(source, '-o', join(folder, name), '--import', library)).to.include({ code: 0 })
      file(
        'use-clash.ts',
        `import { clash, clash_, B, BClient_, Buffer, await_ } from './clash-js.js'
         import { type QbpConnection, Protocol } from '../../../lib/index.ts'
         export async function use(connection: QbpConnection): Promise<void> {
           const protocol: Protocol = Protocol.from(clash, { calls: true }) as unknown as Protocol
           protocol.service(B)
           const answer = await connection.client(B).open([{}])
           answer.x
           // @ts-expect-error: no such field
           answer.y
           for (const service of [clash_, BClient_, Buffer, await_]) protocol.service(service)
         }`,
      )
      expect(typeFaults(['clash.ts', 'clash-js.d.ts', 'use-clash.ts'])).to.equal('')
    })
  })

  describe('the command', () => {
    it('writes beside the .proto where no output is named, and says so', async () => {
      const source = file('beside.proto', 'syntax = "proto3"; package beside; message A {}')
      const { code, stdout } = await generate(source)
      expect(code).to.equal(0)
      expect(stdout).to.match(/beside\.js, .*beside\.d\.ts\n$/)
      expect(readFileSync(join(folder, 'beside.js'), 'utf8')).to.include('export const beside = {')
      expect(readFileSync(join(folder, 'beside.d.ts'), 'utf8')).to.include('export declare const beside: ')
    })

    it('makes one module of several files', async () => {
      const a = file('a.proto', 'syntax = "proto3"; package two; message A {}')
      const b = file('b.proto', 'syntax = "proto3"; package two; import "a.proto"; message B { A a = 1; }')
      await generate(a, b, '-o', join(folder, 'two.mjs'))
      const { two } = (await importFile(pathToFileURL(join(folder, 'two.mjs')).href)) as { two: Schema }
      expect(Object.keys(two.messages)).to.have.members(['two.A', 'two.B'])
      expect(two.messages['two.B']?.fields).to.deep.equal([{ name: 'a', id: 1, kind: 'message', type: 'two.A' }])
    })

    it('makes a module of enums alone', async () => {
      const source = file('enums.proto', 'syntax = "proto3"; package enums; enum Mood { CALM = 0; WILD = 1; }')
      expect(await generate(source, '-o', join(folder, 'enums.ts'))).to.include({ code: 0, stderr: '' })
      expect(readFileSync(join(folder, 'enums.ts'), 'utf8'))
        .to.include('export const Mood =')
        .and.include('export type Mood =')
    })

    it('looks for imports where --include says', async () => {
      const source = file(
        'far.proto',
        'syntax = "proto3";\nimport "nearby.proto";\nmessage Far { nearby.Thing thing = 1; }',
      )
      const missing = await generate(source)
      expect(missing.code).to.equal(1)
      expect(missing.stderr).to.match(/far\.proto:2:\d+: the import 'nearby\.proto' is not found/)
      expect((await generate(source, '-I', protos)).code).to.equal(0)
    })

    const faults: [title: string, text: string, told: RegExp][] = [
      [
        'a token that does not belong',
        'syntax = "proto3";\nmessage A {\n  string = 1;\n}',
        /fault\.proto:3:\d+: illegal/,
      ],
      ['a type that is not there', 'syntax = "proto3";\nmessage A {\n  Nope n = 1;\n}', /fault\.proto:3:\d+: .*'?Nope/],
      [
        'a name used twice',
        'syntax = "proto3";\nmessage A {}\nmessage A {}',
        /fault\.proto:\d+:\d+: duplicate name 'A'/,
      ],
      ['an end too early', 'syntax = "proto3";\nmessage A {\n', /fault\.proto:\d: illegal/],
      ['no message and no enum at all', 'syntax = "proto3";\n', /declares no message, no enum and no service/],
    ]
    for (const [title, text, told] of faults) {
      it(`names the place of ${title}`, async () => {
        const { code, stderr } = await generate(file('fault.proto', text))
        expect(stderr).to.match(told)
        expect(code).to.equal(1)
      })
    }

    it('names the file that cannot be read or written', async () => {
      const missing = await generate(join(folder, 'nowhere.proto'))
      expect(missing.stderr).to.match(/nowhere\.proto: cannot be read \(ENOENT\)/)
      expect(missing.code).to.equal(1)
      const unwritten = await generate(join(protos, 'nearby.proto'), '-o', join(folder, 'no/such/folder.ts'))
      expect(unwritten.stderr).to.match(/no\/such\/folder\.ts/)
      expect(unwritten.code).to.equal(1)
    })

    it('refuses a package that the schema lacks', async () => {
      const { code, stderr } = await generate(join(protos, 'nearby.proto'), '--package', 'far')
      expect(stderr).to.include(`no package 'far'`)
      expect(code).to.equal(1)
    })

    describe('with the options of its protocol', () => {
      const SAY = 'syntax = "proto3"; package say; message Ask { string q = 1; } message Reply { string a = 1; }'
      /** The module of SAY, as TypeScript for tsc, and loaded. */
      const made = async (name: string, ...args: string[]): Promise<{ say: Schema }> => {
        const source = file(`${name}.proto`, SAY)
        const [ts, mjs] = ['ts', 'mjs'].map((end) => join(folder, `${name}.${end}`)) as [string, string]
        for (const out of [ts, mjs])
          expect(await generate(source, '-o', out, '--import', '../../../lib/index.ts', ...args)).to.include({
            code: 0,
            stderr: '',
          })
        return (await importFile(pathToFileURL(mjs).href)) as { say: Schema }
      }

      it('leaves nothing to be said to Protocol.from, and types it', async () => {
        const types = '{client: {Ask: 1}, server: {Reply: 2}}'
        const { say } = await made('roles', '--header', 'length:varint type:varint', '--types', types)
        const protocol = Protocol.from(say)
        expect(protocol.header.text).to.equal('length:varint type:varint')
        expect(
          [protocol.sent.client, protocol.sent.server].map(({ entries }) => entries.map(({ name }) => name)),
        ).to.deep.equal([['Ask'], ['Reply']])
        file(
          'roles-user.ts',
          `import { Protocol, type Incoming, type Outgoing } from '../../../lib/index.ts'
          import { say } from './roles.ts'
          export function typed(): string {
            const protocol = Protocol.from(say)
            const ask: Outgoing<typeof protocol, 'client'> = { $name: 'Ask', q: 'a' }
            // @ts-expect-error: what the server sends
            const wrong: Outgoing<typeof protocol, 'client'> = { $name: 'Reply', a: 'a' }
            const both = Protocol.from(say, { types: { Ask: 1, Reply: 2 } })
            const either: Outgoing<typeof both, 'client'> = { $name: 'Reply', a: 'a' }
            const one = Protocol.from(say, { header: 'length:varint', message: 'Reply' })
            const nameless: Outgoing<typeof one, 'client'> = { a: 'a' }
            const reply = {} as Incoming<typeof protocol, 'client'>
            return reply.a + JSON.stringify([ask, wrong, either, nameless])
          }
        `,
        )
        expect(typeFaults(['roles-user.ts'])).to.equal('')
      })

      it('lets those that are given at Protocol.from go before them', async () => {
        const { say } = await made('given', '--header', 'length:u16', '--message', 'Ask')
        expect(Protocol.from(say).sent.client.only?.name).to.equal('Ask')
        expect(Protocol.from(say, { message: 'Reply' }).sent.client.only?.name).to.equal('Reply')
        const protocol = Protocol.from(say, { header: 'type:u8 length:u16', types: { Reply: 7 } })
        expect(protocol.sent.client.entries.map(({ type }) => type)).to.deep.equal([7])
        expect(Protocol.from(say, { header: undefined }).header.text).to.equal('length:u16')
      })

      const refused: [title: string, args: string[], told: RegExp][] = [
        ['a layout that is none', ['--header', 'length:u99'], /u99/],
        ['a message that is none', ['--header', 'length:u8', '--message', 'Asks'], /did you mean Ask\?/],
        [
          'numbers for a header without a type',
          ['--header', 'length:u8', '--types', '{Ask: 1}'],
          /for headers with a type/,
        ],
        ['a header whose types it lacks', ['--header', 'type:u8 length:u8'], /\(qbp\.type\)/],
      ]
      for (const [title, args, told] of refused) {
        it(`refuses ${title}`, async () => {
          const { code, stderr } = await generate(file('refused.proto', SAY), ...args)
          expect(stderr).to.match(told)
          expect(code).to.equal(1)
        })
      }
    })

    const misuses: [title: string, args: string[], told: RegExp][] = [
      ['no file', [], /no \.proto file is given/],
      ['an unknown option', ['a.proto', '--fast'], /--fast/],
      ['another kind of 64-bit field', ['a.proto', '--int64', 'string'], /it may be bigint, long or number/],
      ['an output of another kind', ['a.proto', '-o', 'a.json'], /'a\.json'/],
      ['a declaration file as the output', ['a.proto', '-o', 'a.d.ts'], /'a\.d\.ts'/],
    ]
    for (const [title, args, told] of misuses) {
      it(`answers ${title} with exit code 2`, async () => {
        const { code, stdout, stderr } = await generate(...args)
        expect(stderr).to.match(told)
        expect(stdout).to.equal('')
        expect(code).to.equal(2)
      })
    }

    it('explains itself, with an example', async () => {
      const { code, stdout } = await generate('--help')
      expect(stdout).to.include('Usage: qbp generate').and.include('Example:')
      expect(code).to.equal(0)
    })
  })

  describe('looks at the nearest package.json', () => {
    let inner: string
    let proto: string
    beforeEach(() => {
      inner = mkdtempSync(join(folder, 'package-'))
      mkdirSync(join(inner, 'schemas'))
      proto = join(inner, 'schemas', 'a.proto')
      writeFileSync(proto, 'syntax = "proto3"; package a; message A { int32 n = 1; }')
    })
    const files = () => readdirSync(join(inner, 'schemas')).sort()
    const say = (manifest: object) => writeFileSync(join(inner, 'package.json'), JSON.stringify(manifest))

    it('and writes name.js in an ES module package', async () => {
      say({ type: 'module' })
      expect(await generate(proto)).to.include({ code: 0, stderr: '' })
      expect(files()).to.deep.equal(['a.d.ts', 'a.js', 'a.proto'])
    })

    for (const manifest of [{ type: 'commonjs' }, {}]) {
      it(`and writes name.mjs where it is ${JSON.stringify(manifest)}`, async () => {
        say(manifest)
        expect(await generate(proto)).to.include({ code: 0, stderr: '' })
        expect(files()).to.deep.equal(['a.d.mts', 'a.mjs', 'a.proto'])
      })

      for (const end of ['js', 'ts']) {
        it(`and says what to do where ${JSON.stringify(manifest)} makes no ES module of .${end}`, async () => {
          say(manifest)
          const out = join(inner, 'schemas', `a.${end}`)
          const { code, stderr } = await generate(proto, '-o', out)
          expect(code).to.equal(0)
          expect(stderr).to.match(
            /^qbp generate: .* is an ES module, but .*package\.json (has no 'type'|says "type": "commonjs"):/,
          )
          expect(stderr).to.include(`run 'npm pkg set type=module', or generate ${out.replace(/.s$/, `m${end}`)}.`)
          expect((await generate(proto, '-o', out.replace(/.s$/, `m${end}`))).stderr).to.equal('')
        })
      }
    }

    it('and leaves one that is no JSON to npm', async () => {
      writeFileSync(join(inner, 'package.json'), '{')
      expect(await generate(proto)).to.include({ code: 0, stderr: '' })
    })
  })
})
