// Part of npm run build: the entries for Node as one file each, with what they share in files of its own, so that a class is one
// whichever entries a program imports. Two hundred modules took 430 ms of CPU to import, these take 240. What tsc has made stays
// for the declarations, for the command, and for qbp-stream/web, of which a page's own bundler takes what the page needs.
const { buildSync } = require('esbuild')
const { mkdirSync, writeFileSync } = require('node:fs')
const { dirname, join } = require('node:path')

const dist = join(__dirname, '..', 'dist')
const entries = ['index.js', 'bus/nats/nats-bus.js', 'ws/index.js', 'testing/index.js']
const { outputFiles } = buildSync({
  entryPoints: entries.map((entry) => join(dist, entry)),
  outbase: dist,
  outdir: join(dist, 'entry'),
  chunkNames: 'shared/[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  packages: 'external',
  external: ['node:*'],
  target: 'es2022',
  logLevel: 'warning',
  write: false,
})
/** A class that names itself within is `var Name = class _Name` to esbuild, and would be _Name in stacks and at the console. */
function withNames(text) {
  const classes = [...text.matchAll(/^var (\w+) = class _(\w+)\b/gm)]
  const isOwn = ([, variable, name]) => variable === name && classes.filter((each) => each[2] === name).length === 1
  const renamed = classes
    .filter(isOwn)
    .reduce((named, [, name]) => named.replaceAll(new RegExp(`\\b_${name}\\b`, 'g'), name), text)
  // One that extends another of its name keeps the inner one.
  const rest = classes.filter((each) => !isOwn(each))
  const naming = ([, variable, name]) => `Object.defineProperty(${variable}, 'name', { value: '${name}' });\n`
  return renamed + rest.map(naming).join('')
}

for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  // No module of the package does anything when it is imported, which package.json says; an import for that alone makes bundlers warn.
  writeFileSync(path, withNames(text.replaceAll(/^import "\.[^"]*";\n/gm, '')))
}
