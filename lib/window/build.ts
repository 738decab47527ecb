// Builds the page, and what of the window is bundled for the package. Not in the package itself.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Metafile, Plugin } from 'esbuild'

const ROOT = join(__dirname, '..', '..')

/** The page has no use for protobufjs's parser, nor for descriptor.proto: its schema comes as JSON. */
const leaveOut: Plugin = {
  name: 'leave out what reads .proto files',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^protobufjs$/ }, ({ resolveDir, kind }) =>
      resolve('protobufjs/light.js', { resolveDir, kind }),
    )
    onResolve({ filter: /^protobufjs\/ext\/descriptor\.js$/ }, ({ path }) => ({ path, namespace: 'left-out' }))
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export default null' }))
  },
}

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>qbp tap</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<body><script type="module" src="page.js"></script>
`

/** The page's files, and the packages of which parts are in them. */
export async function buildPage() {
  const { build } = await import('esbuild') // Only here: the command, run from source, starts the quicker.
  const { outputFiles, metafile } = await build({
    entryPoints: [join(__dirname, 'page', 'page.tsx'), join(__dirname, 'page', 'page.css')],
    absWorkingDir: ROOT,
    outdir: 'out',
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    plugins: [leaveOut],
    logLevel: 'error',
  })
  const text = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? ''
  return {
    assets: {
      '': { contentType: 'text/html; charset=utf-8', text: html },
      'page.js': { contentType: 'text/javascript; charset=utf-8', text: text('.js') },
      'page.css': { contentType: 'text/css; charset=utf-8', text: text('.css') },
    },
    packages: packagesOf(metafile),
  }
}

const packagesOf = ({ inputs }: Metafile): string[] => [
  ...new Set(
    Object.keys(inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.slice(1, 2) ?? []),
  ),
]

/** Puts the page and ws in place of the modules that stand for them in `folder`, the compiled lib/window. Returns what is in them. */
export async function build(folder: string): Promise<string[]> {
  const page = await buildPage()
  writeFileSync(
    join(folder, 'assets.js'),
    `const assets = ${JSON.stringify(page.assets)}\nexport const pageAssets = async () => assets\n`,
  )
  const packages = await bundle('lib/window/websocket.ts', join(folder, 'websocket.js'))
  for (const end of ['js', 'd.ts']) rmSync(join(folder, `build.${end}`))
  return [...page.packages, ...packages]
}

/** Puts a package, bundled, in place of the module that exports it. Returns which packages are in it. */
export async function bundle(entry: string, outfile: string): Promise<string[]> {
  const esbuild = await import('esbuild')
  const { metafile } = await esbuild.build({
    entryPoints: [join(ROOT, entry)],
    outfile,
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    legalComments: 'none',
    // What ws takes where it is installed, and does without where it is not.
    external: ['bufferutil', 'utf-8-validate'],
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    logLevel: 'error',
  })
  rmSync(outfile.replace(/\.js$/, '.d.ts'))
  return packagesOf(metafile)
}

/** The licenses of bundled packages, one after another. */
export const licensesOf = (packages: readonly string[]): string =>
  [...new Set(packages)]
    .sort()
    .map(license)
    .join(`\n${'-'.repeat(72)}\n\n`)

function license(name: string): string {
  const folder = join(ROOT, 'node_modules', name)
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
  const text = file === undefined ? `License: ${license}` : readFileSync(join(folder, file), 'utf8').trim()
  return `${name} ${version}\n\n${text}\n`
}
