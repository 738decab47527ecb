// The binaries of other runtimes and of tools, from npm, in .peers/runtimes.

const { execFileSync } = require('node:child_process')
const { existsSync, mkdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

/** The npm package that brings a binary, and where it lies in it. */
const BINARIES = {
  bun: ['@oven/bun-linux-x64', 'bin/bun'],
  deno: ['@deno/linux-x64-glibc', 'deno'],
  workerd: ['@cloudflare/workerd-linux-64', 'bin/workerd'],
  buf: ['@bufbuild/buf-linux-x64', 'bin/buf'],
}

/** The path of a binary, which is installed where it is not there yet. */
function binary(name) {
  const [from, path] = BINARIES[name]
  const folder = join(__dirname, '../../.peers/runtimes', name)
  const file = join(folder, 'node_modules', from, path)
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', from], { cwd: folder, stdio: 'inherit' })
  }
  return file
}

module.exports = { binary }
