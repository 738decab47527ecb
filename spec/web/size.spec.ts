import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { build } from 'esbuild'
import { ROOT } from '../support/pages.ts'

/** What a page of its own imports. */
const PAGE = `
  import { connect, Protocol } from './lib/web/index.ts'
  import { chat } from './schemas/chat.ts'
  connect(Protocol.from(chat), 'wss://example.org')`

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
  return { text: outputFiles[0]?.text ?? '', inputs: Object.keys(metafile.inputs) }
}

describe('qbp-stream/web in a page', () => {
  it('takes at most 26.5 KB gzipped, with a module of nine messages', async () => {
    const messages = [...readFileSync(join(ROOT, 'schemas/chat.proto'), 'utf8').matchAll(/^ *message /gm)]
    expect(messages).to.have.lengthOf(9)
    expect(gzipSync((await bundle(PAGE)).text, { level: 9 }).length).to.be.at.most(26_500)
  })

  it('has nothing of Node, nothing that makes code, and no protobufjs', async () => {
    const { text, inputs } = await bundle(PAGE)
    expect(inputs.filter((path) => /node_modules|node:/.test(path))).to.deep.equal([])
    expect(text).to.not.match(/\bnew Function\b|\beval\(|\brequire\(|\bprocess\./)
  })
})
