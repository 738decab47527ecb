// A copy of the repository that any runtime can run: every TypeScript file of it made CommonJS.

const { transformSync } = require('esbuild')
const {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs')
const { dirname, join } = require('node:path')

const ROOT = join(__dirname, '../..')
/** What specs read of the repository. */
const COPIED = ['lib', 'spec', 'schemas', 'examples', 'docs', 'README.md', 'package.json', 'tsconfig.json']
const LINKED = ['node_modules', '.peers', 'bench', '.ci']

/** Makes the copy in a folder that is not there yet. */
function copy(folder) {
  for (const top of COPIED) {
    for (const path of filesOf(top)) {
      const from = join(ROOT, path)
      const to = join(folder, path)
      mkdirSync(dirname(to), { recursive: true })
      if (/\.tsx?$/.test(path)) writeFileSync(to.replace(/\.tsx?$/, '.cjs'), commonJs(from))
      cpSync(from, to) // Beside it, for specs that read it as text.
    }
  }
  mkdirSync(join(folder, 'scripts'))
  cpSync(join(__dirname, 'ts.cjs'), join(folder, 'scripts/ts.cjs'))
  cpSync(join(__dirname, 'specs.cjs'), join(folder, 'specs.cjs'))
  for (const top of LINKED) if (existsSync(join(ROOT, top))) symlinkSync(join(ROOT, top), join(folder, top))
}

function filesOf(top) {
  if (statSync(join(ROOT, top)).isFile()) return [top]
  const entries = readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
}

function commonJs(file) {
  const loader = file.endsWith('x') ? 'tsx' : 'ts'
  const { code } = transformSync(readFileSync(file, 'utf8'), { loader, format: 'cjs', target: 'es2022' })
  return code
    .replace(/(require\((["'`])\.[^"'`]*)\.tsx?(\2\))/g, '$1.cjs$3')
    .replace(/import\((["']\.[^"']*)\.tsx?(["'])\)/g, 'Promise.resolve(require($1.cjs$2))')
}

module.exports = { copy }
