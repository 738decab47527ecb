import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { Protocol } from '../../lib/index.ts'
import { BUNDLED } from '../../lib/protocol/schema/bundled.ts'
import { RAW, schemas } from '../support/protoc.ts'

// What protoc takes is taken, and what it refuses is refused, with the file's name in front. protoc itself is the judge.

const two = (body: string) => `syntax = "proto2"; package t;\n${body}`
const three = (body: string) => `syntax = "proto3"; package t;\n${body}`

const SCHEMAS: Record<string, string> = {
  // numbers
  'a field number 0': three('message M { int32 a = 0; }'),
  'the largest field number': three('message M { int32 a = 536870911; }'),
  'a field number of 2**29': three('message M { int32 a = 536870912; }'),
  'a field number of 2**29 + 1': three('message M { int32 a = 536870913; }'),
  'a field number before the reserved ones': three('message M { int32 a = 18999; }'),
  'the first reserved field number': three('message M { int32 a = 19000; }'),
  'the last reserved field number': three('message M { int32 a = 19999; }'),
  'a field number after the reserved ones': three('message M { int32 a = 20000; }'),
  'a reserved number in a oneof': three('message M { oneof o { int32 a = 19500; } }'),
  'a reserved number of a map': three('message M { map<int32, int32> a = 19500; }'),
  'a group of number 0': two('message M { optional group G = 0 {} }'),
  'one number for two fields': three('message M { int32 a = 1; int32 b = 1; }'),
  'a number that the message reserves': three('message M { reserved 1 to 3; int32 a = 2; }'),
  'a name that the message reserves': three('message M { reserved "a"; int32 a = 2; }'),
  'reserved ranges that overlap': three('message M { reserved 1 to 5, 3; }'),
  'a reserved range that ends before it begins': three('message M { reserved 5 to 3; }'),
  'a number among the extensions': two('message M { extensions 100 to 200; optional int32 a = 150; }'),
  'an extension in its range': two('message M { extensions 100 to max; } extend M { optional int32 a = 100; }'),
  'an extension out of its range': two('message M { extensions 100 to 200; } extend M { optional int32 a = 5; }'),
  'extensions in proto3': three('message M { extensions 100 to 200; }'),
  // enums
  'an enum value of 2**31': three('enum E { A = 0; B = 2147483648; }'),
  'an enum value of -2**31': three('enum E { A = 0; B = -2147483648; }'),
  'an enum value below an int32': three('enum E { A = 0; B = -2147483649; }'),
  'a first enum value of 1 in proto3': three('enum E { A = 1; }'),
  'a first enum value of 1 in proto2': two('enum E { A = 1; }'),
  'an enum without values': three('enum E { }'),
  'two enum values of one number': three('enum E { A = 0; B = 0; }'),
  'aliases that are allowed': three('enum E { option allow_alias = true; A = 0; B = 0; }'),
  'aliases that are allowed and not there': three('enum E { option allow_alias = true; A = 0; B = 1; }'),
  'one value in two enums of one scope': three('enum E { A = 0; } enum F { A = 0; }'),
  'one value in enums of two scopes': three('enum E { A = 0; } message M { enum F { A = 0; } }'),
  'an enum of proto2 in proto2': two('enum E { A = 1; } message M { optional E e = 1; }'),
  // defaults
  'a default of an int32': two('message M { optional int32 a = 1 [default = -2147483648]; }'),
  'a default beyond an int32': two('message M { optional int32 a = 1 [default = 2147483648]; }'),
  'a default below a uint32': two('message M { optional uint32 a = 1 [default = -1]; }'),
  'a default beyond a uint64': two('message M { optional uint64 a = 1 [default = 18446744073709551616]; }'),
  'the largest default of a uint64': two('message M { optional uint64 a = 1 [default = 18446744073709551615]; }'),
  'a fraction as an integer’s default': two('message M { optional int32 a = 1 [default = 1.5]; }'),
  'text as an integer’s default': two('message M { optional int32 a = 1 [default = "5"]; }'),
  'a number as a bool’s default': two('message M { optional bool a = 1 [default = 1]; }'),
  'a number as a text’s default': two('message M { optional string a = 1 [default = 5]; }'),
  'a value of the enum as a default': two('enum E { A = 1; } message M { optional E e = 1 [default = A]; }'),
  'no value of the enum as a default': two('enum E { A = 1; } message M { optional E e = 1 [default = B]; }'),
  'a number as an enum’s default': two('enum E { A = 1; } message M { optional E e = 1 [default = 1]; }'),
  'a default of a list': two('message M { repeated int32 a = 1 [default = 1]; }'),
  'a default of a message': two('message M { optional M a = 1 [default = 1]; }'),
  'a default in proto3': three('message M { int32 a = 1 [default = 1]; }'),
  'infinity as a default': two(
    'message M { optional double a = 1 [default = -inf]; optional float b = 2 [default = nan]; }',
  ),
  // names
  'fooBar beside foo_bar in proto3': three('message M { int32 foo_bar = 1; int32 fooBar = 2; }'),
  'one JSON name of two fields': three('message M { int32 a = 1 [json_name = "b"]; int32 b = 2; }'),
  'one name of two fields': three('message M { int32 a = 1; string a = 2; }'),
  'a JSON name like an extension’s': three('message M { int32 a = 1 [json_name = "[a]"]; }'),
  // options of fields
  'packed numbers': two('message M { repeated int32 a = 1 [packed = true]; }'),
  'packed enums': two('enum E { A = 1; } message M { repeated E a = 1 [packed = true]; }'),
  'packed text': two('message M { repeated string a = 1 [packed = true]; }'),
  'packed bytes': two('message M { repeated bytes a = 1 [packed = true]; }'),
  'packed messages': two('message M { repeated M a = 1 [packed = true]; }'),
  'a single field that is packed': two('message M { optional int32 a = 1 [packed = true]; }'),
  'a jstype of 32 bits': three('message M { int32 a = 1 [jstype = JS_STRING]; }'),
  'a jstype of 64 bits': three('message M { int64 a = 1 [jstype = JS_STRING]; }'),
  'a map with keys of doubles': three('message M { map<double, int32> a = 1; }'),
  'a map with keys of messages': three('message M { map<M, int32> a = 1; }'),
  'a oneof without fields': three('message M { oneof o { } }'),
  'a list in a oneof': three('message M { oneof o { repeated int32 a = 1; } }'),
  'a required field in proto3': three('message M { required int32 a = 1; }'),
  'a type that is not there': three('message M { Nope a = 1; }'),
  // what protobufjs's parser refuses
  'a group in a oneof': two('message M { oneof o { int32 a = 1; group G = 2 { optional int32 x = 1; } } }'),
  'a group in a oneof, alone': two(
    'message M { message N { oneof the_one { group Gg = 2 { optional int32 x = 1; } } } }',
  ),
  'a group with options': two('message M { optional group G = 1 [deprecated = true] { optional int32 x = 1; } }'),
  'an optional beside its own underscore': three(
    'message M { optional int32 a = 1; optional string _a = 2 [deprecated = true]; int32 b = 3; }',
  ),
  '< > in the value of an option': two(
    'import "google/protobuf/descriptor.proto"; message O { optional int32 n = 1; optional O o = 2; } extend google.protobuf.MessageOptions { optional O o = 50000; } message M { option (o) = { n: 1 o < n: 2 o < n: 3 > > }; }',
  ),
  'a blank after a minus': two('message M { optional int32 a = 1 [default = - 1]; } enum E { A = - 1; }'),
  'comments inside names': three('message M { t /* a */ . /* b */ M a = 1; .t . M b = 2; t.\n// c\nM c = 3; }'),
  'escapes in text': two(
    'message M { optional string a = 1 [default = "\\u00e9 \\xc3\\xa9" "\\303\\251"]; optional bytes b = 2 [default = "\\xff\\0\\n é"]; }',
  ),
  'all kinds of escapes': two(
    `message M { optional string a = 1 [default = '\\a\\b\\f\\n\\r\\t\\v\\\\\\'\\"\\?\\U0001F600']; }`,
  ),
  'a byte order mark': `\ufeff${three('message M { int32 a = 1; }')}`,
  'numbers in hexadecimal and octal': two(
    'message M { optional uint32 a = 0X1F [default = 0XFF]; optional int32 b = 010 [default = -0x1]; reserved 0X30 to 0x3f; } enum E { A = 0X10; }',
  ),
  'an octal number that is none': three('message M { int32 a = 08; }'),
  // names that clash
  'an enum value named like a message': three('message A {} enum E { A = 0; }'),
  'an enum value named like a field': three('message M { enum E { a = 0; } int32 a = 1; }'),
  'enum values that differ in case': three('enum Foo { FOO_BAR = 0; foo_bar = 1; }'),
  'enum values that differ in the enum’s name': three('enum Foo { FOO_BAR = 0; BAR = 1; }'),
  'enum values that differ in the enum’s name, of one number': three(
    'enum Foo { option allow_alias = true; FOO_BAR = 0; BAR = 0; }',
  ),
  'enum values that differ in the enum’s name, in proto2': two('enum Foo { FOO_BAR = 0; BAR = 1; }'),
  'an enum value that is the enum’s name': three('enum Foo { FOO = 0; FOO_FOO = 1; }'),
  'a message named like a map’s entry': three('message M { map<int32, int32> foo_bar = 1; message FooBarEntry {} }'),
  'a map of an enum without 0': two('enum E { A = 1; } message M { map<int32, E> a = 1; }'),
  'a name reserved twice': three('message M { reserved "a", "a"; }'),
  'a JSON name of an extension': two(
    'message M { extensions 4; } extend M { optional int32 x = 4 [json_name = "y"]; }',
  ),
  'a message set with a field': two(
    'message M { option message_set_wire_format = true; optional int32 a = 1; extensions 4 to max; }',
  ),
  'a message set': two('message M { option message_set_wire_format = true; extensions 4 to max; }'),
  'a group in proto3': three('message M { group G = 1 { } }'),
  'a field named like its message’s keyword': three(
    'message message { message message = 1; string string = 2; int32 reserved = 3; int32 oneof = 4; int32 map = 5; int32 rpc = 6; }',
  ),
  'empty statements': three(';; message M { ; int32 a = 1;; } ; enum E { ; A = 0; } ;'),
}

