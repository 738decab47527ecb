import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Verb } from '../../lib/cli/command/verb.ts'
import { run as check } from '../../lib/cli/verbs/check.ts'
import { run as decode } from '../../lib/cli/verbs/decode.ts'
import { run as encode } from '../../lib/cli/verbs/encode.ts'
import { begin, cli } from '../support/cli.ts'

const load = (name: string): Verb => require(`../../lib/cli/verbs/${name}.ts`).run

// Valid in proto2, and clashing once names are in camelCase.
const PROTO = `syntax = "proto2";
message M { optional int32 foo_bar = 1; optional int32 fooBar = 2; }
`

describe('names of fields that clash in camelCase', () => {
  let folder: string
  let schema: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-case-'))
    schema = join(folder, 'case.proto')
    writeFileSync(schema, PROTO)
  })
  after(() => rmSync(folder, { recursive: true }))

  const args: Record<string, string[]> = {
    bench: ['127.0.0.1:1', 'M {}'],
    check: [],
    decode: ['-'],
    encode: ['-'],
    listen: ['127.0.0.1:0'],
    send: ['127.0.0.1:1', 'M {}'],
    tap: ['127.0.0.1:0', '127.0.0.1:1'],
    wireshark: [],
  }
  const common = () => ['-s', schema, '--types', '{M: 1}']

  for (const [name, own] of Object.entries(args)) {
    it(`are refused by ${name}, which says how they are taken, and takes them so`, async () => {
      const { code, stderr } = await cli(load(name), [...own, ...common()])
      expect(code).to.equal(1)
      expect(stderr).to.match(
        /case\.proto: .*: foo_bar and fooBar are one in camelCase; --keep-case leaves names as the \.proto has them\.$/m,
      )
      const run = begin(load(name), [...own, ...common(), '--keep-case'])
      run.stdin.end()
      // A server waits for clients until it is interrupted; a client finds nobody.
      if (name === 'listen' || name === 'tap') setTimeout(() => run.interrupt(), 300)
      expect((await run.ended).stderr).to.not.match(/camelCase|keep-case/)
    })
  }

  it('are refused by generate, and taken so', async () => {
    const out = ['-o', join(folder, 'case.ts')]
    const refused = await cli(load('generate'), [schema, ...out])
    expect(refused).to.include({ code: 1 })
    expect(refused.stderr).to.match(/; --keep-case leaves names/)
    expect(await cli(load('generate'), [schema, ...out, '--keep-case'])).to.include({ code: 0, stderr: '' })
  })

  it('stay two, there and back', async () => {
    const line = '{"name":"M","message":{"foo_bar":1,"fooBar":2}}'
    const { bytes } = await cli(encode, [...common(), '--keep-case'], line)
    expect(bytes.toString('hex')).to.equal('000100000004' + '0801' + '1002')
    const { stdout } = await cli(decode, [...common(), '--keep-case'], bytes)
    expect(JSON.parse(stdout).message).to.deep.equal({ foo_bar: 1, fooBar: 2 })
    expect(await cli(check, [...common(), '--keep-case', '--against', schema])).to.include({ code: 0 })
  })
})
