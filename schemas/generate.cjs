// npm run generate: makes the typed modules that are not checked in, in one process: beside each example's schema, and the
// window's.
const { readdirSync } = require('node:fs')
const { join } = require('node:path')
const { run } = require('../lib/cli/verbs/generate.ts')

async function main() {
  const { stdin, stdout, stderr, env } = process
  const io = { stdin, stdout, stderr, env, signal: new AbortController().signal }
  const examples = readdirSync(__dirname).filter((name) => name.endsWith('.proto'))
  const window = join(__dirname, '../lib/window')
  const modules = [
    ...examples.map((name) => {
      const proto = join(__dirname, name)
      return [proto, '-o', proto.replace(/\.proto$/, '.ts'), '--import', '../lib/index.ts']
    }),
    [join(window, 'window.proto'), '-o', join(window, 'messages.ts'), '--int64', 'number', '--import', '../index.ts'],
  ]
  for (const args of modules) process.exitCode ||= await run(args, io)
}

void main()
