// npm run generate: makes the typed module beside each schema of an example, in one process.
const { readdirSync } = require('node:fs')
const { join } = require('node:path')
const { run } = require('../lib/cli/generate.ts')

;(async () => {
  for (const file of readdirSync(__dirname).filter((name) => name.endsWith('.proto'))) {
    const proto = join(__dirname, file)
    const out = proto.replace(/\.proto$/, '.ts')
    process.exitCode ||= await run([proto, '-o', out, '--import', '../lib/index.ts'], process)
  }
})()
