// Puts what lib/cli/embedded.ts reads from the repository into the compiled file in its place: dist/ stands alone.
const { readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const root = join(__dirname, '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const texts = JSON.stringify({ version }, null, 2)
writeFileSync(join(root, 'dist/cli/embedded.js'), `const texts = ${texts}\nexport const embedded = () => texts\n`)
