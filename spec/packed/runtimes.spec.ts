import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { programs, protoName, ROOT, snippets } from '../support/pages.ts'
import { run } from '../support/peers.ts'
import { type EmptyFolder, emptyFolder, tarball } from '../support/tarball.ts'

const { binary } = require('../../scripts/runtimes/binaries.cjs') as { binary(name: string): string }

/** The specs that are quick there, and wait for no clock: `npm run runtimes` runs the others. */
const SPECS = [
  ...['calls/', 'protojson/', 'streams/', 'testing/', 'web/', 'codec/bytes', 'codec/no-codegen', 'framing/vectors'],
  ...['net/calls', 'net/client', 'net/connection', 'net/contexts', 'net/decisions', 'net/diagnostics', 'net/group.'],
  ...['net/handlers', 'net/listener', 'net/names', 'net/options', 'net/plumbing', 'net/server', 'net/stats'],
].map((path) => `spec/${path}`)

/** How each runtime runs a file. */
const COMMANDS = { bun: 'run', deno: 'run -A' } as const

describe('on another runtime', function () {
  this.timeout(300_000)

  const protos = snippets('README.md', 'proto')
  let folder: EmptyFolder
  before(async () => {
    await tarball()
    folder = await emptyFolder()
    for (const { text } of protos) writeFileSync(join(folder.path, protoName(text)), text)
    await folder.type('npm init -y && npm pkg set type=module && npm install qbp-stream')
  })
  after(() => folder?.remove())

  for (const [name, command] of Object.entries(COMMANDS)) {
    it(`${name}: README's programs print what they say, with a module that it has generated`, async () => {
      const runtime = `${binary(name)} ${command}`
      for (const { text } of protos) {
        const file = protoName(text)
        const out = file.replace('.proto', '.js')
        const command = 'node_modules/qbp-stream/dist/cli/command/main.js'
        await folder.type(`rm -f ${out} && ${runtime} ${command} generate ${file}`)
      }
      for (const [index, { text, prints }] of programs('README.md').entries()) {
        writeFileSync(join(folder.path, `program-${index}.js`), text)
        const printed = await folder.type(`${runtime} program-${index}.js`)
        expect(words(printed)).to.equal(words(prints))
      }
    })

    it(`${name}: the specs of connections, streams, calls and of qbp-stream/web pass`, async () => {
      const args = ['scripts/runtimes/run.cjs', name, '--quick', ...SPECS]
      const { stdout } = await run(process.execPath, args, { cwd: ROOT, timeoutMs: 280_000 })
      expect(stdout).to.match(/\d{3} passing, 0 failing, \d+ left out, 0 stale\n$/)
    })
  }
})

/** What is printed, without its layout. Bun shows a message without its class, and with its toJSON. */
const words = (text: string): string =>
  text
    .replace(/\bSaid (?=\{)|toJSON: \[Function: toJSON\]/g, '')
    .replace(/[\s,'"]+/g, ' ')
    .replace(/ ([:}])/g, '$1')
    .trim()