/** What protoc 3.21, Debian's, judges otherwise than protoc does since 22: whether it is taken now. */
const SINCE_22: Record<string, boolean> = {
  'a reserved range that ends before it begins': false,
  'one JSON name of two fields': false,
  'a JSON name like an extension’s': false,
  'an optional beside its own underscore': true,
}

describe('A schema', function () {
  this.timeout(60_000)
  const judged = schemas()
  const { files, refusal } = judged

  for (const [about, text] of Object.entries(SCHEMAS)) {
    it(`with ${about} is judged as protoc does`, async () => {
      const path = files({ 'one.proto': text })
      const protoc = await judged.protocRefusal(path)
      const own = await refusal(path)
      expect(own === null, `protoc: ${protoc ?? 'taken'}\n    Qbp: ${own ?? 'taken'}`).to.equal(
        SINCE_22[about] ?? protoc === null,
      )
      if (own !== null) expect(own).to.match(/^\S*one\.proto(:\d+)*: (?!.*one\.proto)/)
    })
  }

  it('reads defaults as protoc does, and groups that were taken out of a oneof', async () => {
    const escapes = files({ 'e.proto': SCHEMAS['escapes in text'] as string })
    const { a, b } = (await Protocol.load(escapes, RAW)).decode('M', new Uint8Array())
    expect([a, b.toString('hex')]).to.deep.equal(['é éé', 'ff000a20c3a9'])
    const all = files({ 'f.proto': SCHEMAS['all kinds of escapes'] as string })
    expect((await Protocol.load(all, RAW)).decode('M', new Uint8Array()).a).to.equal('\x07\b\f\n\r\t\v\\\'"?😀')
    const group = await Protocol.load(files({ 'g.proto': SCHEMAS['a group in a oneof'] as string }), RAW)
    const read = group.decode('M', Buffer.from('1308051408', 'hex').subarray(0, 4))
    expect([read.o, { ...read.g }]).to.deep.equal(['g', { x: 5 }])
    expect(group.encode('M', { g: { x: 5 } }).toString('hex')).to.equal('13080514')
    expect(() => group.encode('M', { a: 1, g: {} })).to.throw('of the oneof o only one')
    const beside = await Protocol.load(
      files({ 'h.proto': SCHEMAS['an optional beside its own underscore'] as string }),
      RAW,
    )
    expect(beside.encode('M', { a: 0, _a: '', b: 0 }).toString('hex')).to.equal('08001200')
  })

  it('says that keepCase tells names apart which are one in camelCase', async () => {
    const path = files({ 'case.proto': two('message M { optional int32 foo_bar = 1; optional int32 fooBar = 2; }') })
    expect(await refusal(path)).to.match(/foo_bar and fooBar are one in camelCase; keepCase \(--keep-case\)/)
    expect(await refusal(path, { keepCase: true })).to.equal(null)
  })

  describe('and its imports', () => {
    it('are all read, whichever comes first', async () => {
      const path = files({
        'i.proto': three(
          'import "qbp/options.proto"; import "j.proto"; import "google/protobuf/any.proto"; message M { J j = 1; google.protobuf.Any any = 2; }',
        ),
        'j.proto': three('message J { int32 n = 1; }'),
      })
      expect(await refusal(path, { includeDirs: [judged.folder] })).to.equal(null)
    })

    it('are taken from the include folders before from beside the importing file', async () => {
      const path = files({
        'deep/main.proto': three('import "common.proto"; message M { C c = 1; }'),
        'deep/common.proto': three('message C { int32 beside = 1; }'),
        'common.proto': three('message C { int32 included = 1; }'),
      })
      const protocol = await Protocol.load(path, { ...RAW, includeDirs: [judged.folder] })
      expect(protocol.encode('M', { c: { included: 1 } }).toString('hex')).to.equal('0a020801')
    })

    it('are never taken from beside a file that was itself imported', async () => {
      const path = files({
        'top/main.proto': three('import "sub/one.proto"; message M { One one = 1; }'),
        'top/sub/one.proto': three('import "stray.proto"; message One { Stray stray = 1; }'),
        'top/sub/stray.proto': three('message Stray { int32 n = 1; }'),
      })
      expect(await refusal(path)).to.match(
        /sub\/one\.proto:2:\d+: the import 'stray\.proto' is not found, looked for at .*; \S+sub\/stray\.proto lies beside .* includeDirs \(--include\)\.$/,
      )
      expect(
        await refusal(path, { includeDirs: [join(judged.folder, 'top'), join(judged.folder, 'top/sub')] }),
      ).to.equal(null)
    })

    it('may be any of Google’s own', async () => {
      const names = [
        'any',
        'api',
        'duration',
        'empty',
        'field_mask',
        'source_context',
        'struct',
        'timestamp',
        'type',
        'wrappers',
        'descriptor',
        'compiler/plugin',
        'cpp_features',
        'java_features',
        'go_features',
      ]
      const text = names.map((name) => `import "google/protobuf/${name}.proto";`).join('\n')
      const path = files({
        'google.proto': three(
          `${text} message M { google.protobuf.Api api = 1; google.protobuf.Type type = 2; google.protobuf.SourceContext context = 3; google.protobuf.compiler.CodeGeneratorRequest request = 4; }`,
        ),
      })
      expect(await refusal(path)).to.equal(null)
    })

    it('of Google’s that the package has are what protoc takes', async () => {
      const paths = Object.entries(BUNDLED).map(([name, text]) => files({ [name]: text }))
      const said = await Promise.all(paths.map((path) => judged.protocRefusal(path)))
      expect(said).to.deep.equal(paths.map(() => null))
      for (const path of paths) rmSync(path)
    })

    it('may be given relative to an include folder, and are one file by whichever path', async () => {
      files({
        'k.proto': three('import "deep/l.proto"; message M { L l = 1; }'),
        'deep/l.proto': three('message L { int32 n = 1; }'),
      })
      expect(await refusal('k.proto', { includeDirs: [judged.folder] })).to.equal(null)
      expect(
        await refusal([join(judged.folder, 'deep/l.proto'), 'k.proto', join(judged.folder, 'deep/../k.proto')], {
          includeDirs: [judged.folder, `${judged.folder}/deep/..`],
        }),
      ).to.equal(null)
      expect(await refusal('none.proto', { includeDirs: [judged.folder] })).to.match(
        /^none\.proto: cannot be read \(ENOENT\), nor is it at \S+\/none\.proto\.$/,
      )
    })
  })

  describe('as a descriptor set', () => {
    it('is what its files are: numbers, defaults, groups, maps, names, options', async () => {
      const text = `syntax = "proto2"; package s; import "opt.proto";
        message Outer { option (o.id) = 7; optional uint64 big_one = 1 [default = 18446744073709551615];
          optional bytes raw = 2 [default = "\\377\\001a"]; optional string text = 3 [default = "é\\n"]; map<string, Outer> map = 4;
          oneof o { int32 a = 5; group Gr = 6 { optional sint32 x = 1; } } repeated int32 packed = 7 [packed = true];
          enum E { B = 2; A = 1; } optional E e = 8; optional double d = 9 [default = -inf]; optional int32 j = 10 [json_name = "J"]; }`
      const path = files({
        's.proto': text,
        'opt.proto': two(
          'import "google/protobuf/descriptor.proto"; extend google.protobuf.MessageOptions { optional int32 id = 50001; }',
        ).replace('package t', 'package o'),
      })
      execFileSync('protoc', [`-I${judged.folder}`, `-o${join(judged.folder, 'all.binpb')}`, '--include_imports', path])
      const options = { types: '(o.id)' }
      const [own, set] = [
        await Protocol.load(path, { ...options, includeDirs: [judged.folder] }),
        await Protocol.load(join(judged.folder, 'all.binpb'), options),
      ]
      expect(set.sent.client.entries.map(({ name, type }) => [name, type])).to.deep.equal([['Outer', 7]])
      const shape = (protocol: Protocol) =>
        protocol.messageType('Outer').fields.map(({ message, enum: values, ...field }) => ({
          ...field,
          message: message?.name,
          values: values?.name,
        }))
      expect(shape(set)).to.deep.equal(shape(own))
    })

    it('is refused where it is none', async () => {
      for (const [name, text] of Object.entries({
        'bad.binpb': 'syntax = "proto3";',
        'empty.binpb': '',
        'zip.binpb': '\x1f\x8b\x08',
      }))
        expect(await refusal(files({ [name]: text }))).to.match(/\.binpb: this is no descriptor set: /)
    })
  })
})
