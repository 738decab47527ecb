import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { build } from 'esbuild'
import { run } from '../../lib/cli/verbs/generate.ts'
import { cli } from '../support/cli.ts'
import { ROOT } from '../support/pages.ts'

/** A tenth message for those of chat.proto. */
const TYPING = 'message Typing { option (qbp.type) = 10; string room = 1; string name = 2; }\n'
const KB = 1024

/** A page's program as esbuild makes it, without a warning. */
async function bundle(contents: string) {
  const stdin = { contents, resolveDir: ROOT, loader: 'ts' } as const
  const options = {
    bundle: true,
    platform: 'browser',
    format: 'esm',
    minify: true,
    write: false,
    metafile: true,
  } as const
  const { outputFiles, metafile, warnings } = await build({ stdin, ...options, logLevel: 'silent' })
  expect(warnings).to.deep.equal([])
  const text = outputFiles[0]?.text ?? ''
  const [made] = Object.values(metafile.outputs)
  const inputs = Object.entries(made?.inputs ?? {}).flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? [path] : [],
  )
  return { text, inputs, bytes: gzipSync(text, { level: 9 }).length }
}

describe('qbp-stream/web in a page, with a module of ten messages', function () {
  this.timeout(20_000)
  let folder: string
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-size-'))
    const schema = readFileSync(join(ROOT, 'schemas/chat.proto'), 'utf8') + TYPING
    expect([...schema.matchAll(/^ *message /gm)]).to.have.lengthOf(10)
    writeFileSync(join(folder, 'chat.proto'), schema)
    const args = ['-o', join(folder, 'chat.ts'), '--import', 'qbp-stream/web', '--header', 'type:u16 length:u32']
    expect(await cli(run, [join(folder, 'chat.proto'), ...args])).to.include({ code: 0, stderr: '' })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** What a page of its own imports. */
  const page = (more = '', options = '') =>
    bundle(`
      import { connect, Protocol ${more} } from './lib/web/index.ts'
      import { chat } from '${folder}/chat.ts'
      connect(Protocol.from(chat, { ${options} }), 'wss://example.org')`)

  it('takes at most 25 KB gzipped', async () => {
    expect((await page()).bytes).to.be.at.most(25 * KB)
  })

  it('takes ten more where it calls, and none of it where it does not', async () => {
    const calling = await page(', calls', 'calls: calls()')
    expect(calling.bytes).to.be.at.most(35 * KB)
    const { inputs } = await page()
    expect(calling.inputs).to.include('lib/calls/calls.ts')
    expect(inputs.filter((path) => /^lib\/calls\/(?!limits)/.test(path))).to.deep.equal([])
  })

  it('has nothing of Node, nothing that makes code, and no protobufjs', async () => {
    const { text, inputs } = await page(', calls', 'calls: calls()')
    expect(inputs.filter((path) => /node_modules|node:/.test(path))).to.deep.equal([])
    expect(text).to.not.match(/\bnew Function\b|\beval\(|\brequire\(|\bprocess\./)
  })
})
