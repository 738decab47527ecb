// Part of npm run build: the entries for Node as one file each, over one that they share, so that a class is one whichever entries a
// program imports. Two hundred modules took 430 ms of CPU to import, these take 240, and each file is one or two of them. What tsc
// has made stays for the declarations, for the command, and for qbp-stream/web, of which a page's own bundler takes what the page needs.
const { buildSync } = require('esbuild')
const { mkdirSync, rmSync, writeFileSync } = require('node:fs')
const { dirname, join } = require('node:path')

const dist = join(__dirname, '..', 'dist')
const options = {
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  packages: 'external',
  external: ['node:*'],
  target: 'es2022',
  logLevel: 'warning',
  write: false,
}
const MAIN = 'index'
const others = ['bus/nats/nats-bus', 'ws/index', 'testing/index']

// esbuild makes a file of what each set of entries shares, eight of four: each of the others says that it uses all of the main one, which
// its programs import beside it, and that leaves one.
const exported = buildSync({ ...options, entryPoints: [join(dist, `${MAIN}.js`)], outdir: dist, metafile: true })
const [{ exports: names }] = Object.values(exported.metafile.outputs)
const USES = 'usesAllOf'
const whole = join(dist, 'whole')
for (const entry of others) {
  const [own, main] = [entry, MAIN].map((path) => JSON.stringify(join(dist, `${path}.js`)))
  const path = join(whole, `${entry}.js`)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `export * from ${own}\nimport { ${names} } from ${main}\n${USES}(${names})\n`)
}
const { outputFiles } = buildSync({
  ...options,
  entryPoints: [
    { in: join(dist, `${MAIN}.js`), out: MAIN },
    ...others.map((entry) => ({ in: join(whole, `${entry}.js`), out: entry })),
  ],
  outdir: join(dist, 'entry'),
  chunkNames: 'shared/[hash]',
  splitting: true,
})
rmSync(whole, { recursive: true })

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

for (const { path, text: source } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  // No module of the package does anything when it is imported, which package.json says; an import for that alone makes bundlers warn.
  const text = source.replaceAll(/^import "\.[^"]*";\n/gm, '').replace(new RegExp(`^${USES}\\([^)]*\\);\n`, 'm'), '')
  writeFileSync(path, withNames(text))
}
