import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { answerRequest } from '../../lib/cli/generate/code-generator.ts'
import { run } from '../../lib/cli/verbs/generate.ts'
import { Protocol } from '../../lib/index.ts'
import { cli } from '../support/cli.ts'
import { peer } from '../support/peers.ts'

const ROOT = resolve('.')

/** Of descriptor.proto and plugin.proto what is used here. */
const PROTO = `syntax = "proto3";
  message Set { repeated bytes file = 1; }
  message Request { repeated string names = 1; string parameter = 2; repeated bytes files = 15; }
  message Answer { string error = 1; repeated File files = 15; message File { string name = 1; string content = 15; } }`

describe('protoc-gen-qbp', function () {
  this.timeout(30_000)
  let folder: string
  let messages: Protocol
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-plugin-'))
    writeFileSync(join(folder, 'plugin.proto'), PROTO)
    messages = await Protocol.load(join(folder, 'plugin.proto'), { header: 'length:varint', message: { body: 'raw' } })
    const plugin = join(folder, 'protoc-gen-qbp')
    const command = `node scripts/ts.cjs lib/cli/command/protoc-gen-qbp.ts`
    writeFileSync(plugin, `#!/bin/sh\ncd '${ROOT}' && exec ${command}\n`)
    chmodSync(plugin, 0o755)
  })
  after(() => rmSync(folder, { recursive: true }))

  /** Runs protoc with the plug-in. @returns the folder that it wrote to. */
  function protoc(proto: string, includes: string[], ...options: string[]): string {
    const out = mkdtempSync(join(folder, 'out-'))
    const own = [
      `--plugin=${join(folder, 'protoc-gen-qbp')}`,
      `--qbp_out=${out}`,
      ...options.map((text) => `--qbp_opt=${text}`),
    ]
    execFileSync('protoc', [...includes.map((dir) => `-I${dir}`), ...own, proto], { encoding: 'utf8', stdio: 'pipe' })
    return out
  }

  /** Its lines in an order of their own, without the comments: a descriptor brings none along, and has what a file imports before it. */
  const lines = (text: string): string[] =>
    text
      .replace(/^ *\/\*\*.*?\*\/\n/gms, '')
      .replace(/^ *packages: .*$/m, '')
      .split('\n')
      .sort()

  /** What protoc would ask for: a descriptor set, file by file, with the option. */
  function request(proto: string, includes: readonly string[], parameter = ''): Uint8Array {
    const set = join(folder, 'set.binpb')
    execFileSync('protoc', [...includes.map((dir) => `-I${dir}`), '--include_imports', '-o', set, proto])
    const { file } = messages.decode('Set', readFileSync(set))
    return messages.encode('Request', { names: [proto], parameter, files: file })
  }
  const answered = async (bytes: Uint8Array): Promise<{ error: string; files: { name: string; content: string }[] }> =>
    messages.decode('Answer', await answerRequest(bytes))

  it('is run by Debian’s protoc', async function () {
    peer(this, { needs: ['protoc'], apt: 'protobuf-compiler' })
    const out = protoc(
      'chat.proto',
      ['schemas'],
      'target=ts,int64=number',
      'header=type:u8 length:u16,types={Say: 1, Said: 2}',
    )
    const made = readFileSync(join(out, 'chat.ts'), 'utf8')
    expect(made).to.include("header: 'type:u8 length:u16'").and.include('Said: 2').and.include('at: number')
  })

  for (const [proto, includes] of [
    ['chat.proto', ['schemas']],
    ['kinds.proto', ['spec/protos']],
    ['accounts.proto', ['spec/calls', 'schemas']],
  ] as const) {
    it(`makes of ${proto} what qbp generate makes`, async function () {
      peer(this, { needs: ['protoc'], apt: 'protobuf-compiler' })
      const ours = join(folder, proto.replace('.proto', '.js'))
      const args = includes.flatMap((each) => ['-I', each])
      expect(await cli(run, [join(includes[0], proto), '-o', ours, ...args])).to.include({ code: 0, stderr: '' })
      const { files, error } = await answered(request(proto, includes))
      expect(error).to.equal('')
      for (const { name, content } of files)
        expect(lines(content), name).to.deep.equal(lines(readFileSync(join(folder, name), 'utf8')))
      expect(files.map(({ name }) => name)).to.deep.equal(['.js', '.d.ts'].map((end) => proto.replace('.proto', end)))
    })
  }

  it('keeps folders, and says what is wrong with an option', async function () {
    peer(this, { needs: ['protoc'], apt: 'protobuf-compiler' })
    mkdirSync(join(folder, 'deep'))
    const text = 'syntax = "proto3"; package say; message Ask { int64 at_once = 1; } message Reply {}'
    writeFileSync(join(folder, 'deep/say.proto'), text)
    const made = await answered(request('deep/say.proto', [folder], 'target=ts,keep-case,no-codec'))
    expect(made.files[0]?.name).to.equal('deep/say.ts')
    expect(made.files[0]?.content).to.include('at_once: bigint').and.not.include('codec:')
    const refused = [
      ['tarjet=ts', 'tarjet'],
      ['int64=text', 'bigint, long or number'],
      ['header=length:u99', 'u99'],
      ['types={Aks: 1}', 'did you mean Ask'],
    ] as const
    for (const [option, told] of refused)
      expect((await answered(request('deep/say.proto', [folder], option))).error).to.include(told)
  })

  it('answers a schema that it refuses, rather than to end without a word', async () => {
    const { error } = await answered(
      messages.encode('Request', { names: ['a.proto'], files: [Buffer.from('nonsense')] }),
    )
    expect(error).to.include('no descriptor set')
  })
})
