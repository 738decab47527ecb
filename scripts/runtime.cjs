// node scripts/runtime.cjs bun|deno [SPEC…]: the specs on another runtime, without ts-node: every file of the repository is
// made CommonJS in a copy, and mocha runs there. Default: all specs but those of ELSEWHERE, and without the titles of DIFFERENT.

const { execFileSync, spawnSync } = require('node:child_process')
const {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} = require('node:fs')
const { dirname, join } = require('node:path')

const ROOT = join(__dirname, '..')

/** The npm package that brings a binary, a runtime's or a tool's, and where it lies in it. */
const BINARIES = {
  bun: ['@oven/bun-linux-x64', 'bin/bun'],
  deno: ['@deno/linux-x64-glibc', 'deno'],
  workerd: ['@cloudflare/workerd-linux-64', 'bin/workerd'],
  buf: ['@bufbuild/buf-linux-x64', 'bin/buf'],
}

/** Specs that are about something else than the library on this runtime: the tool chain, processes of Node, V8's memory, a second's work. */
const ELSEWHERE = [
  ...['spec/cli/', 'spec/package/', 'spec/packed/', 'spec/peers', 'spec/window/', 'spec/support/'],
  ...['spec/bus/nats-kill', 'spec/cluster/bus-group-kill', 'spec/cluster/example', 'spec/cluster/faults'],
  ...['spec/system/conformance', 'spec/system/memory', 'spec/system/fuzz', 'spec/calls/window-memory'],
  ...['spec/web/page', 'spec/web/size', 'spec/event-loop/mocked-timers'],
]

/** Titles of specs that start Node with its own flags. */
const OF_NODE = [
  'NODE_DEBUG=qbp',
  'where the process forbids code from strings',
  'over the standard input and output of a child process',
]

/** What a runtime does otherwise, by the titles of specs. docs/runtimes.md says it to users. */
const DIFFERENT = {
  bun: [
    'TLS is 1.3 where both can, and 1.2 at the least',
    'TLS says so where one side speaks plain',
    'A codec that cannot be compiled is no fault of a body or a message',
  ],
  deno: [
    "a frame that straddles chunks is copied once where its chunks are nobody else's",
    'TLS is 1.3 where both can, and 1.2 at the least',
    'TLS refuses certificates that have expired',
    'TLS gives a handshake no longer than handshakeTimeoutMs',
    'over TLS a client may end its side and still read the replies',
    "over TLS the handler's return sends what it wrote, and then ends",
    'durable: gives a large past to a slow reader piece by piece',
    'fails with what each address of a name says, where nobody is there',
    'a callback of one connection never runs in the context of another by `data`',
    'is no silence of the peer, to idleTimeoutMs',
    'of a writer alone says success when its bytes are read, and a fault when they never are',
    'Writable.toWeb(writer) pushes back by highWaterMarkBytes',
    'a network that falls silent on the way to the server',
    'stays fair where one peer floods tiny frames',
  ],
}

/** The path of a runtime's binary, installed from npm where it is not there yet. */
function binary(name) {
  const [from, path] = BINARIES[name]
  const folder = join(ROOT, '.peers', 'runtimes', name)
  const file = join(folder, 'node_modules', from, path)
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', from], { cwd: folder, stdio: 'inherit' })
  }
  return file
}

/** A copy in which every TypeScript file is CommonJS. */
function copy(folder) {
  const { transformSync } = require('esbuild')
  rmSync(folder, { recursive: true, force: true })
  for (const top of ['lib', 'spec', 'schemas', 'examples', 'docs']) {
    for (const entry of readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const from = join(entry.parentPath ?? entry.path, entry.name)
      const to = from.replace(ROOT, folder)
      mkdirSync(dirname(to), { recursive: true })
      if (!/\.tsx?$/.test(from)) cpSync(from, to)
      else {
        const loader = from.endsWith('x') ? 'tsx' : 'ts'
        const { code } = transformSync(readFileSync(from, 'utf8'), { loader, format: 'cjs', target: 'es2022' })
        const paths = code
          .replace(/(require\(["']\.[^"']*)\.tsx?(["']\))/g, '$1.js$2')
          .replace(/import\((["']\.[^"']*)\.tsx?(["'])\)/g, 'Promise.resolve(require($1.js$2))')
        writeFileSync(to.replace(/\.tsx?$/, '.js'), paths)
      }
    }
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }')
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
}

/** A program that runs these specs: mocha's command line is made for Node's. */
const runner = (files, without) => `
const { join } = require('node:path')
const mocha = require('mocha')
const run = new (mocha.default ?? mocha)({ timeout: 60_000, reporter: 'dot' })
for (const file of ${JSON.stringify(files)}) run.addFile(join(__dirname, file))
run.grep(new RegExp(${JSON.stringify(without)})).invert()
run.run((failures) => process.exit(failures > 0 ? 1 : 0)).on('fail', (test, fault) => console.log('\\n' + test.fullTitle() + ': ' + fault.message))
`

function main([name, ...chosen]) {
  const folder = join(ROOT, '.runtimes', `${name}-${process.pid}`)
  copy(folder)
  const all = readdirSync(join(folder, 'spec'), { recursive: true }).map((path) => `spec/${path}`)
  const isElsewhere = (path) =>
    ELSEWHERE.some((prefix) => path.startsWith(prefix) && !chosen.some((spec) => spec.startsWith(prefix)))
  const isChosen = (path) => chosen.length === 0 || chosen.some((spec) => path.startsWith(spec.replace(/\.ts$/, '')))
  const wanted = (path) => isChosen(path) && !isElsewhere(path)
  const files = all.filter((path) => path.endsWith('.spec.js') && wanted(path)).sort()
  const without = [...OF_NODE, ...DIFFERENT[name]].map((title) => title.replace(/[.=()]/g, '\\$&')).join('|')
  writeFileSync(join(folder, 'run.js'), runner(files, without))
  const { status } = spawnSync(binary(name), [...(name === 'deno' ? ['run', '-A'] : []), 'run.js'], {
    cwd: folder,
    stdio: 'inherit',
  })
  rmSync(folder, { recursive: true, force: true })
  process.exitCode = status ?? 1
}

module.exports = { binary }
if (require.main === module) main(process.argv.slice(2))
