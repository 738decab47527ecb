import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pageText, ROOT } from '../support/pages.ts'

const { binary } = require('../../scripts/runtimes/binaries.cjs') as { binary(name: string): string }

describe('buf', function () {
  this.timeout(180_000)
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'qbp-buf-'))
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    const plugin = join(bin, 'protoc-gen-qbp')
    writeFileSync(plugin, `#!/bin/sh\ncd '${ROOT}' && exec node scripts/ts.cjs lib/cli/command/protoc-gen-qbp.ts\n`)
    chmodSync(plugin, 0o755)
    mkdirSync(join(folder, 'proto/qbp'), { recursive: true })
    cpSync(join(ROOT, 'schemas/chat.proto'), join(folder, 'proto/chat.proto'))
    cpSync(join(ROOT, 'schemas/qbp/options.proto'), join(folder, 'proto/qbp/options.proto'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('generates as docs/tool-chains.md says', () => {
    const [, config = ''] = /^```yaml\n(.*?)^```$/ms.exec(pageText('docs/tool-chains.md')) ?? []
    writeFileSync(join(folder, 'buf.gen.yaml'), config)
    const env = {
      ...process.env,
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      BUF_CACHE_DIR: join(folder, 'cache'),
    }
    execFileSync(binary('buf'), ['generate', 'proto', '--path', 'proto/chat.proto'], {
      cwd: folder,
      env,
      stdio: 'pipe',
    })
    const made = readFileSync(join(folder, 'src/gen/chat.ts'), 'utf8')
    expect(made).to.include("header: 'type:u16 length:u32'").and.include('export type Messages = {')
  })
})
