// Puts what lib/cli/embedded.ts reads from the repository into the compiled file in its place: dist/ stands alone.
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
const read = (path) => readFileSync(join(root, path), 'utf8')
const { version } = JSON.parse(read('package.json'))
const texts = JSON.stringify({ version, lua: read('lib/cli/wireshark/dissector.lua') }, null, 2)
writeFileSync(join(root, 'dist/cli/embedded.js'), `const texts = ${texts}\nexport const embedded = () => texts\n`)
