import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { programs, snippets } from '../support/pages.ts'
import { type EmptyFolder, emptyFolder, tarball } from '../support/tarball.ts'

const { binary } = require('../../scripts/runtime.cjs') as { binary(name: string): string }

/** How each runtime runs a file. */
const COMMANDS = { bun: 'run', deno: 'run -A' } as const

describe('on another runtime', function () {
  this.timeout(300_000)

  let folder: EmptyFolder
  before(async () => {
    await tarball()
    folder = await emptyFolder()
    writeFileSync(join(folder.path, 'chat.proto'), snippets('README.md', 'proto')[0]?.text ?? '')
    await folder.type('npm init -y && npm pkg set type=module && npm install qbp-stream')
  })
  after(() => folder?.remove())

  for (const [name, command] of Object.entries(COMMANDS)) {
    it(`${name}: README's programs print what they say, with a module that it has generated`, async () => {
      const runtime = `${binary(name)} ${command}`
      await folder.type(
        `rm -f chat.js && ${runtime} node_modules/qbp-stream/dist/cli/command/main.js generate chat.proto`,
      )
      for (const [index, { text, prints }] of programs('README.md').entries()) {
        writeFileSync(join(folder.path, `program-${index}.js`), text)
        const printed = await folder.type(`${runtime} program-${index}.js`)
        expect(words(printed)).to.equal(words(prints))
      }
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
