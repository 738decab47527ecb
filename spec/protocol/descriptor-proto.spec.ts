import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import protobuf from 'protobufjs'
import { addOptionMessages, isDescriptorNamed } from '../../lib/protocol/schema/descriptor-proto.ts'
import { describeSource, firstPackage, type LoadOptions, loadSchema } from '../../lib/protocol/schema/load.ts'
import { describe as described } from '../../lib/protocol/schema/reflect.ts'
import { SchemaRoot } from '../../lib/protocol/schema/schema-root.ts'

// The text of descriptor.proto is read only where a schema is of its messages. What comes of a schema is the same.

const extending = (options: string, body: string) =>
  `extend google.protobuf.${options} { ${body} } message M { optional int32 some_field = 1; }`

/** That are of options of their own, and no more. */
const BRIEF = {
  'no option': 'message M { optional int32 n = 1; }',
  'options of a message': extending('MessageOptions', 'optional int32 my_id = 50000; optional M m = 50001;'),
  'options by a name with a dot in front': 'extend .google.protobuf.FieldOptions { optional string label = 1000; }',
  'options of every kind': ['File', 'Message', 'Field', 'Oneof', 'Enum', 'EnumValue', 'Service', 'Method']
    .map((scope, i) => `extend google.protobuf.${scope}Options { repeated int64 o${i} = 5000 [packed = true]; }`)
    .join(' '),
  'options of a range': 'extend google.protobuf.ExtensionRangeOptions { optional bool is_old = 2000; }',
  'options within a message': 'message M { extend google.protobuf.EnumOptions { optional float x_y = 70000; } }',
  'an enum as an option':
    'enum E { A = 1; B = 2; } extend google.protobuf.MessageOptions { optional E e = 6000 [default = B]; } message M { option (e) = B; }',
  'a group as an option': 'extend google.protobuf.MessageOptions { optional group G = 6000 { optional int32 n = 1; } }',
  'names like those of nested messages':
    'message Location { optional int32 n = 1; } message M { optional Location at = 1; }',
}
/** That name more of it. */
const WHOLE = {
  'a field of one of its messages': 'message M { optional google.protobuf.FileDescriptorSet set = 1; }',
  'a field by a name with a dot in front': 'message M { repeated .google.protobuf.FieldOptions all_options = 1; }',
  'a field of one of its enums': 'message M { optional google.protobuf.FieldOptions.CType c = 1 [default = CORD]; }',
  'a map': 'message M { map<string, google.protobuf.DescriptorProto> types = 1; }',
  'a member of a oneof': 'message M { oneof o { google.protobuf.Edition e = 1; } }',
  'a method': 'message M {} service S { rpc Get(M) returns (stream google.protobuf.FileDescriptorProto); }',
  'an option of one of its messages': extending('FieldOptions', 'optional google.protobuf.FieldOptions o = 50000;'),
  'features of its own': 'extend google.protobuf.FeatureSet { optional M mine = 9999; } message M {}',
  'an extension with a number below those of options':
    'extend google.protobuf.EnumValueOptions { optional string text = 990; }',
}
/** That are refused. */
const WRONG = {
  'an option with a number of descriptor.proto’s': extending('MessageOptions', 'optional int32 mine = 7;'),
  'an option of nothing': extending('MassageOptions', 'optional int32 mine = 5000;'),
  'a type that it lacks': 'message M { optional google.protobuf.FeldOptions set = 1; }',
  'a message within an option message that it lacks': 'message M { optional google.protobuf.FieldOptions.Non n = 1; }',
  'an option twice': 'extend google.protobuf.MessageOptions { optional int32 a = 5000; optional int32 b = 5000; }',
}

describe('descriptor.proto', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-descriptor-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  function file(body: string, from = 't'): string {
    const path = join(folder, `${from}.proto`)
    writeFileSync(path, `syntax = "proto2"; package ${from}; import "google/protobuf/descriptor.proto"; ${body}`)
    return path
  }
  const refusal = (act: Promise<unknown>) => act.then(() => null).catch((fault: Error) => fault.message)

  /** The same by either way, names in either case. */
  async function expectSame(path: string): Promise<void> {
    for (const options of [{}, { keepCase: true }] satisfies LoadOptions[]) {
      const root = await loadSchema(path, options)
      const { packages, ...whole } = described(root)
      const { description } = await describeSource(path, options)
      expect(description).to.deep.include(whole)
      expect(description.packages).to.have.members([...new Set([...packages, firstPackage(root)])])
    }
  }

  for (const [about, body] of Object.entries(BRIEF)) it(`need not be read for ${about}`, () => expectSame(file(body)))
  for (const [about, body] of Object.entries(WHOLE)) it(`is read for ${about}`, () => expectSame(file(body)))
  for (const [about, body] of Object.entries(WRONG))
    it(`leaves the refusal of ${about} as it is`, async () => {
      const path = file(body)
      const said = await refusal(loadSchema(path))
      expect(said).to.be.a('string')
      expect(await refusal(describeSource(path))).to.equal(said)
    })

  it('is told apart by what a schema names', () => {
    const isNamed = (body: string): boolean => {
      const root = new SchemaRoot()
      root.loading = true // As the loader sees it: before anything is resolved.
      protobuf.parse(`syntax = "proto2"; package t; ${body}`, root)
      return isDescriptorNamed(root)
    }
    for (const body of Object.values(BRIEF)) expect(isNamed(body), body).to.equal(false)
    for (const body of Object.values(WHOLE)) expect(isNamed(body), body).to.equal(true)
  })

  it('is one with what a schema adds to its package', async () => {
    await expectSame(
      file('message Own { optional int32 n = 1; } message M { optional Own own = 1; }', 'google.protobuf'),
    )
    const twice = file('message DescriptorProto {}', 'google.protobuf')
    const said = await refusal(loadSchema(twice))
    expect(said).to.match(/duplicate name 'DescriptorProto'/)
    expect(await refusal(describeSource(twice))).to.equal(said)
  })

  it('is for options alone as small as can be', () => {
    const root = new SchemaRoot()
    addOptionMessages(root)
    expect(Object.keys(described(root).messages)).to.have.length(9)
  })
})
