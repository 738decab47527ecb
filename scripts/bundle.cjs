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
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  // No module of the package does anything when it is imported, which package.json says; an import for that alone makes bundlers warn.
  writeFileSync(path, text.replaceAll(/^import "\.[^"]*";\n/gm, ''))
}
